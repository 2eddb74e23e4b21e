"""What may each of them read of a visit? One face for all, filled as the reader's right allows.

Only the desk reads that a visit was broken off for safety; everyone else reads an ordinary end. The customer's page has its own, smaller
face in `realtime`.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from core.caller import CallerKind
from core.ids import SiteId, TechnicianId, VisitId
from visits.act_rights import acts_open_to
from visits.arrival import Departure
from visits.customer_note import CustomerNote, NoteFace, for_desk, for_her
from visits.door_code import spoken_half
from visits.events import StageChanged
from visits.stage import Act, Stage, public_stage
from visits.visit import PersonRef, Place, Visit, place_readable_by

ON_HER_WAY = frozenset({Stage.ASSIGNED, Stage.DEPARTED})


class PlaceFace(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go: degrees WGS-84, the address, floor, entry code of the house, a note."""

    lat: float
    lon: float
    address: str
    floor: str = ""
    entry_code: str = ""
    note: str = ""


class ActFace(msgspec.Struct, frozen=True, kw_only=True):
    """One act on a visit as the desk reads it. `act` null: it was booked (`before` null) or its details changed; degrees WGS-84."""

    act: Act | None
    before: Stage | None
    after: Stage
    actor: str
    technician_id: TechnicianId | None
    happened_at: datetime
    server_at: datetime
    device_at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    position_age_s: float | None = None
    reason: str | None = None


class VisitFace(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as its reader may see it. None: not told or not yet. `possible`: what the reader may do now. Times RFC 3339, UTC.

    `notes`: warnings about this customer, for the desk whole, for the technician as they were written for her. `door_code`: for the
    technician the half she says, for desk and platform nothing but in the detailed view of the desk.
    """

    id: VisitId
    site_id: SiteId
    external_ref: str | None
    stage: Stage
    version: int
    service_kind: str
    technician_id: TechnicianId | None
    window_start: datetime
    window_end: datetime
    planned_min: int
    extended_min: int
    planned_end: datetime
    possible: tuple[Act, ...]
    outcome: Stage | None = None
    departure: Departure | None = None
    place: PlaceFace | None = None
    customer: PersonRef | None = None
    booker: PersonRef | None = None
    notes: tuple[NoteFace, ...] = ()
    door_code: str | None = None
    assigned_at: datetime | None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    left_at: datetime | None = None
    closed_at: datetime | None = None


def listed(visit: Visit, reader: CallerKind) -> VisitFace:
    """Return a row of a list: nothing personal, so that looking through a list is no look at a person."""
    stage = visit.stage if reader is CallerKind.DISPATCHER else public_stage(visit.stage)
    outcome = visit.outcome
    if outcome is not None and reader is not CallerKind.DISPATCHER:
        outcome = public_stage(outcome)
    return VisitFace(
        id=visit.id,
        site_id=visit.site_id,
        external_ref=visit.external_ref,
        stage=stage,
        version=visit.version,
        service_kind=visit.service_kind,
        technician_id=visit.technician_id,
        window_start=visit.window_start,
        window_end=visit.window_end,
        planned_min=visit.planned_min,
        extended_min=visit.extended_min,
        planned_end=visit.planned_end,
        possible=acts_open_to(reader, stage),
        outcome=outcome,
        departure=visit.departure,
        assigned_at=visit.assigned_at,
        departed_at=visit.departed_at,
        arrived_at=visit.arrived_at,
        started_at=visit.started_at,
        ended_at=visit.ended_at,
        left_at=visit.left_at,
        closed_at=visit.closed_at,
    )


def detailed(visit: Visit, reader: CallerKind, notes: Iterable[CustomerNote] = ()) -> VisitFace:
    """Return all that desk and platform may read; notes and door code for the desk alone, which may have to tell it by voice."""
    is_desk = reader is CallerKind.DISPATCHER
    return msgspec.structs.replace(
        listed(visit, reader), place=_place(visit.place), customer=visit.customer, booker=visit.booker,
        door_code=visit.door_code if is_desk else None, notes=tuple(for_desk(note) for note in notes) if is_desk else (),
    )  # fmt: skip


def hers(visit: Visit, technician_id: TechnicianId, *, has_pins: bool = False, notes: Iterable[CustomerNote] = ()) -> VisitFace:
    """Return what the technician reads: place, customer, notes and her half of the code while she is the assignee, `assigned` to `left`.

    `has_pins`: lengthening then wants her PIN, which the ordinary act does not take, so it is not offered.
    """
    face = msgspec.structs.replace(listed(visit, CallerKind.DEVICE), departure=None)
    if has_pins:
        face = msgspec.structs.replace(face, possible=tuple(act for act in face.possible if act is not Act.EXTEND))
    if not place_readable_by(visit, technician_id):
        return face
    # On the way, not at the door: from then on somebody may read over her shoulder.
    told = tuple(for_her(note) for note in notes) if visit.stage in ON_HER_WAY else ()
    code = spoken_half(visit.door_code)
    return msgspec.structs.replace(face, place=_place(visit.place), customer=visit.customer, door_code=code, notes=told)


def act_face(event: StageChanged) -> ActFace:
    """Return an act as the desk reads it."""
    seen = event.position
    return ActFace(
        act=event.act,
        before=event.before,
        after=event.after,
        actor=event.actor,
        technician_id=event.technician_id,
        happened_at=event.happened_at,
        server_at=event.server_at,
        device_at=event.device_at,
        lat=None if seen is None else seen.point.lat,
        lon=None if seen is None else seen.point.lon,
        accuracy_m=None if seen is None else seen.accuracy_m,
        position_age_s=None if seen is None else seen.age_s,
        reason=event.reason,
    )


def _place(place: Place) -> PlaceFace:
    return PlaceFace(
        lat=place.point.lat,
        lon=place.point.lon,
        address=place.address,
        floor=place.floor,
        entry_code=place.entry_code,
        note=place.note,
    )
