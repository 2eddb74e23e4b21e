"""How does the hub bear a crowd? Many device clients that drive through the invented town and report, each on its own beat."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from core.clock import Clock
from core.ids import IdSource
from hub.demo_route import Path, place_after, quickest_path
from hub.demo_town import Home, Town
from hub.device_client import DeviceClient, DeviceRefused

SPEED_MPS = 9.0
DRAIN_S = 20.0
KEPT_LATENCIES = 200_000


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a simulation. Latencies: from putting a fix to its ack, milliseconds; None before the first ack."""

    technicians: int
    connected: int
    sent: int
    acked: int
    refused: dict[str, int]
    waiting: int
    reconnects: int
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    acked_per_s: float
    seconds: float


class Simulation:
    """A running crowd. `tokens`: one device token a technician; `interval_s`: between two fixes of one technician."""

    def __init__(self, url: str, tokens: Sequence[str], town: Town, *, interval_s: float, seed: int, clock: Clock, ids: IdSource) -> None:
        self._clock, self._town, self._interval_s = clock, town, interval_s
        self._chance = random.Random(seed)  # noqa: S311 - traffic, not a secret
        self._latencies_ms: list[float] = []
        self._put_at_s: list[dict[int, float]] = [{} for _ in tokens]
        self._clients = [
            DeviceClient(url, token, clock=clock, ids=ids, app="porchlight-simulate", on_stored=self._hearer(number))
            for number, token in enumerate(tokens)
        ]
        self.failures: list[str] = []
        self._started_s = clock.monotonic()
        self._put = 0

    async def run(self, seconds: float) -> Tally:
        """Drive for `seconds`, then wait for the last acks; return the final tally."""
        self._started_s = self._clock.monotonic()
        connections = [asyncio.create_task(self._keep(client)) for client in self._clients]
        drivers = [asyncio.create_task(self._drive(number)) for number in range(len(self._clients))]
        await self._clock.sleep(seconds)
        await _end(drivers)
        took_s = self._clock.monotonic() - self._started_s
        deadline_s = self._clock.monotonic() + DRAIN_S
        while any(len(client.outbox) for client in self._clients) and self._clock.monotonic() < deadline_s:
            await self._clock.sleep(0.05)
        tally = self.tally(took_s)
        await _end(connections)
        return tally

    def tally(self, seconds: float | None = None) -> Tally:
        """Return how it stands; `seconds`: the time to divide by, the present age by default."""
        took_s = seconds or max(self._clock.monotonic() - self._started_s, 0.001)
        refused: Counter[str] = Counter()
        for client in self._clients:
            refused.update(client.outbox.refused)
        acked = sum(client.stored for client in self._clients)
        ordered = sorted(self._latencies_ms)
        return Tally(
            technicians=len(self._clients),
            connected=sum(client.is_connected for client in self._clients),
            sent=self._put,
            acked=acked,
            refused=dict(refused),
            waiting=sum(len(client.outbox) for client in self._clients),
            reconnects=sum(max(client.connections - 1, 0) for client in self._clients),
            p50_ms=_quantile(ordered, 0.5),
            p90_ms=_quantile(ordered, 0.9),
            p99_ms=_quantile(ordered, 0.99),
            acked_per_s=round(acked / took_s, 1),
            seconds=round(took_s, 1),
        )

    async def _keep(self, client: DeviceClient) -> None:
        try:
            await client.run()
        except DeviceRefused as refused:
            self.failures.append(refused.detail)

    async def _drive(self, number: int) -> None:
        client, metres = self._clients[number], 0.0
        path = self._new_path()
        # Everybody on the same beat would be one spike a round; phones are not in step.
        await self._clock.sleep(self._chance.uniform(0, self._interval_s))
        while True:
            if metres >= path.length_m:
                path, metres = self._new_path(path), 0.0
            place, heading_deg = place_after(path, metres)
            seq = client.put(
                self._clock.now_ms(), place.lat, place.lon, accuracy_m=6.0, speed_mps=SPEED_MPS, heading_deg=round(heading_deg, 1)
            )
            self._put_at_s[number][seq] = self._clock.monotonic()
            self._put += 1
            metres += SPEED_MPS * self._interval_s
            await self._clock.sleep(self._interval_s)

    def _new_path(self, before: Path | None = None) -> Path:
        start, end = self._chance.sample(self._town.homes, 2)
        if before is not None:
            start = _home_at_end(self._town, before)
        return quickest_path(self._town, start, end) if start is not end else self._new_path(before)

    def _hearer(self, number: int) -> Callable[[Sequence[int]], None]:
        def on_stored(seqs: Sequence[int]) -> None:
            now_s, put_at_s = self._clock.monotonic(), self._put_at_s[number]
            for seq in seqs:
                at_s = put_at_s.pop(seq, None)
                if at_s is not None and len(self._latencies_ms) < KEPT_LATENCIES:
                    self._latencies_ms.append((now_s - at_s) * 1000)

        return on_stored


def _home_at_end(town: Town, path: Path) -> Home:
    end = path.places[-1]
    return next(home for home in town.homes if home.point == end)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2) if ordered else None


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
