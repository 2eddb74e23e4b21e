"""How do the books of tracking become metrics? Names of `tracking.books` put on the counters of `hub.metrics`."""

import asyncio
from collections import Counter as Sums

from prometheus_client import CollectorRegistry, Counter

from tracking import books

TOGETHER_S = 0.1
LABELS: dict[str, tuple[str, ...]] = {
    books.RECEIVED: (),
    books.REJECTED: ("reason",),
    books.APPENDED: (),
    books.RETURNED: ("error",),
    books.UNREAD: (),
    books.DUPLICATE: (),
    books.STORED: (),
    books.LOST: (),
    books.STANDING_FAILURES: (),
    books.FLUSHES: (),
    books.BATCHES: (),
    books.WRITE_FAILURES: (),
    books.VERDICTS: ("reason",),
}


class PrometheusCounts:
    """Meets `tracking.ports.Counts`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            name: Counter(f"porchlight_{name}_total", f"{name.replace('_', ' ')}; see tracking/books.py", labels, registry=registry)
            for name, labels in LABELS.items()
        }
        self._waiting: Sums[tuple[str, frozenset[tuple[str, str]]]] = Sums()

    def add(self, name: str, n: float = 1, /, **labels: str) -> None:
        """See `Counts.add`. Counts of a tenth of a second are put into the metric together: each put is a system call and a lock."""
        if not self._waiting:
            try:
                asyncio.get_running_loop().call_later(TOGETHER_S, self.flush)
            except RuntimeError:  # no loop runs: nothing would flush it later
                self._put(name, n, labels)
                return
        self._waiting[(name, frozenset(labels.items()) if labels else _NO_LABELS)] += n  # type: ignore[assignment]

    def flush(self) -> None:
        """Put what waits into the metric: before it is told, and at the end of a process."""
        waiting, self._waiting = self._waiting, Sums()
        for (name, labels), n in waiting.items():
            self._put(name, n, dict(labels))

    def _put(self, name: str, n: float, labels: dict[str, str]) -> None:
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(n)


_NO_LABELS: frozenset[tuple[str, str]] = frozenset()
