"""Where, how often and with what a press is rehearsed."""

import asyncio

import pytest

from core.errors import NotSignedIn
from core.ids import TokenKind
from safety.rehearsal_flow import RehearsalFlow

pytestmark = pytest.mark.anyio


class Rehearsed:
    def __init__(self):
        self.taps, self.credentials, self.sites, self.at_once, self.most_at_once = [], [], ["s1", "s2"], 0, 0

    async def rehearse(self, tap):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.taps.append(tap)

    async def caller_of_token(self, token):
        self.credentials.append(token)
        raise NotSignedIn

    async def all_sites(self):
        return self.sites


@pytest.fixture
def stage():
    return Rehearsed()


def flow_on(stage, ids, **more):
    return RehearsalFlow(stage, stage.caller_of_token, stage.all_sites, ids, **more)


async def test_every_site_has_its_turn_and_nobody_is_pressed_for_twice(stage, ids):
    flow = flow_on(stage, ids)
    for _ in range(4):
        await flow.run_once()

    assert sorted(tap.site_id for tap in stage.taps) == ["s1", "s1", "s2", "s2"]
    assert len({tap.who for tap in stage.taps}) == 4
    assert all(tap.is_drill for tap in stage.taps)


async def test_a_worker_begins_with_several_at_once_and_goes_on_with_one(stage, ids):
    flow = flow_on(stage, ids, side_by_side=8)
    await flow.run_once()
    assert (len(stage.taps), stage.most_at_once) == (8, 8)
    await flow.run_once()
    assert len(stage.taps) == 9


async def test_the_credentials_of_phones_and_links_are_read_before(stage, ids):
    await flow_on(stage, ids).run_once()
    phone, link = stage.credentials
    assert (phone.startswith(TokenKind.DEVICE), link.startswith(TokenKind.LINK)) == (True, True)


async def test_without_a_site_there_is_nothing_to_rehearse(stage, ids):
    stage.sites = []
    await flow_on(stage, ids, side_by_side=8).run_once()
    assert (stage.taps, stage.credentials) == ([], [])


async def test_what_a_press_would_meet_is_the_failure_of_the_round(stage, ids):
    async def broken(_tap):
        raise RuntimeError("no such table: ladders")

    stage.rehearse = broken
    with pytest.raises(RuntimeError, match="ladders"):
        await flow_on(stage, ids).run_once()
