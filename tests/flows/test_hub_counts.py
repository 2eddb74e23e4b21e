"""Counts of a moment are put into the metric together; nothing is lost at the end of a process."""

import pytest
from prometheus_client import CollectorRegistry

from hub.counts import PrometheusCounts
from tracking import books

pytestmark = pytest.mark.anyio


def received(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value(f"porchlight_{books.RECEIVED}_total")


async def test_counts_wait_to_be_put_together_and_a_flush_puts_them_at_once() -> None:
    registry = CollectorRegistry()
    counts = PrometheusCounts(registry)
    counts.add(books.RECEIVED, 2)
    counts.add(books.RECEIVED)
    counts.add(books.VERDICTS, reason="jump")
    assert received(registry) == 0
    counts.flush()
    assert received(registry) == 3
    assert registry.get_sample_value(f"porchlight_{books.VERDICTS}_total", {"reason": "jump"}) == 1
    counts.flush()
    assert received(registry) == 3


def test_outside_a_loop_a_count_is_put_at_once() -> None:
    registry = CollectorRegistry()
    PrometheusCounts(registry).add(books.RECEIVED)
    assert received(registry) == 1
