"""Which tracks are evidence? Those around incidents that are open or under legal hold: retention leaves them alone."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import or_, select

from core.clock import to_ms
from core.unit_of_work import UnitOfWork
from safety.incident import OPEN, Flag
from safety.tables import incidents
from tracking.ports import KeptTrack

AROUND = timedelta(hours=24)
"""Before the press and after the end: the way there, the whole visit, and who was still near."""
FOR_EVER_MS = 2**62


class SqlKeptTracks:
    """Meets `tracking.ports.KeptTracks`."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def kept(self) -> Sequence[KeptTrack]:
        """See `KeptTracks.kept`."""
        open_now = incidents.c.state.in_([state.value for state in OPEN])
        is_held = incidents.c.flags.contains(f'"{Flag.LEGAL_HOLD.value}"', autoescape=True)
        columns = (incidents.c.technician_id, incidents.c.raised_at, incidents.c.resolved_at)
        wanted = select(*columns).where(incidents.c.technician_id.is_not(None), or_(open_now, is_held))
        async with self._work.read() as tx:
            rows = (await tx.conn.execute(wanted)).all()
        return [
            KeptTrack(
                row.technician_id,
                to_ms(row.raised_at - AROUND),
                FOR_EVER_MS if row.resolved_at is None else to_ms(row.resolved_at + AROUND),
            )
            for row in rows
        ]
