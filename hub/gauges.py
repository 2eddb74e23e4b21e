"""What does a worker show of itself between requests? Sockets, flows and backlog, read into metrics once a second.

Counters that grow elsewhere are read as they stand: what grew since the last look is added.
"""

from collections.abc import Callable

from hub.floor import Floor
from hub.supervisor import Watched
from hub.wire_realtime import Realtime
from hub.wire_tracking import Tracking
from tracking.recorder_flow import RecorderFlow


class Gauges:
    """Reads the parts of one worker."""

    def __init__(self, floor: Floor, tracking: Tracking, realtime: Realtime) -> None:
        self._metrics, self._flows = floor.metrics, floor.supervisor.flows
        self._tracking, self._realtime = tracking, realtime
        self._seen: dict[tuple[str, str], int] = {}

    async def look(self) -> None:
        """Read everything."""
        metrics = self._metrics
        metrics.sockets.set(len(self._realtime.links))
        metrics.fixes_held.set(self._tracking.fixes.held)
        metrics.recorder_backlog.set(sum(backlog(recorder) for recorder in self._tracking.recorders.values()))
        for name, count in self._realtime.customers.books.taken().items():
            metrics.positions[name].inc(count)
        for flow in self._flows.values():
            self._grow(flow, "cycles", flow.cycles, metrics.flow_cycles.labels(flow.name).inc)
            self._grow(flow, "failures", flow.failures, metrics.flow_failures.labels(flow.name).inc)

    def _grow(self, flow: Watched, what: str, count: int, add: Callable[[float], None]) -> None:
        before = self._seen.get((flow.name, what), 0)
        if count > before:
            add(count - before)
            self._seen[(flow.name, what)] = count


def backlog(recorder: RecorderFlow) -> int:
    """Return how many acknowledged fixes wait for this recorder; 0 while another process's is the active one."""
    return 0 if recorder.offset is None else max(0, recorder.seen.total - recorder.offset.total)
