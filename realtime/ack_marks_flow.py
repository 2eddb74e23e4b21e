"""Where does a phone go on after a cut? The story of the marks: how far each device was acknowledged, put where every worker can read it.

Run by the supervisor in rounds of a few seconds, asked at `hello`. A mark is a lower bound: it may be old, never too high. It says nothing
of the fixes below it, since phones send the newest first: a phone deletes what an `ack` names and nothing else.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from core.errors import Unavailable
from core.ids import DeviceId, SiteId
from realtime.ack_mark import AckMark
from tracking.fix import Sender

ROUND_S = 5.0
ASK_S = 0.5


class AckMarks(Protocol):
    """How far was each device acknowledged? Met by `realtime.redis_acks.RedisAcks`. Raises `Unavailable`."""

    async def note(self, site_id: SiteId, marks: Mapping[DeviceId, AckMark]) -> None:
        """Keep these marks in place of older ones."""
        ...

    async def of(self, site_id: SiteId, device_id: DeviceId) -> AckMark | None:
        """Return the mark of a device, None without one."""
        ...


class AckMarksFlow:
    """Marks of one worker. `acked_here` yields devices with the highest seq acknowledged on their connection, those just gone included."""

    def __init__(self, marks: AckMarks, acked_here: Callable[[], Iterable[tuple[Sender, int]]]) -> None:
        self._marks = marks
        self._acked_here = acked_here
        self._told: dict[DeviceId, AckMark] = {}

    async def run_once(self) -> None:
        """Put what grew since the last round. Raises `Unavailable`: then the next round puts it."""
        by_site: dict[SiteId, dict[DeviceId, AckMark]] = {}
        newest: dict[DeviceId, AckMark] = {}
        for sender, seq in self._acked_here():
            mark = AckMark(sender.device_epoch, seq)
            newest[sender.device_id] = mark
            if self._told.get(sender.device_id) != mark:
                by_site.setdefault(sender.site_id, {})[sender.device_id] = mark
        for site_id, marks in by_site.items():
            await self._marks.note(site_id, marks)
        self._told = newest

    async def acked(self, site_id: SiteId, device_id: DeviceId, device_epoch: int) -> int | None:
        """Return the highest seq of this epoch that the hub is known to hold; None when it does not know, or Redis is slow."""
        try:
            async with asyncio.timeout(ASK_S):
                mark = await self._marks.of(site_id, device_id)
        except (Unavailable, TimeoutError):
            return None
        return mark.seq if mark is not None and mark.device_epoch == device_epoch else None
