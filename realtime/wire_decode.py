"""What does this frame say, and if nothing sensible, why not? Decoding of what comes in.

The fast way is one typed msgspec decode. Only a frame that fails it is looked at again, slowly: a bad fix among good ones costs only
itself,
NaN and Infinity (which JSON does not have, but which careless phones send) are named instead of "not JSON".
"""

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from core.errors import BadInput
from realtime.wire import ConsoleFrame, FixesBody, FixesFrame, FixFrame, FixRow, Refused
from realtime.wire_sos import SOS_FIELDS, CustomerSays, SosFrame, TechnicianSays
from realtime.wire_values import MAX_SEQ

FIXES_BEGIN = frozenset({b'{"type":"fix', '{"type":"fix', b'{"type": "fi', '{"type": "fi'})
"""The first twelve characters of a frame of fixes, of every program that puts the type first."""
MAX_DETAIL_CHARS = 300
"""Sentences quote what was sent; a field name of 60 kB is not quoted in full."""


class FrameFault(StrEnum):
    """Why a frame was not understood or not allowed; the `code` of an `error` frame."""

    NOT_JSON = "not_json"
    """The frame is not JSON text, or no object."""
    UNKNOWN_TYPE = "unknown_type"
    """There is no frame of this type in this direction."""
    UNKNOWN_FIELD = "unknown_field"
    """The frame has a field that this type does not know: a typing error would otherwise lose data silently."""
    MISSING_FIELD = "missing_field"
    """A field that this type needs is not there."""
    BAD_VALUE = "bad_value"
    """A field is of the wrong type, out of range, or no finite number."""
    TOO_MANY_FIXES = "too_many_fixes"
    """More fixes than `max_fixes` of `welcome`."""
    NOT_NOW = "not_now"
    """The frame is not expected at this moment, such as a fix before `hello`."""


class BadFrame(BadInput):
    """The frame was not understood. Correct it and send it again."""

    code: ClassVar[str] = "bad_frame"

    def __init__(self, fault: FrameFault, detail: str, fix: Refused | None = None) -> None:
        super().__init__(_readable(detail))
        self.fault = fault
        self.fix = fix
        """The one fix that the frame was, where at least its seq can be told: it is refused, or the phone would send it for ever."""


_technician = msgspec.json.Decoder(TechnicianSays)
_customer = msgspec.json.Decoder(CustomerSays)
_console = msgspec.json.Decoder(ConsoleFrame)
_fixes = msgspec.json.Decoder(FixesBody)

NOTHING_REFUSED: tuple[Refused, ...] = ()


def decode_technician(buffer: bytes | str) -> tuple[TechnicianSays, Sequence[Refused]]:
    """Return a technician's frame and the fixes of it that could not be read; raises `BadFrame` when nothing of it can."""
    try:
        return _technician.decode(buffer), NOTHING_REFUSED
    except (msgspec.MsgspecError, UnicodeError) as error:
        return _salvage(buffer, TechnicianSays, error)


def decode_fixes(buffer: bytes | str) -> tuple[FixesBody, Sequence[Refused]]:
    """Return the body of `POST /v1/fixes` and its unreadable fixes; `type` may be left out. Raises `BadFrame`."""
    try:
        return _fixes.decode(buffer), NOTHING_REFUSED
    except (msgspec.MsgspecError, UnicodeError) as error:
        frame, refused = _salvage(buffer, FixesBody, error)
    if not isinstance(frame, FixesBody):
        raise BadFrame(FrameFault.UNKNOWN_TYPE, "This path takes a fixes frame: an object with fixes or rows.")
    return frame, refused


def decode_customer(buffer: bytes | str) -> CustomerSays:
    """Return a customer's frame; raises `BadFrame`."""
    try:
        frame: CustomerSays = _customer.decode(buffer)
    except (msgspec.MsgspecError, UnicodeError) as error:
        loose = _loose(buffer, error)
        return _press_in(loose) if loose.get("type") == "sos" else _converted(loose, CustomerSays)
    return frame


def decode_console(buffer: bytes | str) -> ConsoleFrame:
    """Return a console's frame; raises `BadFrame`."""
    frame: ConsoleFrame = _strict(_console, buffer)
    return frame


def _strict(decoder: "msgspec.json.Decoder[Any]", buffer: bytes | str) -> Any:
    try:
        return decoder.decode(buffer)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _fault_of(error) from None


def _salvage(buffer: bytes | str, wanted: Any, error: Exception) -> tuple[Any, Sequence[Refused]]:
    loose = _loose(buffer, error)
    kind = loose.get("type", "fixes" if wanted is FixesBody else None)
    if kind == "sos":
        return _press_in(loose), NOTHING_REFUSED
    if kind == "fix" and wanted is TechnicianSays:
        return _lone(loose), NOTHING_REFUSED
    if kind != "fixes" or not _has_lists(loose):
        return _converted(loose, wanted), NOTHING_REFUSED
    refused: list[Refused] = []
    fixes = _each(loose.pop("fixes", []), FixFrame, "fixes", refused)
    rows = _each(loose.pop("rows", []), FixRow, "rows", refused)
    envelope = _converted(loose, FixesBody if wanted is FixesBody else FixesFrame)
    return msgspec.structs.replace(envelope, fixes=fixes, rows=rows), refused


def _lone(loose: dict[str, Any]) -> Any:
    """Return the frame, or raise `BadFrame` that names the fix in it."""
    try:
        return _converted(loose, TechnicianSays)
    except BadFrame as bad:
        if (seq := _seq_of(loose)) is not None:
            bad.fix = Refused(seq=seq, reason="malformed", detail=bad.detail)
        raise


def _press_in(loose: dict[str, Any]) -> SosFrame:
    """Return the press in a frame, whatever else stands in it: a field too many must not silence a call for help."""
    return SosFrame(**{name: value for name, value in loose.items() if name in SOS_FIELDS})


def _loose(buffer: bytes | str, error: Exception) -> dict[str, Any]:
    """Return the frame as plain objects, NaN allowed; raises what msgspec said when it is no JSON object."""
    try:
        # The standard library reads NaN and Infinity; every number of the wire has bounds, which neither passes.
        loose = json.loads(buffer)
    except (ValueError, RecursionError):
        raise _fault_of(error) from None
    if not isinstance(loose, dict):
        raise _fault_of(error)
    return loose


def _has_lists(loose: dict[str, Any]) -> bool:
    return isinstance(loose.get("fixes", []), list) and isinstance(loose.get("rows", []), list)


def _each(items: list[Any], wanted: Any, field: str, refused: list[Refused]) -> list[Any]:
    good = []
    for place, item in enumerate(items):
        try:
            good.append(msgspec.convert(item, wanted))
        except (msgspec.MsgspecError, UnicodeError) as error:
            detail = _fault_of(error).detail.replace("`$", f"`{field}[{place}]", 1)
            refused.append(Refused(seq=_seq_of(item), reason="malformed", detail=detail))
    return good


def _seq_of(item: Any) -> int | None:
    seq = item.get("seq") if isinstance(item, dict) else item[0] if isinstance(item, list) and item else None
    return seq if type(seq) is int and 0 <= seq <= MAX_SEQ else None


def _converted(loose: Any, wanted: Any) -> Any:
    try:
        return msgspec.convert(loose, wanted)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _fault_of(error) from None


_FAULTS: tuple[tuple[re.Pattern[str], FrameFault, str], ...] = (
    (re.compile(r"unknown field"), FrameFault.UNKNOWN_FIELD, "Remove or rename it."),
    (re.compile(r"missing required field `type`"), FrameFault.UNKNOWN_TYPE, "Every frame says its type."),
    (re.compile(r"missing required field"), FrameFault.MISSING_FIELD, "Add it."),
    (re.compile(r"^Invalid value .* at `\$\.type`$", re.DOTALL), FrameFault.UNKNOWN_TYPE, "See the catalogue of frames."),
    (re.compile(r"^Expected `str`.* at `\$\.type`$"), FrameFault.UNKNOWN_TYPE, "A type is text."),
    (re.compile(r"^Expected `object`, got [^$]*$"), FrameFault.NOT_JSON, "A frame is a JSON object."),
    (re.compile(r"^Expected `(int|float)` [<>]=?"), FrameFault.BAD_VALUE, "NaN and Infinity are no numbers; leave out what is unknown."),
    (re.compile(r"^Invalid enum value"), FrameFault.BAD_VALUE, "See the catalogue of frames for the words it takes."),
)
"""msgspec tells its failures apart by words alone; the tests hold these words to the installed version."""


def _fault_of(error: Exception) -> BadFrame:
    said = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return BadFrame(FrameFault.NOT_JSON, f"{said}. A frame is one JSON object in UTF-8; NaN and Infinity are not JSON.")
    for pattern, fault, cure in _FAULTS:
        if pattern.search(said):
            return BadFrame(fault, f"{said}. {cure}")
    return BadFrame(FrameFault.BAD_VALUE, f"{said}. Correct it.")


def _readable(text: str) -> str:
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= MAX_DETAIL_CHARS else clean[: MAX_DETAIL_CHARS - 1] + "…"
