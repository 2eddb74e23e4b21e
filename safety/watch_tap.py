"""What does a watch press? The trigger of a question: the same for the same moment, however often a timer fires."""

from datetime import datetime
from typing import Protocol

from core.clock import to_ms
from core.ids import SiteId, TechnicianId, VisitId
from safety.check_in import Watch
from safety.sos_tap import PersonKind, Road, SosTap, TriggerKind


class Watched(Protocol):
    """A visit that is watched."""

    @property
    def visit_id(self) -> VisitId:
        """The visit."""
        ...

    @property
    def site_id(self) -> SiteId:
        """Its site."""
        ...

    @property
    def technician_id(self) -> TechnicianId:
        """Who is out."""
        ...


def tap_of(visit: Watched, watch: Watch, at: datetime) -> SosTap:
    """Return the trigger of `watch`, whose threshold was crossed at `at`; its incident asks her first."""
    return SosTap(
        tap_id=f"{watch.value}:{visit.visit_id}:{to_ms(at)}",
        who=f"technician:{visit.technician_id}",
        person=PersonKind.TECHNICIAN,
        site_id=visit.site_id,
        road=Road.DESK,
        kind=TriggerKind.MISSED_CHECK_IN if watch is Watch.CHECK_IN else TriggerKind.DETECTOR,
        technician_id=visit.technician_id,
        visit_id=visit.visit_id,
        reason=f"Not heard of in time: {watch.value.replace('_', ' ')}.",
    )
