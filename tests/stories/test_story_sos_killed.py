"""The power fails at named points of a tap's way: real workers end themselves by SIGKILL there, another starts, the phone tries again.

One house a database lives through all of it. Each point has a technician, a tap and a worker of its own; the workers that come after go on
with what the dead ones left, and die in the middle of it themselves.
"""

import asyncio
import contextlib
import itertools
import sys

import aiohttp
import msgspec
import pytest

from core.ids import IncidentId, incident_id_of_tap
from core.key_ring import KeyRing
from notifications.notice import short_code
from safety.evidence import EventKind, first_break
from safety.ladder_flow import LADDER_TIMER
from safety.sql_incidents import SqlIncidents
from tests.doubles.kill_points import HAS_INCIDENT, HAS_RECEIPT, KillPoint, KillsAt
from tests.doubles.real_servers import fresh_database
from tests.doubles.worker_house import worker_house

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks workers")
RECOVERY_S = 60.0
"""A dead worker's lease of a notice or timer runs out, then the ladder goes on."""
TIERS = {0, 1, 2}


class Lived(msgspec.Struct, kw_only=True):
    """What became of one tap: before anybody came back, and after."""

    who: str
    tap_id: str
    had_receipt: bool = False
    had_incident: bool = False
    receipt: dict[str, object] | None = None
    incidents: int = 0
    triggers: int = 0
    told: set[int] = msgspec.field(default_factory=set)
    sent: set[int] = msgspec.field(default_factory=set)
    timers: int = 0
    broken_at: int | None = None

    @property
    def incident_id(self) -> IncidentId:
        return incident_id_of_tap(self.who, self.tap_id)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lives(request, tmp_path_factory):
    options = {}
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            options["PORCHLIGHT_SQL_URL"] = stack.enter_context(fresh_database(request.getfixturevalue("postgres_url")))
        house = stack.enter_context(worker_house(tmp_path_factory.mktemp("killed"), technicians=len(KillPoint), **options))
        yield asyncio.run(live_through(house))


@pytest.fixture(params=list(KillPoint))
def point(request):
    return request.param


async def live_through(house):
    # The last points first: the leases that they leave behind run out while the others have their turn.
    lives = dict(zip(reversed(KillPoint), told_apart(house.people.technicians), strict=True))
    tokens = {f"technician:{she.id}": she.token for she in house.people.technicians}
    retries = []
    for point, lived in lives.items():
        await asyncio.to_thread(house.start, KillsAt(point, lived.incident_id))
        for before in retries[-1:]:
            before.receipt = await press(house, tokens[before.who], before.tap_id)
        lived.had_receipt = await press(house, tokens[lived.who], lived.tap_id) is not None
        await asyncio.to_thread(house.wait_until_killed)
        lived.had_incident = bool(await house.select("SELECT id FROM incidents WHERE id = :id", id=lived.incident_id))
        retries.append(lived)
    await asyncio.to_thread(house.start)
    for lived in lives.values():
        again = await press(house, tokens[lived.who], lived.tap_id)
        assert lived.receipt in (None, again)
        lived.receipt = again
    await house.until(lambda: have_all_been_told(house, lives.values()), "every tier of every tap was told", RECOVERY_S)
    for lived in lives.values():
        await look(house, lived)
    return lives


def told_apart(technicians):
    """Yield a tap for each technician, no two of them with one code on the texts."""
    codes = set()
    for she in technicians:
        taps = (Lived(who=f"technician:{she.id}", tap_id=f"tap-{number}") for number in itertools.count())
        lived = next(each for each in taps if short_code(each.incident_id) not in codes)
        codes.add(short_code(lived.incident_id))
        yield lived


async def press(house, token, tap_id):
    """Press once, as a phone that tries again until it holds a receipt; None where the worker died under it."""
    with contextlib.suppress(aiohttp.ClientError, ConnectionError):
        status, receipt = await house.ask("POST", "/v1/sos", token=token, json={"tap_id": tap_id})
        assert (status, receipt["status"]) == (200, "received")
        return receipt
    return None


async def have_all_been_told(house, lives):
    await read_tiers(house, lives)
    return all(lived.sent >= TIERS for lived in lives)


async def read_tiers(house, lives):
    rows = await house.select("SELECT id, subject, tier, channel FROM notices")
    letters = {letter["notice_id"] for letter in house.letters()}
    for lived in lives:
        its = [row for row in rows if row.subject == lived.incident_id]
        lived.told = {row.tier for row in its}
        lived.sent = {row.tier for row in its if row.id in letters}


async def look(house, lived):
    found = await house.select("SELECT id FROM incidents WHERE raised_by = :who", who=lived.who)
    lived.incidents = len(found)
    lived.triggers = len(await house.select("SELECT tap_id FROM triggers WHERE who = :who", who=lived.who))
    timers = await house.select("SELECT due_at FROM timers WHERE kind = :kind AND subject = :id", kind=LADDER_TIMER, id=lived.incident_id)
    lived.timers = len(timers)
    async with house.truth() as work, work.read() as tx:
        events = await SqlIncidents(KeyRing(house.settings.store.secret_keys)).events(tx, lived.incident_id)
    lived.broken_at = first_break(lived.incident_id, events)
    assert [event.kind for event in events].count(EventKind.RAISED) == 1


def test_the_worker_dies_where_it_was_told_to(lives, point):
    lived = lives[point]

    assert (lived.had_receipt, lived.had_incident) == (point in HAS_RECEIPT, point in HAS_INCIDENT)


def test_no_receipt_was_sent_for_an_incident_that_is_not_there(lives, point):
    assert lives[point].had_incident or not lives[point].had_receipt


def test_whoever_tries_again_finds_one_incident_of_one_press(lives, point):
    lived = lives[point]

    assert lived.receipt is not None
    assert (lived.incidents, lived.triggers, lived.broken_at) == (1, 1, None)


def test_every_tier_is_told_at_least_once(lives, point):
    assert lives[point].sent >= TIERS


def test_no_timer_is_lost_and_the_ladder_goes_on(lives, point):
    assert lives[point].timers == 1
