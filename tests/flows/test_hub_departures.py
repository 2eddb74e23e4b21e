"""What a journey sees of her way is tried as proof that she set out, until one place proves it."""

from datetime import datetime

import pytest

from core.geo import LatLon
from core.ids import VisitId
from hub.join_tracking import DepartureSink
from tracking.approach import PROGRESS, Progress
from tracking.ports import OpenVisit
from visits.departure_flow import DepartureFlow
from visits.stage import Stage

pytestmark = pytest.mark.anyio

NOW_MS = 1_772_442_000_000
PLACE = LatLon(31.2, 121.5)
VISIT = OpenVisit(
    visit_id=VisitId("v1"), site_id="s", technician_id="t1", stage=Stage.DEPARTED, place=PLACE, window_start_ms=NOW_MS,
    window_end_ms=NOW_MS, departed_at_ms=NOW_MS,
)


class Proved(DepartureFlow):
    """Takes any place from the second on for a proof; `tried` counts them."""

    def __init__(self) -> None:
        self.tried = 0

    async def confirm(self, visit_id: VisitId, here: LatLon, at: datetime) -> bool:
        self.tried += 1
        return self.tried >= 2


async def test_of_many_places_told_at_once_none_is_tried_after_the_one_that_proves_it() -> None:
    departures = Proved()
    sink = DepartureSink(departures)
    rest = sink(PROGRESS.name, VISIT, [Progress(NOW_MS + second * 1000, PLACE, 900.0, None) for second in range(0, 150, 15)])
    assert rest is not None
    await rest
    assert departures.tried == 2
    assert sink(PROGRESS.name, VISIT, [Progress(NOW_MS + 300_000, PLACE, 500.0, None)]) is None
