"""A connection's own queue and gate do what asyncio's do."""

import asyncio

import pytest

from hub.slim_waits import Gate, Inbox

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("queue", [Inbox, asyncio.Queue])
async def test_messages_come_out_in_order_whether_awaited_or_not(queue):
    box = queue()
    first = asyncio.ensure_future(box.get())
    await asyncio.sleep(0)  # the reader waits now
    for number in range(3):
        box.put_nowait(number)

    assert [await first, await box.get(), await box.get()] == [0, 1, 2]
    assert box.empty()


@pytest.mark.parametrize("queue", [Inbox, asyncio.Queue])
async def test_a_reader_that_gives_up_costs_no_message(queue):
    box = queue()
    reading = asyncio.ensure_future(box.get())
    await asyncio.sleep(0)  # the reader waits now
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    box.put_nowait("kept")

    assert await box.get() == "kept"


@pytest.mark.parametrize("gate_of", [Gate, asyncio.Event])
async def test_a_closed_gate_holds_everybody_and_an_open_one_nobody(gate_of):
    gate = gate_of()
    waiting = [asyncio.ensure_future(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)  # all of them wait now
    waiting[0].cancel()
    assert not gate.is_set()
    gate.set()
    passed = await asyncio.gather(*waiting, return_exceptions=True)

    assert passed[1:] == [True, True]
    assert await gate.wait()
    gate.clear()
    assert not gate.is_set()
