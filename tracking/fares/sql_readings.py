"""Where do provisional readings come from? The journeys' checkpoints, written by the recorder with the fixes they stand on."""

from sqlalchemy import select

from core.ids import VisitId
from core.unit_of_work import Tx
from tracking.fares.meter_observer import MeterReading, reading_in
from tracking.tables import journey_checkpoints


class SqlReadings:
    """Meets `live_flow.Readings`."""

    async def reading(self, tx: Tx, visit_id: VisitId) -> MeterReading | None:
        """See `Readings.reading`."""
        query = select(journey_checkpoints.c.state).where(journey_checkpoints.c.visit_id == visit_id)
        state = (await tx.conn.execute(query)).scalar_one_or_none()
        return None if state is None else reading_in(bytes(state))
