"""Visits on both databases: booked, given, gone to, opened, ended, left; and everything that goes wrong on the way."""

import asyncio
from datetime import timedelta

import pytest

from core.errors import BadInput, Conflict, IllegalMove, NotAllowed, NotFound
from core.geo import moved as geo_moved
from tests.doubles.visits_house import DESK, DOOR, HOME, MUNICH, NO_VISIT, PLATFORM, STRANGER, VisitsHouse
from visits.arrival import Departure, SeenPosition
from visits.refusal import NotAssignable, NotThere, TooEarly, WrongDoorCode
from visits.stage import Act, Stage
from visits.tables import visit_acts, visits
from visits.visit import PersonRef, Place, Told
from visits.visit_stores import Page, VisitFilter

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def house(work, clock, ids, key_ring):
    return await VisitsHouse(work, clock, ids, key_ring).opened()


@pytest.fixture
async def her(house):
    return await house.technician(on_shift=True)


async def stored(house, visit_id):
    return await house.looks.get(visit_id)


async def test_a_visit_goes_from_created_to_left_and_every_act_is_kept(house, her):
    visit = await house.visit(Stage.LEFT, her)
    acts = (await house.looks.acts(DESK, visit.id))

    assert [each.act for each in acts] == [None, Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.START, Act.END, Act.LEAVE]
    assert [each.after for each in acts][-1] is Stage.LEFT
    assert acts[2].actor == f"device:{her.id}"
    assert (acts[2].lat, acts[2].lon) == (HOME.lat, HOME.lon)
    assert [event.act for event in house.listener.heard] == [each.act for each in acts]
    assert house.pokes.poked.count((MUNICH, "visit", visit.id)) == 7
    assert await stored(house, visit.id) == visit


async def test_what_is_personal_is_not_readable_in_the_database(house):
    await house.visit()
    async with house.work.read() as tx:
        row = (await tx.conn.execute(visits.select())).one()

    # Short words are looked for with what stands before them in clear: alone they come up in sealed text by chance.
    readable = ("Marienplatz", "+49170", "48.13", '"Ada', "'Ada", '"4711', "'4711")
    assert [word for word in readable if word in str(row)] == []


async def test_booking_again_with_the_same_reference_changes_the_same_visit(house):
    first = await house.booking.book(PLATFORM, MUNICH, house.draft(external_ref="A-1"))
    again = await house.booking.book(PLATFORM, MUNICH, house.draft(external_ref="A-1"))
    other = await house.booking.book(PLATFORM, MUNICH, house.draft(external_ref="A-1", planned_min=90))

    assert (first.is_new, again.is_new, other.is_new) == (True, False, False)
    assert first.visit == again.visit
    assert (other.visit.id, other.visit.planned_min, other.visit.version) == (first.visit.id, 90, 2)
    assert [event.before for event in house.listener.heard] == [None, Stage.CREATED]


async def test_two_equal_bookings_at_once_make_one_visit(house):
    booked = await asyncio.gather(*(house.booking.book(PLATFORM, MUNICH, house.draft(external_ref="A-1")) for _ in range(5)))

    assert len({each.visit.id for each in booked}) == 1
    assert [each.is_new for each in booked].count(True) == 1


@pytest.mark.parametrize(("caller", "site"), [(PLATFORM, "nowhere"), (STRANGER, MUNICH)])
async def test_booking_in_a_site_that_is_not_reached_is_not_found(house, caller, site):
    with pytest.raises(NotFound):
        await house.booking.book(caller, site, house.draft())


async def test_booked_details_change_until_she_sets_out(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    changed = await house.booking.change(PLATFORM, visit.id, house.draft(planned_min=75), visit.version)
    assert changed.planned_min == 75

    with pytest.raises(Conflict):
        await house.booking.change(PLATFORM, visit.id, house.draft(planned_min=80), visit.version)
    house.at(HOME)
    await house.visits.depart(her, visit.id, Told())
    with pytest.raises(Conflict):
        await house.booking.change(PLATFORM, visit.id, house.draft(planned_min=90), None)


async def test_an_unknown_visit_and_one_of_another_site_are_not_found_alike(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    found = []
    for caller, visit_id in ((PLATFORM, NO_VISIT), (STRANGER, visit.id), (her, NO_VISIT)):
        with pytest.raises(NotFound) as refused:
            await house.visits.cancel(caller, visit_id, Told(reason="x"))
        found.append(str(refused.value))
    assert len(set(found)) == 1


async def test_another_technicians_visit_is_not_found_for_her(house, her):
    other = await house.technician("Bo")
    visit = await house.visit(Stage.ASSIGNED, her)

    with pytest.raises(NotFound):
        await house.visits.depart(other, visit.id, Told())
    with pytest.raises(NotFound):
        await house.looks.look(other, visit.id)
    assert await house.looks.mine(other) == []


async def test_an_illegal_move_changes_nothing_and_says_what_is_possible(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)

    with pytest.raises(IllegalMove) as refused:
        await house.visits.arrive(her, visit.id, Told())
    assert refused.value.members["allowed"] == ["reassign", "depart", "cancel"]
    assert await stored(house, visit.id) == visit


async def test_the_same_act_sent_twice_is_done_once(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    told = Told(idempotency_key="tap-1")
    first = await house.visits.depart(her, visit.id, told)
    again = await house.visits.depart(her, visit.id, told)

    assert first == again
    assert [event.act for event in house.listener.heard].count(Act.DEPART) == 1
    with pytest.raises(Conflict):
        await house.visits.arrive(her, visit.id, told)


async def test_the_same_act_sent_by_two_transports_at_once_is_done_once(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    told = Told(idempotency_key="tap-1")
    found = await asyncio.gather(*(house.visits.depart(her, visit.id, told) for _ in range(4)))

    assert {each.version for each in found} == {visit.version + 1}


async def test_of_two_dispatchers_who_saw_the_same_version_one_wins(house, her):
    bo = await house.technician("Bo")
    visit = await house.visit()
    told = Told(expected_version=visit.version)
    found = await asyncio.gather(
        house.visits.assign(PLATFORM, visit.id, her.technician_id, told),
        house.visits.assign(PLATFORM, visit.id, bo.technician_id, told),
        return_exceptions=True,
    )

    assert sorted(isinstance(each, Conflict) for each in found) == [False, True]


async def test_a_listener_that_objects_undoes_the_act(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    house.listener.objects, before = True, list(house.pokes.poked)

    with pytest.raises(RuntimeError):
        await house.visits.depart(her, visit.id, Told())
    assert await stored(house, visit.id) == visit
    assert house.pokes.poked == before
    async with house.work.read() as tx:
        assert len((await tx.conn.execute(visit_acts.select())).all()) == 2


async def test_reasons_against_an_assignment_are_told_together(house, her):
    house.preflight.reasons = ["Nobody is on duty. Wait until somebody is."]
    await house.people.change(PLATFORM, her.technician_id, is_active=False)
    visit = await house.visit()

    with pytest.raises(NotAssignable) as refused:
        await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())
    assert len(refused.value.members["reasons"]) == 2


async def test_a_blocked_pair_is_not_sent_together_however_the_visit_was_booked(house, her):
    await house.people.block(DESK, her.technician_id, "+491701234567", "he shouted")
    visit = await house.visit()
    with pytest.raises(NotAssignable):
        await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())
    other = (await house.booking.book(PLATFORM, MUNICH, house.draft(customer=PersonRef(name="Eve", phone="+491707654321")))).visit

    assert (await house.visits.assign(PLATFORM, other.id, her.technician_id, Told())).stage is Stage.ASSIGNED


async def test_an_unknown_technician_is_not_found(house):
    visit = await house.visit()
    with pytest.raises(NotFound):
        await house.visits.assign(PLATFORM, visit.id, "nobody", Told())


async def test_departing_needs_her_shift(house):
    her = await house.technician()
    visit = await house.visit(Stage.ASSIGNED, her)

    with pytest.raises(Conflict, match="shift"):
        await house.visits.depart(her, visit.id, Told())


async def test_only_one_visit_of_hers_is_underway(house, her):
    first, second = await house.visit(Stage.DEPARTED, her), await house.visit(Stage.ASSIGNED, her)

    with pytest.raises(Conflict) as refused:
        await house.visits.depart(her, second.id, Told())
    assert refused.value.members["visit_id"] == first.id


async def test_her_name_and_the_visits_that_she_is_on_are_read_at_once(house, her):
    await house.visit(Stage.LEFT, her)
    underway = await house.visit(Stage.DEPARTED, her)
    idle, on = await house.technician("Ida"), frozenset({Stage.DEPARTED, Stage.ARRIVED})
    async with house.work.read() as tx:
        found = [await house.stores.visits.name_and_visits(tx, who, on) for who in (her.technician_id, idle.technician_id, "nobody")]
        names = [(await house.stores.technicians.get(tx, each.technician_id)).shown_name for each in (her, idle)]

    assert found == [(names[0], [underway]), (names[1], []), (None, [])]


async def test_two_departures_at_once_leave_one_visit_underway(house, her):
    both = [await house.visit(Stage.ASSIGNED, her) for _ in range(2)]
    found = await asyncio.gather(*(house.visits.depart(her, visit.id, Told()) for visit in both), return_exceptions=True)

    assert sorted(isinstance(each, Conflict) for each in found) == [False, True]


async def test_departing_is_unconfirmed_until_movement_is_seen(house, her):
    visit = await house.visit(Stage.DEPARTED, her)
    assert visit.departure is Departure.UNCONFIRMED

    now = house.clock.now()
    assert not await house.departures.confirm(visit.id, geo_moved(HOME, 0, 100), now)
    assert not await house.departures.confirm(visit.id, geo_moved(HOME, 0, 300), now + 11 * MINUTE)
    assert await house.departures.confirm(visit.id, geo_moved(HOME, 0, 300), now + MINUTE)
    assert await house.departures.confirm(visit.id, HOME, now + MINUTE)
    assert not await house.departures.confirm(NO_VISIT, HOME, now)
    assert (await stored(house, visit.id)).departure is Departure.CONFIRMED


async def test_arriving_from_elsewhere_confirms_the_departure_too(house, her):
    assert (await house.visit(Stage.ARRIVED, her)).departure is Departure.CONFIRMED


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (SeenPosition(point=HOME, accuracy_m=10), "too_far"),
        (SeenPosition(point=DOOR, accuracy_m=900), "vague_position"),
        (SeenPosition(point=DOOR, accuracy_m=10, age_s=600), "old_position"),
        (SeenPosition(point=DOOR, accuracy_m=10, mocked=True), "mocked_position"),
        (None, "no_position"),
    ],
)
async def test_arriving_wants_nearness_else_the_desk_says_it_with_a_reason(house, her, seen, verdict):
    visit = await house.visit(Stage.DEPARTED, her)
    house.last_known.seen = seen

    with pytest.raises(NotThere) as refused:
        await house.visits.arrive(her, visit.id, Told())
    assert refused.value.members["verdict"] == verdict
    with pytest.raises(BadInput):
        await house.visits.arrive(DESK, visit.id, Told())
    arrived = await house.visits.arrive(DESK, visit.id, Told(reason="the customer called: she is here"))
    assert (arrived.stage, arrived.departure) == (Stage.ARRIVED, Departure.UNCONFIRMED)


async def test_the_phones_own_position_goes_before_the_last_known(house, her):
    visit = await house.visit(Stage.DEPARTED, her)

    arrived = await house.visits.arrive(her, visit.id, Told(position=SeenPosition(point=DOOR, accuracy_m=15)))
    assert arrived.stage is Stage.ARRIVED


async def test_the_service_starts_with_the_customers_half_of_the_door_code(house, her):
    visit = await house.visit(Stage.ARRIVED, her)

    with pytest.raises(WrongDoorCode) as refused:
        await house.visits.start(her, visit.id, "no", Told())
    assert refused.value.members["tries_left"] == 4
    assert (await house.visits.start(her, visit.id, visit.door_code[3:], Told())).stage is Stage.IN_SERVICE


async def test_wrong_codes_are_counted_and_then_only_the_desk_opens(house, her):
    visit = await house.visit(Stage.ARRIVED, her)
    left = []
    for _ in range(6):
        with pytest.raises(WrongDoorCode) as refused:
            await house.visits.start(her, visit.id, "no", Told())
        left.append(refused.value.members["tries_left"])
    assert left == [4, 3, 2, 1, 0, 0]

    with pytest.raises(WrongDoorCode):
        await house.visits.start(her, visit.id, visit.door_code, Told())
    opened = await house.visits.start(DESK, visit.id, None, Told(reason="the customer confirmed by phone"))
    assert opened.stage is Stage.IN_SERVICE


async def test_an_empty_code_is_wrong_and_costs_no_try(house, her):
    visit = await house.visit(Stage.ARRIVED, her)

    with pytest.raises(WrongDoorCode) as refused:
        await house.visits.start(her, visit.id, None, Told())
    assert refused.value.members["tries_left"] == 5


async def test_a_service_without_door_code_starts_without(house, her):
    visit = (await house.booking.book(PLATFORM, MUNICH, house.draft(service_kind="pet_sitting"))).visit
    await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())
    house.at(DOOR)
    await house.visits.depart(her, visit.id, Told())
    await house.visits.arrive(her, visit.id, Told())

    assert (await house.visits.start(her, visit.id, None, Told())).stage is Stage.IN_SERVICE


async def test_extending_moves_the_planned_end(house, her):
    visit = await house.visit(Stage.IN_SERVICE, her)
    longer = await house.visits.extend(PLATFORM, visit.id, 30, Told())

    assert longer.planned_end == visit.planned_end + 30 * MINUTE
    for bad in (0, -5, 481):
        with pytest.raises(BadInput):
            await house.visits.extend(PLATFORM, visit.id, bad, Told())


async def test_a_phone_whose_owner_has_pins_lengthens_nothing_without_one(house, her):
    asked = []

    async def has_pins(technician_id):
        asked.append(technician_id)
        return True

    visit = await house.visit(Stage.IN_SERVICE, her)
    house.visits.ask_pins_of(has_pins)
    with pytest.raises(NotAllowed, match="/v1/me/extensions"):
        await house.visits.extend(her, visit.id, 30, Told())

    assert asked == [her.technician_id]
    assert (await stored(house, visit.id)).planned_end == visit.planned_end
    assert (await house.visits.extend(her, visit.id, 30, Told(), is_pin_checked=True)).planned_end == visit.planned_end + 30 * MINUTE
    assert (await house.visits.extend(PLATFORM, visit.id, 30, Told())).planned_end == visit.planned_end + 60 * MINUTE
    assert (await house.visits.extend(DESK, visit.id, 30, Told())).planned_end == visit.planned_end + 90 * MINUTE


async def test_a_no_show_counts_after_waiting(house, her):
    visit = await house.visit(Stage.ARRIVED, her)
    with pytest.raises(TooEarly) as refused:
        await house.visits.no_show(her, visit.id, Told())
    possible_at = refused.value.members["possible_at"]

    house.clock.move((possible_at - house.clock.now()).total_seconds())
    assert (await house.visits.no_show(her, visit.id, Told())).stage is Stage.NO_SHOW


async def test_reassigning_keeps_visit_and_link_and_takes_the_place_from_the_first(house, her):
    bo = await house.technician("Bo")
    visit = await house.visit(Stage.DEPARTED, her)
    link = await house.links.make(PLATFORM, visit.id, "customer")
    given = await house.visits.reassign(PLATFORM, visit.id, bo.technician_id, Told(reason="flat tyre"))

    assert (given.id, given.technician_id, given.stage) == (visit.id, bo.technician_id, Stage.ASSIGNED)
    assert await house.links.open(link.token) is not None
    assert await house.looks.mine(her) == []
    assert (await house.looks.mine(bo))[0].place.address == "Marienplatz 1"
    assert house.listener.heard[-1].former_technician_id == her.technician_id


async def test_breaking_off_reads_like_an_end_for_everyone_but_the_desk(house, her):
    visit = await house.visit(Stage.IN_SERVICE, her)
    await house.visits.abort_unsafe(her, visit.id, Told())

    assert (await house.looks.look(her, visit.id)).stage is Stage.ENDED
    assert (await house.looks.look(PLATFORM, visit.id)).stage is Stage.ENDED
    assert (await house.looks.look(DESK, visit.id)).stage is Stage.ABORTED_UNSAFE
    with pytest.raises(IllegalMove) as refused:
        await house.visits.extend(her, visit.id, 5, Told())
    assert refused.value.members["state"] == "ended"
    left = await house.visits.leave(her, visit.id, Told())
    assert (left.stage, left.outcome) == (Stage.LEFT, Stage.ABORTED_UNSAFE)


async def test_an_act_delivered_late_keeps_the_time_she_acted(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    acted_at = house.clock.now() + MINUTE
    house.clock.move(1200)
    skew = timedelta(hours=2)
    told = Told(device_at=acted_at + skew, sent_at=house.clock.now() + skew)

    assert (await house.visits.depart(her, visit.id, told)).departed_at == acted_at


async def test_the_platform_may_not_say_that_she_arrived(house, her):
    visit = await house.visit(Stage.DEPARTED, her)
    with pytest.raises(NotAllowed):
        await house.visits.arrive(PLATFORM, visit.id, Told(reason="x"))


async def test_looking_at_a_visit_is_noted_and_listing_is_not(house, her):
    visit = await house.visit(Stage.ASSIGNED, her)
    await house.looks.page(DESK, VisitFilter(sites=DESK.sites), Page())
    await house.looks.look(her, visit.id)
    assert await house.looks.looks(DESK, visit.id, Page()) == []

    await house.looks.look(DESK, visit.id)
    assert [(each.looker, each.what) for each in await house.looks.looks(DESK, visit.id, Page())] == [("dispatcher:desk", "visit")]
    assert await house.looks.looks(STRANGER, visit.id, Page()) == []


async def test_lists_are_told_in_pages_without_holes(house, her):
    made = [(await house.visit()).id for _ in range(5)]
    found, after = [], None
    while True:
        part = await house.looks.page(PLATFORM, VisitFilter(sites=PLATFORM.sites), Page(after=after, limit=2))
        found += [each.id for each in part]
        if len(part) < 2:
            break
        after = part[-1].id
    assert found == made
    narrow = VisitFilter(sites=PLATFORM.sites, stages=frozenset({Stage.ASSIGNED}))
    await house.visits.assign(PLATFORM, made[2], her.technician_id, Told())
    assert [each.id for each in await house.looks.page(PLATFORM, narrow, Page())] == [made[2]]


async def test_journeys_find_the_open_visits_of_a_site(house, her):
    await house.visit()
    visit = await house.visit(Stage.DEPARTED, her)

    assert [each.id for each in await house.looks.open_of_site(MUNICH)] == [visit.id]


async def test_a_place_without_address_is_refused(house):
    with pytest.raises(BadInput, match="address"):
        await house.booking.book(PLATFORM, MUNICH, house.draft(place=Place(point=DOOR, address="")))


async def test_a_visit_read_again_is_opened_anew_only_when_its_row_has_changed(house, her):
    visit = await house.visit(Stage.DEPARTED, her)

    async def read_again():
        async with house.work.read() as tx:
            (many,) = await house.stores.visits.get_many(tx, [visit.id])
            open_here = await house.stores.visits.open_of_site(tx, MUNICH, frozenset({Stage.DEPARTED}))
        assert list(open_here) == [many]
        return many

    first, second = await read_again(), await read_again()
    async with house.work.begin() as tx:
        # Neither of these raises the visit's version.
        await house.stores.visits.count_miss(tx, visit.id)
        await house.stores.visits.set_departure(tx, visit.id, Departure.CONFIRMED)
    third = await read_again()

    assert second is first
    assert (third.door_code_misses, third.departure) == (visit.door_code_misses + 1, Departure.CONFIRMED)
    assert third == await stored(house, visit.id)
