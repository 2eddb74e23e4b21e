"""Why was an act refused? The refusals of visits that pages must tell apart, each with its cure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Conflict
from visits.door_code import DoorVerdict


class NotAssignable(Conflict):
    """This technician cannot be given this visit now. The problem lists the reasons, each with its cure."""

    code = "not_assignable"


class NotThere(Conflict):
    """Her position does not show that she is at the place. Go nearer, wait for a better fix, or ask the desk to confirm it."""

    code = "not_there"


class WrongDoorCode(Conflict):
    """The door code does not match. Ask the customer again; after too many tries the desk has to confirm the door."""

    code = "wrong_door_code"


class ShiftNotOpen(Conflict):
    """No shift of hers is open, so nothing may be located now. Open or resume the shift first."""

    code = "shift_not_open"


class VisitUnderway(Conflict):
    """A visit of hers is underway. Finish it first, up to `left`."""

    code = "visit_underway"


class TooEarly(Conflict):
    """A no-show counts only after waiting. The problem says from when on."""

    code = "too_early"


def no_show_refusal(from_at: datetime, zone: str) -> TooEarly:
    """Return what to answer to a no-show before `from_at`, told by the site's clocks, the begun minute as a whole one."""
    at = from_at.astimezone(ZoneInfo(zone))
    whole = at if not (at.second or at.microsecond) else at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return TooEarly(f"A no-show counts from {whole:%H:%M} on. Ring again, or ask the desk.", possible_at=from_at)


def door_refusal(verdict: DoorVerdict, tries_left: int) -> WrongDoorCode | None:
    """Return what to answer to a typed door code, None when it matches; `tries_left` after this one."""
    if verdict is DoorVerdict.MATCHES:
        return None
    if verdict is DoorVerdict.LOCKED or tries_left == 0:
        return WrongDoorCode("Too many wrong door codes. Ask the desk to confirm the door.", verdict=DoorVerdict.LOCKED.value, tries_left=0)
    return WrongDoorCode(verdict=verdict.value, tries_left=tries_left)
