"""A coroutine that need not wait never meets the loop; one that must is finished by whoever awaits its rest."""

import asyncio

import pytest

from realtime.eager import start

pytestmark = pytest.mark.anyio


async def test_what_need_not_wait_is_done_at_once():
    done = []

    async def act() -> None:
        done.append(1)

    assert start(act()) is None
    assert done == [1]


async def test_the_rest_goes_on_where_it_waited():
    gates = [asyncio.Event(), asyncio.Event()]
    passed = []

    async def act() -> None:
        for gate in gates:
            await gate.wait()
            passed.append(gate)

    rest = start(act())

    async def finish() -> None:
        await rest

    task = asyncio.create_task(finish())
    for gate in gates:
        gate.set()
    await task

    assert passed == gates


async def test_a_failure_comes_out_where_it_happens():
    async def at_once() -> None:
        raise ValueError("now")

    async def later() -> None:
        await asyncio.sleep(0)
        raise ValueError("later")

    with pytest.raises(ValueError, match="now"):
        start(at_once())
    with pytest.raises(ValueError, match="later"):
        await start(later())


async def test_a_deadline_reaches_into_the_rest():
    cleaned = []

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(1)

    rest = start(act())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await rest

    assert cleaned == [1]
