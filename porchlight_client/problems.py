"""What did the hub refuse, as an exception? RFC 9457 problems become the very error classes that the hub raised, with its sentence.

`error.detail` says what to do, `error.code` and `error.status` are for programs, `error.members` hold what the problem says besides
(`reasons`, `allowed`, `retry_after_s`, ... and `request_id`, by which the operator finds it).
"""

from typing import Any

import msgspec

from core.errors import (
    BadInput,
    Busy,
    Conflict,
    HubError,
    IllegalMove,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLarge,
    TooMany,
    Unavailable,
)
from safety.incident import OutOfDate
from tracking.fares.quote import CurrencyMismatch, NoTariff, NotServed, StaleQuote
from visits.refusal import NotAssignable, NotThere, TooEarly, WrongDoorCode

_BY_CODE: dict[str, type[HubError]] = {
    error.code: error
    for error in (
        BadInput, NotSignedIn, NotAllowed, NotFound, Conflict, IllegalMove, TooLarge, TooMany, Busy, Unavailable, OutOfDate, StaleQuote,
        NotServed, NoTariff, CurrencyMismatch, NotAssignable, NotThere, TooEarly, WrongDoorCode,
    )
}  # fmt: skip
_BY_STATUS: dict[int, type[HubError]] = {
    400: BadInput,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: BadInput,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_STANDARD = frozenset({"type", "title", "status", "detail", "code"})


class NoAnswer(Unavailable):
    """The hub did not answer. Check its address and whether it runs; the request may or may not have been carried out."""

    code = "no_answer"


class StrangeAnswer(HubError):
    """What came back is no answer of a hub, or of one that is much older or newer than this client. Check the address and versions."""

    code, status = "strange_answer", 500


def error_of(status: int, raw: bytes, *, retry_after: str | None = None, request_id: str | None = None) -> HubError:
    """Return the error in an answer of `status` 400 or more; a code that this client does not know becomes the kind of its status."""
    said = _object(raw)
    members = {name: value for name, value in said.items() if name not in _STANDARD}
    if (wait_s := seconds(retry_after)) is not None:
        members.setdefault("retry_after_s", wait_s)
    if request_id:
        members.setdefault("request_id", request_id)
    code = str(said.get("code", ""))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, HubError)
    error = kind(str(said.get("detail") or f"The hub answered {status}."), **members)
    # A code or status of its own goes before that of the class that stands for it.
    vars(error).update({"status": status} | ({"code": code} if code else {}))
    return error


def seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None without one, and for one that names a date, which the hub never sends."""
    try:
        wait_s = float(retry_after or "")
    except ValueError:
        return None
    return wait_s if 0 <= wait_s < float("inf") else None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}
