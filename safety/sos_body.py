"""What did the phone say when she pressed? One press as any wire brings it, read so that nothing in it can make it fail.

Whatever is wrong with it is left out and named, never a reason to refuse: an unreadable body from a known person is still a press.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from core.caller import Caller, CallerKind
from core.clock import from_ms
from core.errors import BadInput
from core.ids import IncidentId, SiteId, TechnicianId, VisitId
from safety.sos_tap import PersonKind, Receipt, Road, SosTap, believed_position

MAX_TAP_ID_CHARS = 80
RETRIED_WITHIN_S = 10
"""A later retry of a nameless press is one more press of the same open incident, which tells nobody again."""
MAX_REASON_CHARS = 500
_LAST_MS = 253_402_300_799_999
"""End of year 9999: the last instant that a datetime can hold."""
UNREADABLE = "The body could not be read."


class SosBody(msgspec.Struct, frozen=True, kw_only=True):
    """A press. `tap_id`: the phone's own name of it, the same in every retry. All else may be absent or absurd."""

    tap_id: str
    device_at_ms: Any = None
    lat: Any = None
    lon: Any = None
    accuracy_m: Any = None
    battery_pct: Any = None
    drill: bool = False
    queued: bool = False
    technician_id: str | None = None
    visit_id: str | None = None
    reason: str = ""


class TapReceipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What whoever pressed hears, only after the commit: `received`, or `journaled` while SQL is away; `at_ms` is the hub's clock.

    `incident_id` is for desk and integrators alone: on a phone it would tell whether an earlier press is still open, and so a true cancel
    from one under duress.
    """

    tap_id: str
    status: str
    at_ms: int
    incident_id: IncidentId | None = None


def receipt_for(caller: Caller, receipt: Receipt) -> TapReceipt:
    """Return the receipt as `caller` may read it."""
    may_know = caller.kind in (CallerKind.DISPATCHER, CallerKind.API)
    return TapReceipt(
        tap_id=receipt.tap_id,
        status=receipt.status,
        at_ms=round(receipt.at.timestamp() * 1000),
        incident_id=receipt.incident_id if may_know else None,
    )


def press_of(fields: Mapping[str, Any], now: datetime) -> SosBody:
    """Return the press in loosely decoded JSON: fields of the wrong type are left out, unknown ones ignored."""
    believed = ((name, value) for name, value in fields.items() if name in _KINDS and isinstance(value, _KINDS[name]))
    given = {name: _storable(value) for name, value in believed}
    words = repr(sorted((name, repr(value)) for name, value in fields.items()))
    return SosBody(tap_id=given.pop("tap_id", "")[:MAX_TAP_ID_CHARS] or named_by(words, now), **given)


def unreadable_press(raw: bytes, now: datetime) -> SosBody:
    """Return the press in a body that is no JSON object; the same bytes again at once are the same press."""
    return SosBody(tap_id=named_by(raw.decode("utf-8", "replace"), now), reason=UNREADABLE)


def named_by(text: str, now: datetime) -> str:
    """Return a tap id made of what was sent and when, for phones that gave none: the same words again at once are the same tap.

    Tomorrow they are another one: a phone whose presses all read alike must not be answered "received" because it called once before.
    """
    at = int(now.timestamp() // RETRIED_WITHIN_S)
    return hashlib.sha256(f"{at} {text}".encode("utf-8", "replace")).hexdigest()[:32]


def whom(body: SosBody, caller: Caller) -> tuple[TechnicianId | None, VisitId | None, PersonKind]:
    """Return who needs help: the phone's own holder, or whom desk or program name; raises `BadInput` when these name nobody."""
    if caller.kind is CallerKind.DEVICE:
        return caller.technician_id, None, PersonKind.TECHNICIAN
    if caller.kind is CallerKind.LINK:
        return None, caller.visit_id, PersonKind.CUSTOMER
    if body.technician_id:
        return TechnicianId(body.technician_id), VisitId(body.visit_id) if body.visit_id else None, PersonKind.TECHNICIAN
    if body.visit_id:
        return None, VisitId(body.visit_id), PersonKind.CUSTOMER
    raise BadInput("Say for whom: technician_id, or visit_id for the customer of a visit.")


def tap_of(body: SosBody, caller: Caller, site_id: SiteId, *, road: Road, is_revoked: bool = False) -> SosTap:
    """Return the tap that `caller` presses with `body`; what cannot be believed is left out and named."""
    position, doubt = believed_position(body.lat, body.lon, body.accuracy_m, None)
    at_ms = body.device_at_ms
    is_time = isinstance(at_ms, int) and not isinstance(at_ms, bool) and 0 <= at_ms <= _LAST_MS
    technician_id, visit_id, person = whom(body, caller)
    return SosTap(
        tap_id=body.tap_id[:MAX_TAP_ID_CHARS],
        who=f"technician:{technician_id}" if person is PersonKind.TECHNICIAN else f"customer:{visit_id}",
        person=person,
        site_id=site_id,
        road=road,
        technician_id=technician_id,
        visit_id=visit_id,
        device_id=caller.device_id,
        device_at=from_ms(at_ms) if is_time else None,
        position=position,
        position_doubt=doubt,
        battery_pct=_percent(body.battery_pct),
        is_drill=body.drill,
        is_queued=body.queued,
        device_is_revoked=is_revoked,
        # Pressed by others: her phone must not tell whoever looks at it that somebody called for help.
        is_silent=road in (Road.DESK, Road.API),
        reason=body.reason[:MAX_REASON_CHARS],
    )


_KINDS: dict[str, Any] = {
    "tap_id": str,
    "device_at_ms": object,
    "lat": object,
    "lon": object,
    "accuracy_m": object,
    "battery_pct": object,
    "drill": bool,
    "queued": bool,
    "technician_id": str,
    "visit_id": str,
    "reason": str,
}


def _storable(value: Any) -> Any:
    """Return text without what no database takes: halves of characters, and the zero character."""
    return value.encode("utf-8", "replace").decode().replace("\0", "") if isinstance(value, str) else value


def _percent(value: object) -> int | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return int(value) if 0 <= value <= 100 else None
