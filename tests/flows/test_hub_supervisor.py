"""One failing flow never stops another."""

import asyncio

import pytest

from hub.supervisor import FAILING_AFTER, Supervisor

pytestmark = pytest.mark.anyio


class Rounds:
    """Counts its rounds; fails while told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.count = 0
        self.fails = fails

    async def once(self) -> None:
        self.count += 1
        if self.fails:
            raise OSError("away")


async def ran(supervisor: Supervisor, clock, seconds: float) -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # lets the flows begin
    await clock.advance(seconds)


@pytest.fixture
async def supervisor(clock):
    made = Supervisor(clock)
    yield made
    await made.stop()


async def test_a_failing_flow_does_not_stop_another(clock, supervisor):
    good, bad = Rounds(), Rounds(fails=True)
    supervisor.rounds("good", good.once, every_s=1, deadline_s=1)
    supervisor.rounds("bad", bad.once, every_s=1, deadline_s=1)
    supervisor.start()
    await ran(supervisor, clock, 10)

    assert good.count >= 10


async def test_health_names_a_flow_that_keeps_failing(clock, supervisor):
    supervisor.rounds("bad", Rounds(fails=True).once, every_s=1, deadline_s=1)
    supervisor.start()
    await ran(supervisor, clock, 10)

    assert [flow.name for flow in supervisor.failing()] == ["bad"]
    assert supervisor.flows["bad"].failures >= FAILING_AFTER


async def test_a_flow_that_recovers_is_well_again(clock, supervisor):
    rounds = Rounds(fails=True)
    supervisor.rounds("once bad", rounds.once, every_s=1, deadline_s=1)
    supervisor.start()
    await ran(supervisor, clock, 10)
    rounds.fails = False
    await ran(supervisor, clock, 10)

    assert supervisor.failing() == []


async def test_an_endless_flow_that_runs_again_for_a_while_is_well_again(clock, supervisor):
    rounds = Rounds(fails=True)

    async def run() -> None:
        await rounds.once()
        await asyncio.Event().wait()

    supervisor.endless("endless", run)
    supervisor.start()
    await ran(supervisor, clock, 10)
    named = [flow.name for flow in supervisor.failing()]
    rounds.fails = False
    await ran(supervisor, clock, 20)

    assert named == ["endless"]
    assert supervisor.failing() == []


async def test_an_endless_flow_that_returns_is_begun_again(clock, supervisor):
    rounds = Rounds()
    supervisor.endless("short", rounds.once)
    supervisor.start()
    await supervisor.cycle_after("short", 2)

    assert rounds.count >= 3


async def test_flows_end_by_rank(clock):
    ended: list[str] = []

    def forever(name: str):
        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        return run

    supervisor = Supervisor(clock)
    supervisor.endless("last", forever("last"), rank=90)
    supervisor.endless("first", forever("first"), rank=10)
    supervisor.start()
    await asyncio.sleep(0)  # lets both begin
    await supervisor.stop()

    assert ended == ["first", "last"]


async def test_two_flows_of_one_name_are_refused(supervisor):
    supervisor.endless("same", Rounds().once)
    with pytest.raises(ValueError, match="same"):
        supervisor.endless("same", Rounds().once)


async def cancelled() -> None:
    """Return when this task is cancelled, as if nothing had happened."""
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        return


async def test_a_flow_whose_end_breaks_something_ends_all_the_same(clock, supervisor):
    async def breaks() -> None:
        await cancelled()
        raise OSError("The connection is closed.")

    supervisor.endless("breaks", breaks)
    supervisor.start()
    await ran(supervisor, clock, 1)
    await supervisor.stop()

    assert supervisor.flows["breaks"].task.done()
    assert supervisor.flows["breaks"].failures == 0


async def test_a_flow_whose_library_keeps_its_end_to_itself_is_told_again(clock, supervisor):
    async def swallows() -> None:
        await cancelled()
        await asyncio.get_running_loop().create_future()

    supervisor.endless("swallows", swallows)
    supervisor.start()
    await ran(supervisor, clock, 1)
    await supervisor.stop(deadline_s=0.02)

    assert supervisor.flows["swallows"].task.done()
