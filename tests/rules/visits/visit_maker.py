"""Visits, sites and people as tests need them."""

from datetime import UTC, datetime, timedelta

import msgspec

from core.geo import LatLon
from core.ids import ShiftId, SiteId, TechnicianId, VisitId
from visits.person import Technician
from visits.service import VerifiedLevel
from visits.shift import Shift
from visits.site import Site
from visits.stage import Act, Stage
from visits.visit import PersonRef, Place, Visit, VisitDraft, drafted, moved

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOME = LatLon(48.1000, 11.5000)
DOOR = LatLon(48.1372, 11.5755)
SITE = Site(id=SiteId("munich"), name="Munich", zone="Europe/Berlin", currency="EUR")
HER = TechnicianId("her")
WAY_TO = {
    Stage.CREATED: [],
    Stage.ASSIGNED: [Act.ASSIGN],
    Stage.DEPARTED: [Act.ASSIGN, Act.DEPART],
    Stage.ARRIVED: [Act.ASSIGN, Act.DEPART, Act.ARRIVE],
    Stage.IN_SERVICE: [Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.START],
    Stage.ENDED: [Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.START, Act.END],
    Stage.LEFT: [Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.START, Act.END, Act.LEAVE],
    Stage.CANCELLED: [Act.CANCEL],
    Stage.NO_SHOW: [Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.NO_SHOW],
    Stage.ABORTED_UNSAFE: [Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.ABORT_UNSAFE],
}
"""The acts that bring a new visit to a stage, one minute apart."""


def a_draft(**changes: object) -> VisitDraft:
    draft = VisitDraft(
        service_kind="massage",
        place=Place(point=DOOR, address="Marienplatz 1", floor="3", entry_code="4711"),
        window_start=NOW + timedelta(hours=1),
        window_end=NOW + timedelta(hours=2),
        customer=PersonRef(name="Ada", phone="+491701234567", language="de"),
    )
    return msgspec.structs.replace(draft, **changes)


def a_visit(stage: Stage = Stage.CREATED, **changes: object) -> Visit:
    visit = drafted(VisitId("visit"), SITE, a_draft(), "417902", NOW)
    for minute, act in enumerate(WAY_TO[stage], start=1):
        at = NOW + timedelta(minutes=minute)
        visit = moved(visit, act, at, at, **({"technician_id": HER} if act is Act.ASSIGN else {}))
    return msgspec.structs.replace(visit, **changes)


def a_technician(**changes: object) -> Technician:
    technician = Technician(
        id=HER, site_id=SITE.id, name="Lin Wei", shown_name="Lin", verified_level=VerifiedLevel.IDENTITY, created_at=NOW
    )
    return msgspec.structs.replace(technician, **changes)


def a_shift(**changes: object) -> Shift:
    shift = Shift(
        id=ShiftId("shift"), site_id=SITE.id, technician_id=HER, opened_at=NOW, planned_end=NOW + timedelta(hours=8), notice_version="1"
    )
    return msgspec.structs.replace(shift, **changes)
