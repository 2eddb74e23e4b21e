"""How is a recorded journey driven again? Step by step into a device client, as its timetable says; the client sees to cuts and acks."""

from collections.abc import Callable, Sequence

import msgspec

from core.clock import Clock
from hub.device_client import DeviceClient
from hub.replay_plan import Step

DRAIN_S = 30.0
"""How long the last acks are waited for."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a replay: `fixes` put, `stored` and `refused` (by reason) by the hub, `unanswered` at the end, `connections` made."""

    fixes: int
    stored: int
    refused: dict[str, int]
    unanswered: int
    connections: int
    took_s: float


async def replay(client: DeviceClient, steps: Sequence[Step], clock: Clock, tell: Callable[[int], None] = lambda _: None) -> Replayed:
    """Put each step at its time and wait for the last ack; `tell` hears how many were put. The client must be running."""
    started_ms, started_s = clock.now_ms(), clock.monotonic()
    for number, step in enumerate(steps, start=1):
        wait_s = started_s + step.after_s - clock.monotonic()
        if wait_s > 0:
            await clock.sleep(wait_s)
        fix = step.fix
        client.put(
            started_ms + step.claims_ms,
            fix.lat,
            fix.lon,
            accuracy_m=fix.accuracy_m,
            speed_mps=fix.speed_mps,
            heading_deg=fix.heading_deg,
        )
        tell(number)
    await _drain(client, clock)
    return Replayed(
        fixes=len(steps),
        stored=client.stored,
        refused=dict(client.outbox.refused),
        unanswered=len(client.outbox),
        connections=client.connections,
        took_s=round(clock.monotonic() - started_s, 2),
    )


async def _drain(client: DeviceClient, clock: Clock) -> None:
    deadline_s = clock.monotonic() + DRAIN_S
    while len(client.outbox) and clock.monotonic() < deadline_s:
        await clock.sleep(0.02)
