"""Two recorder processes divide two shards on SQLite: killed, hanging or busy, nothing acknowledged is lost or counts twice."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from core.redis_keys import shard_of
from tests.doubles.held_still import stopped_between_commits
from tests.doubles.served_hub import AckedPhone, ServedHub, served_hub

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
SHARDS = (0, 1)
TECHNICIANS = 24
"""So many that each shard has one: their ids are drawn."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with served_hub(tmp_path_factory.mktemp("recorders"), technicians=TECHNICIANS, PORCHLIGHT_RECORDERS="2", PORCHLIGHT_SHARDS="2") as hub:
        yield hub


@pytest.fixture
async def hub(running: ServedHub) -> ServedHub:
    """The hub, each shard with a recorder and everything well."""
    await running.until(lambda: both_record(running), "each shard has its recorder")
    await running.until_well()
    return running


async def both_record(hub: ServedHub) -> bool:
    return {hub.recorder(shard) for shard in SHARDS} == set(hub.recorders()) and len(hub.recorders()) == 2


@contextlib.asynccontextmanager
async def both_driving(hub: ServedHub) -> AsyncIterator[list[AckedPhone]]:
    """A phone of each shard drives while the block runs; afterwards every acknowledged fix is in SQL exactly once."""
    shards = [shard_of(each.id, len(SHARDS)) for each in hub.people.technicians]
    phones, ended = [hub.phone(shards.index(shard)) for shard in SHARDS], False
    async with contextlib.AsyncExitStack() as stack:
        for phone in phones:
            await stack.enter_async_context(phone.running())
        drives = [asyncio.create_task(phone.drive(lambda: ended, patience_s=90)) for phone in phones]
        try:
            for phone in phones:
                await more_recorded(hub, phone)
            yield phones
        finally:
            ended = True
            await asyncio.gather(*drives)
        for phone in phones:
            await phone.settled()
    for phone in phones:
        await hub.until_recorded(phone)
        recorded = await hub.recorded(phone.device_epoch)
        assert recorded == list(range(1, len(recorded) + 1))
        assert sorted(phone.acked) == recorded


async def test_each_records_its_own_shard(hub):
    before = [await hub.offsets(shard) for shard in SHARDS]
    async with both_driving(hub) as phones:
        pids = [hub.recorder(shard) for shard in SHARDS]

    assert len(set(pids)) == 2
    for shard, phone in zip(SHARDS, phones, strict=True):
        books = await hub.offsets(shard)
        assert books["stored"] - before[shard].get("stored", 0) == len(phone.acked)
        assert (books["lost"], books["duplicates"]) == (0, before[shard].get("duplicates", 0))


@pytest.mark.parametrize("shard", SHARDS)
async def test_a_killed_one_is_started_again_for_its_shard_while_the_other_goes_on(hub, shard):
    async with both_driving(hub) as phones:
        killed, other = hub.recorder(shard), hub.recorder(1 - shard)
        os.kill(killed, signal.SIGKILL)
        await more_recorded(hub, phones[1 - shard])
        await hub.until(lambda: records_instead(hub, shard, killed), "another process records its shard")
        await more_recorded(hub, phones[shard])

        assert hub.recorder(1 - shard) == other
    assert await hub.metric("porchlight_fixes_lost_total") == 0
    await hub.until_well()


async def test_health_names_the_shard_of_the_one_that_hangs_and_no_other(hub):
    async with both_driving(hub):
        hanging = hub.recorder(1)
        assert hanging is not None
        async with stopped_between_commits(hub, hanging):
            await hub.until_fault("recorder")
            _, health = await hub.ask("GET", "/v1/health")
            await hub.until(lambda: records_instead(hub, 1, hanging), "it is killed and another process records")
        told = next(fault["detail"] for fault in health["faults"] if fault["name"] == "recorder")

        assert "story/1" in told
        assert "story/0" not in told
    await hub.until_well()


async def more_recorded(hub: ServedHub, phone: AckedPhone) -> None:
    """Wait until something that is acknowledged from now on is in SQL."""
    known = max(phone.acked, default=0)

    async def is_there() -> bool:
        return max(await hub.recorded(phone.device_epoch), default=0) > known

    await hub.until(is_there, "more is recorded")


async def records_instead(hub: ServedHub, shard: int, pid: int) -> bool:
    return hub.recorder(shard) not in (None, pid)
