"""What is begun in place belongs to a task of its own all the same, and whoever waits for it hears of its end at once."""

import asyncio
import contextlib
from contextvars import ContextVar
from typing import Any

import pytest
import uvloop

from core.attempt import Attempt, within

pytestmark = pytest.mark.anyio
WHERE: ContextVar[str] = ContextVar("where", default="outside")


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return ("asyncio", {"use_uvloop": request.param == "uvloop"})


async def at_once(what: Any = "done") -> Any:
    return what


async def fails_at_once() -> None:
    raise OSError("at once")


async def after(turns: int, what: Any = "done") -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    return what


async def turns_of(waited: Any) -> int:
    """Count the turns of the event loop until `waited` is over."""
    count, is_over = 0, False

    def tick() -> None:
        nonlocal count
        count += 1
        if not is_over:
            asyncio.get_running_loop().call_soon(tick)

    asyncio.get_running_loop().call_soon(tick)
    with contextlib.suppress(OSError):
        await waited
    is_over = True
    return count


async def test_the_loop_is_the_one_that_is_meant(anyio_backend: Any) -> None:
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop) == anyio_backend[1]["use_uvloop"]


async def test_what_waits_for_nothing_takes_no_turn() -> None:
    assert await within(at_once(), 1.0) == "done"
    assert await turns_of(within(at_once(), 1.0)) == 0
    assert await turns_of(within(fails_at_once(), 1.0)) == 0


async def test_the_end_is_heard_of_in_the_next_turn() -> None:
    told = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        await told
        return 1

    async def asks() -> int:
        return await within(waits(), 1.0)

    asking = asyncio.create_task(asks())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    told.set_result(None)
    # One turn for the work itself, one for whoever waits for it; with `asyncio.wait` it would be three.
    assert await turns_of(asking) == 2
    assert asking.result() == 1


async def test_a_failure_comes_out_as_it_is() -> None:
    with pytest.raises(OSError, match="at once"):
        await within(fails_at_once(), 1.0)


async def test_what_takes_longer_is_given_up_and_ended() -> None:
    ended = asyncio.Event()

    async def hangs() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        await within(hangs(), 0.01)
    await asyncio.wait_for(ended.wait(), 5)


async def test_an_attempt_goes_on_when_nobody_waits_for_its_answer() -> None:
    attempt = Attempt(after(3))
    attempt.give_up("too late")
    with pytest.raises(TimeoutError, match="too late"):
        await attempt.answer
    assert await attempt.task == "done"


async def test_an_attempt_goes_on_when_whoever_waits_is_cancelled() -> None:
    attempt = Attempt(after(3))

    async def waits() -> None:
        await attempt.answer

    waiting = asyncio.create_task(waits())
    await asyncio.sleep(0)
    waiting.cancel()
    assert await attempt.task == "done"
    assert waiting.cancelled()


async def test_a_deadline_in_the_first_step_ends_the_work_and_not_whoever_began_it() -> None:
    async def has_a_deadline() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "its own"
        return "none"

    assert await within(has_a_deadline(), 5.0) == "its own"
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_group_in_the_first_step_is_its_own() -> None:
    async def has_a_group() -> list[int]:
        async with asyncio.TaskGroup() as tasks:
            under_way = [tasks.create_task(after(2, number)) for number in range(3)]
        return [each.result() for each in under_way]

    assert await within(has_a_group(), 5.0) == [0, 1, 2]


async def test_it_may_be_cancelled_before_its_task_has_had_a_turn() -> None:
    ended = False

    async def hangs() -> None:
        nonlocal ended
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended = True

    attempt = Attempt(hangs())
    attempt.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt.task
    assert ended
    assert attempt.answer.cancelled()


async def test_a_cancellation_after_its_end_takes_nothing_back() -> None:
    attempt = Attempt(at_once())
    attempt.task.cancel()
    assert await attempt.answer == "done"


async def test_what_it_sets_stays_with_it() -> None:
    async def sets() -> tuple[str, str]:
        WHERE.set("inside")
        await asyncio.sleep(0)
        return WHERE.get(), asyncio.current_task().get_name()  # type: ignore[union-attr]

    seen, name = await within(sets(), 5.0)
    assert seen == "inside"
    assert name != asyncio.current_task().get_name()  # type: ignore[union-attr]
    assert WHERE.get() == "outside"
