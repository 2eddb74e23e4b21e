"""How does a browser carry a dispatcher's session? One cookie that no script reads and no other site's page sends.

Over https its name begins with `__Host-`, which browsers accept only with Secure, Path=/ and without Domain. Source: RFC 6265bis, 4.1.3.2.
"""

from visits.credential import SESSION_LIFE


def cookie_name(public_origin: str) -> str:
    """Return the cookie's name for a hub at `public_origin`, such as https://hub.example."""
    return "__Host-pl_session" if is_secure(public_origin) else "pl_session"


def is_secure(public_origin: str) -> bool:
    """Tell whether the hub is reached over https."""
    return public_origin.lower().startswith("https://")


def set_cookie(public_origin: str, token: str) -> str:
    """Return the Set-Cookie header that signs a browser in."""
    return f"{cookie_name(public_origin)}={token}; Max-Age={int(SESSION_LIFE.total_seconds())}; {_attributes(public_origin)}"


def drop_cookie(public_origin: str) -> str:
    """Return the Set-Cookie header that signs a browser out."""
    return f"{cookie_name(public_origin)}=; Max-Age=0; {_attributes(public_origin)}"


def _attributes(public_origin: str) -> str:
    return "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if is_secure(public_origin) else "")
