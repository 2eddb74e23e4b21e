"""Did Twilio send this? HMAC over the URL that Twilio was given and every parameter, checked with the official validator.

Fails closed: without a token nothing passes. The URL is built from the configured public one: what the socket saw is http behind TLS
termination, and a Host header is whatever the sender says. Source: twilio.com/docs/usage/webhooks/webhooks-security.
"""

from collections.abc import Mapping, Sequence

from twilio.request_validator import RequestValidator

SIGNATURE_HEADER = "x-twilio-signature"


class Parameters(dict[str, list[str]]):
    """Form parameters with all values of each, as the validator asks for them."""

    def getlist(self, name: str) -> list[str]:
        """Return every value of `name`, in the order sent."""
        return self.get(name, [])


def is_genuine(
    tokens: Sequence[str], public_url: str, path: str, query: str, body: Mapping[str, list[str]] | str, signature: str | None
) -> bool:
    """Tell whether any of `tokens` signed the request. `body`: form parameters, or the raw text of a JSON body (which needs
    `bodySHA256`).
    """
    if not tokens or not signature or not public_url:
        return False
    url = f"{public_url.rstrip('/')}{path}" + (f"?{query}" if query else "")
    if isinstance(body, str) and "bodySHA256=" not in query:
        return False
    content = body if isinstance(body, str) else Parameters(body)
    return any(RequestValidator(token).validate(url, content, signature) for token in tokens if token)
