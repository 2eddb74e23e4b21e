"""What went wrong, and what should the reader do? The house's errors, each a sentence with a cure.

Over HTTP they are written as RFC 9457 problems, over a socket as an `error` frame: both read `code`, `status`, `detail`.
"""

from typing import Any, ClassVar


class HubError(Exception):
    """The hub could not do what was asked."""

    code: ClassVar[str] = "hub_error"
    """Name on the wire, stable for programs."""
    status: ClassVar[int] = 500
    """HTTP status."""
    retryable: ClassVar[bool] = False
    """True where the same request may succeed later without being changed."""

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.members = members
        super().__init__(self.detail)

    def problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem document: `type`, `title`, `status`, `detail`, `code` and this error's own members."""
        title = (type(self).__doc__ or "").strip().splitlines()[0]
        return {
            "type": f"urn:porchlight:problem:{self.code}",
            "title": title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }


class BadInput(HubError):
    """The request is malformed: a field is missing, of the wrong type or out of range. Correct it and send it again."""

    code, status = "bad_input", 422


class NotSignedIn(HubError):
    """The credential is missing, unknown, expired or revoked. Sign in, enrol the device again, or ask for a new link."""

    code, status = "not_signed_in", 401


class NotAllowed(HubError):
    """This credential may not do that. Ask the site's owner for the right, or use the right account."""

    code, status = "not_allowed", 403


class NotFound(HubError):
    """There is no such thing, or it is not yours to see. Check the id."""

    code, status = "not_found", 404


class Conflict(HubError):
    """The thing has moved on, so the request no longer fits. Read its present state and decide again."""

    code, status = "conflict", 409


class IllegalMove(Conflict):
    """This act is not possible in the present state. The problem names the state, the act and what is allowed."""

    code = "illegal_move"


class TooLarge(HubError):
    """The body or frame is larger than the hub reads. Send it in smaller parts."""

    code, status = "too_large", 413


class TooMany(HubError):
    """Too many requests of this kind from this credential. Wait as long as Retry-After says."""

    code, status, retryable = "too_many", 429, True


class Busy(HubError):
    """The hub cannot store more at the moment. Keep what you have and send it again shortly."""

    code, status, retryable = "busy", 503, True


class Unavailable(HubError):
    """A part that this request needs is away. Nothing was changed; try again shortly."""

    code, status, retryable = "unavailable", 503, True
