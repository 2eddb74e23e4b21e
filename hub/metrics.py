"""What does the hub count? Prometheus metrics; the books of fixes, which must close, are put beside them by `hub/counts.py`.

With several workers each writes its numbers into `PROMETHEUS_MULTIPROC_DIR` (set by the parent) and any of them answers for all. Numbers
must cost nobody anything: a folder that is taken away while the hub runs ends what /metrics tells, and nothing else.
"""

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import multiprocess as prometheus_multiprocess
from prometheus_client import values as prometheus_values

from core.errors import Unavailable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """All metrics of one process. Labels never hold an id of a person."""

    def __init__(self) -> None:
        self._folder = _shared_folder()
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "porchlight_http_requests_total", "HTTP requests by path template", ["method", "path", "status"], registry=registry
        )
        self.request_s = Histogram(
            "porchlight_http_request_seconds", "Time to answer a request", ["path"], buckets=_SECONDS, registry=registry
        )
        self.sockets = Gauge("porchlight_sockets", "Open sockets", multiprocess_mode="livesum", registry=registry)
        self.fixes_held = Gauge(
            "porchlight_fixes_held", "Fixes in memory that wait for an answer", multiprocess_mode="livesum", registry=registry
        )
        self.recorder_backlog = Gauge(
            "porchlight_recorder_backlog", "Acknowledged fixes that are not in SQL yet", multiprocess_mode="livesum", registry=registry
        )
        self.positions = {
            name: Counter(f"porchlight_positions_{name}_total", f"{text}; see realtime/position_books.py", registry=registry)
            for name, text in (("live", "Positions put before customers"), ("pushed", "Written to them"), ("coalesced", "Overtaken"))
        }
        self.flow_cycles = Counter("porchlight_flow_cycles_total", "Rounds of background flows", ["flow"], registry=registry)
        self.flow_failures = Counter("porchlight_flow_failures_total", "Failed rounds of background flows", ["flow"], registry=registry)
        self.faults = Gauge("porchlight_fault", "1 for each fault of health", ["fault"], multiprocess_mode="livemax", registry=registry)
        self._flushes: list[Callable[[], None]] = []
        # Each kind of number has a file, opened with its first one: after the folder is gone none could be opened any more.
        self.request_s.labels("(unknown)")
        self.faults.labels("metrics")

    def flushed_by(self, flush: Callable[[], None]) -> None:
        """Call `flush` before the numbers of this process are told: it puts what it has gathered into them."""
        self._flushes.append(flush)

    def lost(self) -> str | None:
        """Return what is wrong, with the cure, once this process's numbers lie where no other finds them; None while all is well."""
        if self._folder is None or (self._folder / f"counter_{os.getpid()}.db").exists():
            return None
        return (
            f"The folder of the hub's numbers, {self._folder}, was taken away: /metrics tells nothing until the hub is started again. "
            "Keep it from what cleans up there, such as RemoveIPC of systemd at a log-out. Nothing else depends on it."
        )

    def text(self) -> bytes:
        """Return everything in Prometheus' text format, of all workers where there are several; raises `Unavailable` as `lost` says."""
        if (lost := self.lost()) is not None:
            raise Unavailable(lost)
        for flush in self._flushes:
            flush()
        if self._folder is None:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        prometheus_multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _shared_folder() -> Path | None:
    named = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if named is None:
        return None
    if not Path(named).is_dir():
        # A worker that starts after the folder was taken away counts for itself: without any numbers it would not start.
        prometheus_values.ValueClass = prometheus_values.MutexValue
    return Path(named)
