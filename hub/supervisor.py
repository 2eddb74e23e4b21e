"""Who keeps the background flows running? Each has a name, a deadline and a place in the order of ending; one that fails stops no other.

Built by `hub/wiring.py`, run by every worker. A round that fails is tried again after a growing pause; its counts and last error are what
`/v1/health` and `/metrics` tell.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from core.clock import Clock

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 5.0
"""A part that comes back after an outage is met within five seconds."""
FAILING_AFTER = 3
"""Failures in a row after which health names the flow: one is a hiccup."""
SETTLED_S = 8.0
"""A round that has run so long is past whatever ended the one before: SQL and Redis give up on a call within five seconds."""
Round = Callable[[], Awaitable[object]]


@dataclass(kw_only=True)
class Watched:
    """One flow and what became of it. `rank`: low ends first. `deadline_s` None: the round runs for ever by design."""

    name: str
    round: Round
    every_s: float
    deadline_s: float | None
    rank: int
    cycles: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    last_error: str = ""
    last_began_at_s: float | None = None
    last_ended_at_s: float | None = None
    is_ending: bool = False
    task: asyncio.Task[None] | None = None

    def is_failing(self, now_s: float) -> bool:
        """Tell whether it has failed several times in a row and does not run well now; one that runs for ever never returns to say so."""
        return self.failures_in_a_row >= FAILING_AFTER and not self.is_settled(now_s)

    def is_settled(self, now_s: float) -> bool:
        """Tell whether it is an endless one whose present round has run for a while."""
        began_s, ended_s = self.last_began_at_s, self.last_ended_at_s
        if self.deadline_s is not None or began_s is None or (ended_s is not None and ended_s >= began_s):
            return False
        return now_s - began_s > SETTLED_S


class Supervisor:
    """The background flows of one worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.flows: dict[str, Watched] = {}
        self._cycle = asyncio.Condition()

    def rounds(self, name: str, round_once: Round, *, every_s: float, deadline_s: float, rank: int = 50) -> None:
        """Call `round_once` again and again, `every_s` seconds after it returned, each time cut off at `deadline_s`."""
        self._add(Watched(name=name, round=round_once, every_s=every_s, deadline_s=deadline_s, rank=rank))

    def endless(self, name: str, run: Round, *, rank: int = 50) -> None:
        """Call `run`, which keeps its own time and deadlines, and call it again whenever it returns or fails."""
        self._add(Watched(name=name, round=run, every_s=0.0, deadline_s=None, rank=rank))

    def start(self, is_wanted: Callable[[str], bool] = lambda _: True) -> None:
        """Start every flow that is not running and whose name is wanted in this process."""
        for flow in self.flows.values():
            if is_wanted(flow.name) and (flow.task is None or flow.task.done()):
                flow.is_ending = False
                flow.task = asyncio.create_task(self._keep(flow), name=f"flow:{flow.name}")

    async def stop(self, deadline_s: float = 5.0) -> None:
        """End the flows by rank, those of one rank together; whatever does not end within `deadline_s` a rank is left behind, in words.

        Each is told twice: a library that is cancelled in the middle of its work may keep the first time to itself.
        """
        for rank in sorted({flow.rank for flow in self.flows.values()}):
            flows = [flow for flow in self.flows.values() if flow.rank == rank]
            late = await _told(await _told(flows, deadline_s / 2), deadline_s / 2)
            for flow in late:
                log.error("flow_does_not_end", flow=flow.name, after_s=deadline_s)

    async def cycle_after(self, name: str, cycle: int) -> int:
        """Wait until the flow `name` has ended more than `cycle` rounds; return their number. For tests and drains."""
        async with self._cycle:
            await self._cycle.wait_for(lambda: self.flows[name].cycles > cycle)
        return self.flows[name].cycles

    def failing(self) -> list[Watched]:
        """Return the flows that health should name."""
        now_s = self._clock.monotonic()
        return [flow for flow in self.flows.values() if flow.is_failing(now_s)]

    def _add(self, flow: Watched) -> None:
        if flow.name in self.flows:
            raise ValueError(f"There is a flow {flow.name!r} already; choose another name.")
        self.flows[flow.name] = flow

    async def _keep(self, flow: Watched) -> None:
        while True:
            went_well = await self._round(flow)
            flow.last_ended_at_s = self._clock.monotonic()
            async with self._cycle:
                flow.cycles += 1
                self._cycle.notify_all()
            await self._clock.sleep(flow.every_s if went_well else self._pause_s(flow))

    async def _round(self, flow: Watched) -> bool:
        flow.last_began_at_s = self._clock.monotonic()
        try:
            async with asyncio.timeout(flow.deadline_s):
                await flow.round()
        except Exception as error:
            if flow.is_ending:
                # What broke because it was told to end is no failure to try again after.
                raise asyncio.CancelledError from error
            if flow.is_settled(self._clock.monotonic()):
                flow.failures_in_a_row = 0
            flow.failures += 1
            flow.failures_in_a_row += 1
            flow.last_error = f"{type(error).__name__}: {error}"[:300]
            # The first failure with its trace, the following ones as a line: an outage of an hour is not a thousand traces.
            is_first = flow.failures_in_a_row == 1
            log.warning("flow_failed", flow=flow.name, error=flow.last_error, in_a_row=flow.failures_in_a_row, exc_info=is_first)
            return False
        flow.failures_in_a_row = 0
        return True

    @staticmethod
    def _pause_s(flow: Watched) -> float:
        return min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(flow.failures_in_a_row - 1, 10))


async def _told(flows: list[Watched], wait_s: float) -> list[Watched]:
    """Tell flows to end; return those that still run after `wait_s` seconds."""
    tasks = {flow.name: flow.task for flow in flows if flow.task is not None and not flow.task.done()}
    for flow in flows:
        flow.is_ending = True
    for task in tasks.values():
        task.cancel()
    if tasks:
        await asyncio.wait(tasks.values(), timeout=wait_s)
    return [flow for flow in flows if flow.name in tasks and not tasks[flow.name].done()]
