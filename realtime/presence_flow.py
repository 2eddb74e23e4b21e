"""Who is there? The story: every few seconds, what this worker's sockets and stock phones let hear is put where all workers can read it.

A sign of life is a frame that came, not a socket that is open: a line that died half-way stays open for a minute. Run by the supervisor in
rounds; a failing round is repeated with newer signs.
"""

from collections.abc import Callable, Iterable

from core.ids import SiteId, TechnicianId
from realtime.ports import HeardPhones
from tracking.fix import Sender

ROUND_S = 5.0


class PresenceFlow:
    """Signs of life of one worker. `heard_here` yields connected devices with the time of their last frame. Meets tracking's `PhoneEar`."""

    def __init__(self, phones: HeardPhones, heard_here: Callable[[], Iterable[tuple[Sender, int]]]) -> None:
        self._phones = phones
        self._heard_here = heard_here
        self._told: dict[TechnicianId, int] = {}
        self._by_http: dict[TechnicianId, tuple[Sender, int]] = {}

    def heard(self, sender: Sender, at_ms: int, battery_pct: float | None) -> None:
        """See `tracking.ports.PhoneEar.heard`: a stock phone, which has no socket, gave a sign."""
        self._by_http[sender.technician_id] = (sender, at_ms)

    async def run_once(self) -> None:
        """Put what is new since the last round. Raises `Unavailable`: then the next round puts it."""
        by_site: dict[SiteId, dict[TechnicianId, int]] = {}
        newest: dict[TechnicianId, int] = {}
        for sender, at_ms in [*self._heard_here(), *self._by_http.values()]:
            newest[sender.technician_id] = max(at_ms, newest.get(sender.technician_id, 0))
            by_site.setdefault(sender.site_id, {})[sender.technician_id] = newest[sender.technician_id]
        for site_id, heard in by_site.items():
            if fresh := {who: at_ms for who, at_ms in heard.items() if self._told.get(who) != at_ms}:
                await self._phones.note(site_id, fresh)
        self._told, self._by_http = newest, {}
