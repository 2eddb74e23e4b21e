"""A tap on real databases: one incident whatever happens, and a ladder that ends only with a person."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import event, select, update

from core.caller import Caller, CallerKind, Role
from core.clock import to_ms
from core.errors import BadInput, NotAllowed
from core.sql_timers import SqlTimers
from core.tables import timers
from core.timers import Timer
from notifications.notice import Channel, short_code
from safety.alerts_flow import AlertsFlow
from safety.evidence import EventKind, first_break
from safety.incident import Flag, OutOfDate, Resolution, State
from safety.ladder import Group
from safety.ladder_flow import LADDER_TIMER
from safety.ports import Responder
from safety.row_check import differences
from safety.sos_tap import PersonKind, Road, SosTap, TriggerKind
from safety.tables import incident_events, incidents
from tests.doubles.dropped import DroppedAt
from tests.doubles.safety_ports import OFF_DUTY, ON_DUTY, safety_on

pytestmark = pytest.mark.anyio

TAP = SosTap(tap_id="tap-1", who="technician:t1", person=PersonKind.TECHNICIAN, site_id="s1", road=Road.SOCKET, technician_id="t1")
ANA = Caller(kind=CallerKind.DISPATCHER, id="d-ana", dispatcher_id="d-ana", sites=frozenset({"s1"}), roles=frozenset({Role.DISPATCHER}))
BO = msgspec.structs.replace(ANA, id="d-bo", dispatcher_id="d-bo")
SECOND_RUNG = timedelta(seconds=15)
ELSEWHERE = msgspec.structs.replace(ANA, sites=frozenset({"s2"}))


@pytest.fixture
def hub(work, clock, key_ring):
    return safety_on(work, clock, key_ring)


class KeptNotices:
    def __init__(self):
        self.kept = []

    async def enqueue(self, tx, notices):
        self.kept += notices
        return notices


class NoWords:
    async def of_incident(self, tx, incident, unwritten=()):
        return {"name": "Nele", "place": "", "floor": "", "link": ""}


async def get(work, hub, incident_id):
    async with work.read() as tx:
        return await hub.incidents.find(tx, incident_id)


async def log_of(work, hub, incident_id):
    async with work.read() as tx:
        return await hub.incidents.events(tx, incident_id)


async def test_a_tap_is_an_incident_with_its_first_rung_told(work, hub, clock):
    receipt = await hub.sos.raise_sos(TAP)

    found = await get(work, hub, receipt.incident_id)
    assert (found.state, found.tier, found.severity) == (State.NOTIFYING, 0, 2)
    assert hub.alerts.told == [(0, 0, ("console", "sms"), ("r-ana",))]
    assert ("s1", "incidents", receipt.incident_id) in hub.pokes.poked
    assert [event.kind for event in await log_of(work, hub, receipt.incident_id)] == [EventKind.RAISED, EventKind.TOLD]


async def test_a_press_is_written_in_a_handful_of_statements(work, hub):
    said = []
    event.listen(work.engine.sync_engine, "before_cursor_execute", lambda _conn, _cursor, statement, *_: said.append(statement))
    await hub.sos.raise_sos(TAP)

    # A crowd that presses waits for them one after the other: is it known, what has she open; number, incident, events, trigger, timer.
    assert len(said) == (3 if work.engine.dialect.name == "postgresql" else 7), said


async def test_a_ladders_timer_is_set_with_its_incident_whatever_was_left_of_it(work, hub, clock):
    left = SqlTimers(work)
    async with work.begin() as tx:
        await left.set(tx, Timer(kind=LADDER_TIMER, subject=TAP.incident_id, due_at=clock.now(), payload={"lap": 9}))
    assert len(await left.claim_due(clock.now(), 10, 30)) == 1
    await hub.sos.raise_sos(TAP)

    async with work.read() as tx:
        row = (await tx.conn.execute(select(timers).where(timers.c.subject == TAP.incident_id))).one()
    assert (row.kind, row.due_at, row.lease_until, row.attempts, row.version) == (LADDER_TIMER, clock.now() + SECOND_RUNG, None, 0, 2)
    assert msgspec.json.decode(row.payload) == {"started_at_ms": to_ms(clock.now()), "step": 1, "lap": 0}


async def test_two_open_incidents_of_a_site_never_share_a_code(work, hub):
    taps = [msgspec.structs.replace(TAP, who=f"technician:{number}", technician_id=str(number)) for number in range(400)]
    by_code = {}
    one, two = next((by_code[code], tap) for tap in taps if (code := short_code(tap.incident_id)) in by_code or by_code.update({code: tap}))
    ids = [(await hub.sos.raise_sos(tap)).incident_id for tap in (one, two)]

    assert len({(await get(work, hub, id)).code for id in ids}) == 2


async def test_many_retries_over_two_roads_are_one_incident_and_one_alarm(work, hub):
    over_http = msgspec.structs.replace(TAP, road=Road.HTTP)
    receipts = await asyncio.gather(*(hub.sos.raise_sos(tap) for _ in range(10) for tap in (TAP, over_http)))

    assert len({receipt.incident_id for receipt in receipts}) == 1
    assert len({msgspec.json.encode(receipt) for receipt in receipts}) == 1
    assert len(hub.alerts.told) == 1
    async with work.read() as tx:
        assert len(await hub.incidents.open_at(tx, "s1")) == 1


async def test_different_presses_of_one_person_at_one_moment_are_one_incident(work, hub):
    taps = [msgspec.structs.replace(TAP, tap_id=f"at once {number}") for number in range(8)]
    receipts = await asyncio.gather(*(hub.sos.raise_sos(tap) for tap in taps))

    (incident_id,) = {receipt.incident_id for receipt in receipts}
    kinds = [each.kind for each in await log_of(work, hub, incident_id)]
    assert (kinds.count(EventKind.RAISED), len(hub.alerts.told)) == (1, 1)


async def test_a_second_press_joins_and_sends_no_further_text(work, hub):
    first = await hub.sos.raise_sos(TAP)
    second = await hub.sos.raise_sos(msgspec.structs.replace(TAP, tap_id="tap-2"))

    assert second.incident_id == first.incident_id
    assert len(hub.alerts.told) == 1
    assert [event.kind for event in await log_of(work, hub, first.incident_id)][-1] is EventKind.PRESSED_AGAIN


async def test_the_ladder_climbs_by_itself_and_never_goes_quiet(work, hub, clock):
    receipt = await hub.sos.raise_sos(TAP)
    for _ in range(65):
        clock.move(5)
        await hub.timers.run_once()

    assert [line[:2] for line in hub.alerts.told[:4]] == [(0, 0), (0, 15), (0, 60), (0, 120)]
    laps = {line[0] for line in hub.alerts.told}
    assert laps == {0, 1, 2, 3}
    assert (await get(work, hub, receipt.incident_id)).state is State.EXHAUSTED


async def test_when_rungs_fall_due_together_each_phone_is_called_once_and_every_tier_texts(work, clock, key_ring):
    outbox = KeptNotices()
    hub = safety_on(work, clock, key_ring, AlertsFlow(outbox, None, NoWords()))
    await hub.sos.raise_sos(TAP)
    for _ in range(4):
        clock.move(60)
        await hub.timers.run_once()

    lap = max(each.ladder_round for each in outbox.kept)
    last = [each for each in outbox.kept if each.ladder_round == lap]
    assert sorted(each.recipient_id for each in last if each.channel is Channel.VOICE) == ["r-ana", "r-bo", "r-cy"]
    assert {each.tier for each in last if each.channel is Channel.SMS} == {0, 1, 2}


async def test_who_does_not_answer_is_followed_by_her_colleagues_on_duty_and_never_by_a_contact(work, clock, key_ring):
    outbox = KeptNotices()
    hub = safety_on(work, clock, key_ring, AlertsFlow(outbox, None, NoWords()))
    mother = Responder(recipient_id="r-mother", is_contact=True)
    hub.responders.groups |= {Group.ON_DUTY: [ON_DUTY, OFF_DUTY], Group.CONTACTS: [mother]}
    await hub.sos.raise_sos(TAP)
    for seconds in (15, 45):
        clock.move(seconds)
        await hub.timers.run_once()

    followed = {(each.tier, each.channel, each.recipient_id): each.next_recipients for each in outbox.kept}
    assert followed[0, Channel.SMS, "r-ana"] == ("r-bo",)
    assert followed[0, Channel.SMS, "r-bo"] == ("r-ana",)
    assert followed[0, Channel.VOICE, "r-ana"] == ("r-bo",)
    assert followed[1, Channel.VOICE, "r-ana"] == ()  # all of this tier are called at once
    assert followed[1, Channel.VOICE, "r-mother"] == ()


async def test_a_claim_stops_the_ladder_and_silence_starts_it_again(work, hub, clock):
    receipt = await hub.sos.raise_sos(TAP)
    owned = await hub.desk.claim(ANA, receipt.incident_id, (await get(work, hub, receipt.incident_id)).version)
    clock.move(200)
    await hub.timers.run_once()

    assert len(hub.alerts.told) == 1
    clock.move(101)
    await hub.timers.run_once()
    assert [event.kind for event in await log_of(work, hub, owned.id)][-1] is EventKind.REMINDED
    clock.move(120)
    await hub.timers.run_once()
    left = await get(work, hub, owned.id)
    assert (left.state, left.owner_id, left.lap) == (State.NOTIFYING, None, 1)
    assert hub.alerts.told[-1][:2] == (1, 0)


@pytest.mark.parametrize("whom", ["nobody", "d-ana", "d-cy"])
async def test_an_incident_is_offered_only_to_who_could_accept_it(work, hub, whom):
    receipt = await hub.sos.raise_sos(TAP)
    owned = await hub.desk.claim(ANA, receipt.incident_id, 1)

    with pytest.raises(BadInput, match="another dispatcher"):
        await hub.desk.offer(ANA, owned.id, owned.version, whom, "my shift ends")
    assert (await get(work, hub, owned.id)).offered_to is None


async def test_a_log_whose_newest_events_were_taken_away_is_found_broken(work, hub):
    receipt = await hub.sos.raise_sos(TAP)
    noted = await hub.desk.note(ANA, receipt.incident_id, "He stands before the door.")
    events = await log_of(work, hub, noted.id)
    async with work.begin() as tx:
        newest = (incident_events.c.incident_id == noted.id) & (incident_events.c.seq == len(events))
        await tx.conn.execute(incident_events.delete().where(newest))

    kept, left = await get(work, hub, noted.id), await log_of(work, hub, noted.id)
    assert first_break(kept.id, left, kept.last_hash) == len(events)
    assert first_break(kept.id, events, kept.last_hash) is None


async def test_a_row_changed_past_its_log_is_found_and_named_even_after_further_acts(work, hub):
    receipt = await hub.sos.raise_sos(TAP)
    owned = await hub.desk.claim(ANA, receipt.incident_id, 1)
    by_hand = {"severity": 0, "code": "0000", "owner_id": "d-bo", "flags": '["drill"]'}
    assert differences(await get(work, hub, owned.id), await log_of(work, hub, owned.id)) == []
    async with work.begin() as tx:
        await tx.conn.execute(update(incidents).where(incidents.c.id == owned.id).values(by_hand))
    await hub.desk.note(ANA, owned.id, "He stands before the door.")

    kept, events = await get(work, hub, owned.id), await log_of(work, hub, owned.id)
    assert first_break(kept.id, events, kept.last_hash) is None
    assert {each.field: (each.row, each.log) for each in differences(kept, events)} == {
        "code": ("0000", owned.code), "severity": (0, 2), "owner_id": ("d-bo", "d-ana"), "flags": (["drill"], []),
    }  # fmt: skip


async def test_of_two_claims_one_wins_and_the_other_learns_who(work, hub):
    receipt = await hub.sos.raise_sos(TAP)
    seen = (await get(work, hub, receipt.incident_id)).version
    results = await asyncio.gather(*(hub.desk.claim(caller, receipt.incident_id, seen) for caller in (ANA, BO)), return_exceptions=True)

    (lost,) = [result for result in results if isinstance(result, Exception)]
    (won,) = [result for result in results if not isinstance(result, Exception)]
    assert isinstance(lost, OutOfDate)
    assert lost.members["owner_id"] == won.owner_id


async def test_a_dispatcher_of_another_city_cannot_touch_it(hub):
    receipt = await hub.sos.raise_sos(TAP)

    with pytest.raises(NotAllowed):
        await hub.desk.note(ELSEWHERE, receipt.incident_id, "hello")


async def test_the_whole_way_from_press_to_signed_report_leaves_an_unbroken_chain(work, hub, clock):
    receipt = await hub.sos.raise_sos(TAP)
    now = await hub.desk.claim(ANA, receipt.incident_id, (await get(work, hub, receipt.incident_id)).version)
    now = await hub.desk.note(ANA, now.id, "She answers: someone blocks the door.")
    now = await hub.desk.call(ANA, now.id, now.version, "police")
    now = await hub.desk.respond(ANA, now.id, now.version, "police on their way")
    now = await hub.desk.offer(ANA, now.id, now.version, "d-bo", "my shift ends")
    now = await hub.desk.accept(BO, now.id, now.version)
    now = await hub.desk.resolve(BO, now.id, now.version, Resolution.REAL_POLICE, "Police took him away; she is safe.")
    now = await hub.desk.review(msgspec.structs.replace(ANA, roles=frozenset({Role.SUPERVISOR})), now.id, now.version, "agreed")

    assert now.state is State.REVIEWED
    events = await log_of(work, hub, now.id)
    assert first_break(now.id, events) is None
    assert [event.kind for event in events[2:]] == [
        EventKind.CLAIMED, EventKind.NOTED, EventKind.CALLED, EventKind.RESPONDED, EventKind.OFFERED, EventKind.HANDED_OVER,
        EventKind.RESOLVED, EventKind.REVIEWED,
    ]  # fmt: skip
    clock.move(3600)
    assert await hub.timers.run_once() == 0


async def test_a_detector_asks_first_and_raises_when_she_does_not_answer(work, hub, clock):
    asked = msgspec.structs.replace(TAP, kind=TriggerKind.MISSED_CHECK_IN, tap_id="check-1")
    receipt = await hub.sos.raise_sos(asked)

    assert (await get(work, hub, receipt.incident_id)).state is State.PENDING
    assert hub.alerts.told == []
    clock.move(31)
    await hub.timers.run_once()
    assert (await get(work, hub, receipt.incident_id)).state is State.NOTIFYING
    assert len(hub.alerts.told) == 1


async def test_a_tap_during_a_question_raises_at_once(work, hub):
    await hub.sos.raise_sos(msgspec.structs.replace(TAP, kind=TriggerKind.DETECTOR, tap_id="d-1"))
    receipt = await hub.sos.raise_sos(TAP)

    found = await get(work, hub, receipt.incident_id)
    assert (found.state, found.severity) == (State.NOTIFYING, 2)


async def test_a_real_press_ends_her_own_practice(work, hub):
    await hub.sos.raise_sos(msgspec.structs.replace(TAP, tap_id="drill", is_drill=True))
    receipt = await hub.sos.raise_sos(TAP)

    found = await get(work, hub, receipt.incident_id)
    assert Flag.DRILL not in found.flags
    assert len(hub.alerts.told) == 2


async def test_a_press_into_a_claimed_question_is_received_and_stays_with_its_owner(work, hub, clock):
    asked = await hub.sos.raise_sos(msgspec.structs.replace(TAP, kind=TriggerKind.DETECTOR, tap_id="d-1"))
    await hub.desk.claim(ANA, asked.incident_id, 1)
    receipt = await hub.sos.raise_sos(TAP)

    found = await get(work, hub, receipt.incident_id)
    assert (found.id, found.state, found.severity, found.owner_id) == (asked.incident_id, State.OWNED, 2, "d-ana")
    assert hub.alerts.told == []


async def test_a_real_press_after_a_practice_that_nobody_answered_tells_everyone_again_at_once(work, hub, clock):
    await hub.sos.raise_sos(msgspec.structs.replace(TAP, tap_id="drill", is_drill=True))
    for _ in range(40):
        clock.move(5)
        await hub.timers.run_once()
    told = len(hub.alerts.told)
    receipt = await hub.sos.raise_sos(TAP)

    assert (await get(work, hub, receipt.incident_id)).state is State.NOTIFYING
    assert len(hub.alerts.told) == told + 1


async def test_a_press_soon_after_an_end_is_a_new_incident_that_names_the_old(work, hub, clock):
    first = await hub.sos.raise_sos(TAP)
    now = await hub.desk.claim(ANA, first.incident_id, (await get(work, hub, first.incident_id)).version)
    await hub.desk.resolve(ANA, now.id, now.version, Resolution.FALSE_ACCIDENTAL, "She says all is well.")
    clock.move(600)
    second = await hub.sos.raise_sos(msgspec.structs.replace(TAP, tap_id="tap-2"))

    found = await get(work, hub, second.incident_id)
    assert found.id != first.incident_id
    assert found.reopens == first.incident_id
    assert hub.alerts.hasty == [first.incident_id]


async def test_an_empty_desk_is_called_at_once_and_an_empty_tier_is_alarmed(work, hub):
    hub.responders.manned = False
    for group in hub.responders.groups:
        hub.responders.groups[group] = []
    await hub.sos.raise_sos(TAP)

    assert [line[1] for line in hub.alerts.told] == [0, 15]
    assert hub.alerts.empty_tiers == [0, 0]


async def test_a_timer_that_fires_twice_tells_once(work, hub, clock):
    await hub.sos.raise_sos(TAP)
    clock.move(16)
    await hub.timers.run_once()
    clock.move(1)
    await hub.timers.run_once()

    assert [line[1] for line in hub.alerts.told] == [0, 15]


async def test_a_tap_dropped_at_any_wait_is_there_if_a_receipt_was_given_and_once_after_a_retry(work, hub):
    """Step the tap to each of its suspensions, drop it there, and press again as the phone would."""
    for wait in range(1, 1000):
        tap = msgspec.structs.replace(TAP, who=f"technician:t{wait}", technician_id=f"t{wait}")
        attempt = DroppedAt(hub.sos.raise_sos(tap), wait)
        receipt = await attempt
        again = await hub.sos.raise_sos(tap)

        assert receipt in (None, again)
        assert (await get(work, hub, again.incident_id)).state is State.NOTIFYING
        raised = [line for line in await log_of(work, hub, again.incident_id) if line.kind is EventKind.RAISED]
        assert len(raised) == 1
        if not attempt.was_dropped:
            assert receipt == again
            return
    raise AssertionError("The tap never came to its end.")
