"""What is one appointment at one address, and how does an act change it? The visit and its moves.

`stage.py` says which move is legal; this file says what else the move changes. Called by `visit_flow`, stored by `sql_visits`.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from core.errors import BadInput, Conflict
from core.geo import LatLon
from core.ids import SiteId, TechnicianId, VisitId
from visits.arrival import Departure, SeenPosition
from visits.phone import phone_fault
from visits.site import Site
from visits.stage import CLOSED, PLACE_READABLE, Act, Stage, advance, public_stage

EDITABLE = frozenset({Stage.CREATED, Stage.ASSIGNED})
"""What was agreed may change until she sets out; then she would drive to the old address."""
MAX_WINDOW_H = 24
MAX_PLANNED_MIN = 24 * 60


class PersonRef(msgspec.Struct, frozen=True, kw_only=True):
    """A customer or booker: `name`, `phone` in E.164 or None, `language` BCP 47 or None. Sealed at rest."""

    name: str
    phone: str | None = None
    language: str | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go: WGS-84 `point`, `address` as people write it, `floor`, `entry_code` of the house, `note`. Sealed at rest."""

    point: LatLon
    address: str
    floor: str = ""
    entry_code: str = ""
    note: str = ""


class VisitDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a booking asks for. Window aware UTC; `planned_min` None takes the service's; `external_ref` is the platform's name for it."""

    service_kind: str
    place: Place
    window_start: datetime
    window_end: datetime
    customer: PersonRef
    booker: PersonRef | None = None
    planned_min: int | None = None
    external_ref: str | None = None


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One appointment. Times aware UTC, None until it happened; `version` grows with every change, `link_version` when a link changed.

    `outcome` remembers how it came to its end once the stage moved on to `left`; `closed_at` is when it closed for good.
    """

    id: VisitId
    site_id: SiteId
    stage: Stage
    version: int
    service_kind: str
    place: Place
    window_start: datetime
    window_end: datetime
    planned_min: int
    customer: PersonRef
    door_code: str
    created_at: datetime
    updated_at: datetime
    booker: PersonRef | None = None
    external_ref: str | None = None
    technician_id: TechnicianId | None = None
    extended_min: int = 0
    link_version: int = 1
    door_code_misses: int = 0
    departure: Departure = Departure.NONE
    departed_from: LatLon | None = None
    outcome: Stage | None = None
    assigned_at: datetime | None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    left_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def planned_end(self) -> datetime:
        """When the service is to be over: counted from its real start, else from the window's start."""
        return (self.started_at or self.window_start) + timedelta(minutes=self.planned_min + self.extended_min)

    @property
    def last_act_at(self) -> datetime:
        """When the visit last changed its stage; nothing can have happened before it."""
        happened = (self.assigned_at, self.departed_at, self.arrived_at, self.started_at, self.ended_at, self.left_at, self.closed_at)
        return max([at for at in happened if at is not None], default=self.created_at)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What comes along with an act. `expected_version`: refuse if the visit moved on; `idempotency_key`: sent twice, done once;
    `device_at`, `sent_at` by the phone's clock; `position` where the phone says it is; `reason` in people's words."""

    expected_version: int | None = None
    idempotency_key: str | None = None
    device_at: datetime | None = None
    sent_at: datetime | None = None
    position: SeenPosition | None = None
    reason: str | None = None


def drafted(visit_id: VisitId, site: Site, draft: VisitDraft, door_code: str, now: datetime) -> Visit:
    """Return a new visit in `created`; raises `BadInput` with every fault of the draft."""
    return Visit(
        id=visit_id,
        site_id=site.id,
        stage=Stage.CREATED,
        version=1,
        door_code=door_code,
        created_at=now,
        updated_at=now,
        **_agreed(site, draft),
    )


def redrafted(visit: Visit, site: Site, draft: VisitDraft, now: datetime) -> Visit:
    """Return the visit with what `draft` asks for, the same object where nothing differs.

    Raises `BadInput` for a faulty draft and `Conflict` once she has set out: cancel it and make a new one then.
    """
    agreed = _agreed(site, draft)
    if all(getattr(visit, name) == value for name, value in agreed.items()):
        return visit
    if visit.stage not in EDITABLE:
        shown = public_stage(visit.stage).value
        raise Conflict(
            f"A visit that is {shown} can no longer be changed, only one that is created or assigned. Cancel it and book a new one.",
            state=shown,
        )
    return msgspec.structs.replace(visit, **agreed, version=visit.version + 1, updated_at=now)


def moved(visit: Visit, act: Act, at: datetime, now: datetime, **changes: Any) -> Visit:
    """Return the visit after `act`, which happened at `at` and became known at `now`; `changes` are further fields.

    Raises `IllegalMove` naming state, act and what is allowed.
    """
    after = advance(visit.stage, act)
    stamped = {**_stamps(visit, act, after, at), **changes}
    return msgspec.structs.replace(visit, stage=after, version=visit.version + 1, updated_at=now, **stamped)


def happened_at(visit: Visit, now: datetime, told: Told) -> datetime:
    """Return when an act happened, by the phone's word made harmless: never before the last act, never in the future.

    `sent_at` by the phone's clock corrects that clock: what counts is how long before sending she acted. Without `device_at` it is `now`.
    """
    if told.device_at is None:
        return now
    claimed = told.device_at if told.sent_at is None else now - max(timedelta(0), told.sent_at - told.device_at)
    return max(min(claimed, now), min(visit.last_act_at, now))


def no_show_from(visit: Visit, wait_min: int) -> datetime | None:
    """Return from when on a no-show counts: `wait_min` after the later of arriving and the window's start; None before arriving."""
    if visit.arrived_at is None:
        return None
    return max(visit.arrived_at, visit.window_start) + timedelta(minutes=wait_min)


def must_be_version(visit: Visit, expected: int | None) -> None:
    """Raise `Conflict` naming the present version unless `expected` is it or None."""
    if expected is not None and expected != visit.version:
        raise Conflict(
            f"The visit is at version {visit.version}, not {expected}: somebody changed it. Read it again and decide anew.",
            version=visit.version,
        )


def phones_of(visit: Visit) -> tuple[str, ...]:
    """Return the phones by which those who booked or are visited are known: blocked pairs and notes hold for both."""
    people = [person for person in (visit.customer, visit.booker) if person is not None]
    return tuple(dict.fromkeys(person.phone for person in people if person.phone is not None))


def place_readable_by(visit: Visit, technician_id: TechnicianId | None) -> bool:
    """Tell whether this technician may read place and customer: she is the assignee, `assigned` until `left`."""
    return technician_id is not None and visit.technician_id == technician_id and visit.stage in PLACE_READABLE


def _stamps(visit: Visit, act: Act, after: Stage, at: datetime) -> dict[str, Any]:
    stamps: dict[str, Any] = {}
    if act in _TIMES:
        stamps[_TIMES[act]] = at
    if act is Act.REASSIGN:
        stamps |= {"departed_at": None, "departed_from": None, "departure": Departure.NONE}
    if act in _OUTCOMES:
        stamps["outcome"] = _OUTCOMES[act]
    if after in CLOSED:
        stamps["closed_at"] = at
    return stamps


_TIMES = {
    Act.ASSIGN: "assigned_at",
    Act.REASSIGN: "assigned_at",
    Act.DEPART: "departed_at",
    Act.ARRIVE: "arrived_at",
    Act.START: "started_at",
    Act.END: "ended_at",
    Act.ABORT_UNSAFE: "ended_at",
    Act.LEAVE: "left_at",
}
_OUTCOMES = {
    Act.END: Stage.ENDED,
    Act.CANCEL: Stage.CANCELLED,
    Act.NO_SHOW: Stage.NO_SHOW,
    Act.ABORT_UNSAFE: Stage.ABORTED_UNSAFE,
}


def _agreed(site: Site, draft: VisitDraft) -> dict[str, Any]:
    service = site.service(draft.service_kind)
    planned_min = service.planned_min if draft.planned_min is None else draft.planned_min
    faults = _faults(site, draft, planned_min)
    if faults:
        raise BadInput(" ".join(faults), faults=faults)
    return {
        "external_ref": draft.external_ref,
        "service_kind": service.name,
        "place": draft.place,
        "window_start": draft.window_start,
        "window_end": draft.window_end,
        "planned_min": planned_min,
        "customer": draft.customer,
        "booker": draft.booker,
    }


def _faults(site: Site, draft: VisitDraft, planned_min: int) -> list[str]:
    length = draft.window_end - draft.window_start
    people = [person for person in (draft.customer, draft.booker) if person is not None]
    found = [
        (site.bounds is None or site.bounds.holds(draft.place.point), "The place lies outside this site. Are lat and lon swapped?"),
        (draft.place.address.strip(), "The address is empty; give what people would read to a driver."),
        (timedelta(0) <= length <= timedelta(hours=MAX_WINDOW_H), f"The window must end after it starts, within {MAX_WINDOW_H} hours."),
        (1 <= planned_min <= MAX_PLANNED_MIN, f"planned_min must be 1 to {MAX_PLANNED_MIN} minutes."),
        (all(person.name.strip() for person in people), "A name is empty; give at least a first name."),
    ]
    phones = [fault for person in people if (fault := phone_fault(person.phone)) is not None]
    return [*(sentence for is_fine, sentence in found if not is_fine), *phones]
