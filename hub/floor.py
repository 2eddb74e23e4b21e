"""What does everything else stand on? Clock, chance, keys, databases, books and supervisor of one worker, opened first and closed last."""

import contextlib
from dataclasses import dataclass, field

from core.clock import Clock, SystemClock
from core.ids import IdSource, RandomIds
from core.key_ring import KeyRing
from core.right_of_way import RightOfWay
from core.sql import open_engine
from core.sql_timers import SqlTimers
from core.timers import Timers
from core.timers_flow import TimersFlow
from core.unit_of_work import UnitOfWork
from hub.app import Surface
from hub.health import HealthBook
from hub.joints import Between, Joint, nothing
from hub.metrics import Metrics
from hub.part import EVERYTHING, Part, Share
from hub.settings import Settings
from hub.supervisor import Supervisor
from hub.version import VERSION


@dataclass(kw_only=True)
class Floor:
    """The floor of one process. `worker_id` names it for the life of it, `part` says what it is there for, `share` which shards it records.

    `surface` gathers what is reachable from outside.
    """

    settings: Settings
    worker_id: str
    clock: Clock
    ids: IdSource
    keys: KeyRing
    way: RightOfWay
    truth: UnitOfWork
    fixes: UnitOfWork
    timers: Timers
    timers_flow: TimersFlow
    metrics: Metrics
    health: HealthBook
    supervisor: Supervisor
    stack: contextlib.AsyncExitStack
    between: Between = nothing
    part: Part = Part.WHOLE
    share: Share = EVERYTHING
    surface: Surface = field(default_factory=Surface)


def open_floor(
    settings: Settings, stack: contextlib.AsyncExitStack, *, clock: Clock | None = None, ids: IdSource | None = None,
    between: Between = nothing, part: Part = Part.WHOLE, share: Share = EVERYTHING,
) -> Floor:  # fmt: skip
    """Build the floor; what it opens is closed by `stack`."""
    clock, ids = clock or SystemClock(), ids or RandomIds()
    way = RightOfWay()
    truth = UnitOfWork(open_engine(settings.store.truth_url, durability="full"), way)
    fixes = UnitOfWork(open_engine(settings.store.fixes_url, durability="normal"))
    stack.push_async_callback(truth.engine.dispose)
    stack.push_async_callback(fixes.engine.dispose)
    timers = between(Joint.TIMERS, SqlTimers(truth))
    return Floor(
        settings=settings,
        worker_id=ids.new_id(),
        clock=clock,
        ids=ids,
        keys=KeyRing(settings.store.secret_keys),
        way=way,
        truth=truth,
        fixes=fixes,
        timers=timers,
        timers_flow=TimersFlow(timers, clock),
        metrics=Metrics(),
        health=HealthBook(clock, VERSION),
        supervisor=Supervisor(clock),
        stack=stack,
        between=between,
        part=part,
        share=share,
    )
