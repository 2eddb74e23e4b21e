"""Notes on customers on real databases: written by the desk, read by whoever goes there next, logged, sealed and withdrawn."""

from datetime import timedelta

import msgspec
import pytest

from core.caller import Role
from core.errors import BadInput, NotAllowed, NotFound
from tests.doubles.visits_house import DESK, MUNICH, OWNER, PLATFORM, TURIN, VisitsHouse
from visits.customer_note import KEPT, RiskKind
from visits.refusal import NotAssignable
from visits.stage import Act, Stage
from visits.tables import customer_notes
from visits.visit import PersonRef, Told
from visits.visit_stores import Page

pytestmark = pytest.mark.anyio
NOTE = "On 3 March Mei was shouted at; he had been drinking."
TOLD = "He may have been drinking. Keep to the room by the door."


@pytest.fixture
async def house(work, clock, ids, key_ring):
    return await VisitsHouse(work, clock, ids, key_ring).opened()


async def warned(house):
    """Return a technician, her next visit, and the note that was written after somebody else's."""
    her = await house.technician("Lin Wei", on_shift=True)
    earlier = await house.visit()
    note = await house.notes.write(DESK, [RiskKind.INTOXICATED], NOTE, TOLD, visit_id=earlier.id)
    return her, await house.visit(Stage.ASSIGNED, her), note


async def test_whoever_goes_there_next_reads_what_was_written_for_her_and_nothing_of_the_desk(house):
    her, visit, _ = await warned(house)
    (face,) = await house.looks.mine(her)

    (note,) = face.notes
    assert (note.kinds, note.told, note.note, note.made_by) == ((RiskKind.INTOXICATED,), TOLD, None, None)
    assert [each.note for each in await house.notes.of_visit(her, visit.id)] == [None]


async def test_at_the_door_and_inside_it_is_off_her_screen(house):
    her, visit, _ = await warned(house)
    await house.visits.depart(her, visit.id, Told())
    assert len((await house.looks.mine(her))[0].notes) == 1
    house.at(visit.place.point)
    await house.visits.arrive(her, visit.id, Told())

    assert (await house.looks.mine(her))[0].notes == ()


async def test_the_desk_reads_all_of_it_beside_the_visit(house):
    _, visit, _ = await warned(house)
    face = await house.looks.look(DESK, visit.id)

    assert [(each.note, each.made_by) for each in face.notes] == [(NOTE, "dispatcher:desk")]


async def test_the_platform_reads_nothing_of_it(house):
    _, visit, _ = await warned(house)

    assert (await house.looks.look(PLATFORM, visit.id)).notes == ()


async def test_before_she_is_assigned_and_after_she_has_left_it_is_not_hers_to_read(house):
    her, visit, _ = await warned(house)
    other = await house.technician("Ana", on_shift=True)
    with pytest.raises(NotFound):
        await house.notes.of_visit(other, visit.id)
    await house.visits.cancel(DESK, visit.id, Told(reason="she declined"))
    with pytest.raises(NotFound):
        await house.notes.of_visit(her, visit.id)


async def test_every_look_of_the_desk_is_noted_and_hers_once(house):
    her, visit, _ = await warned(house)
    for _ in range(3):
        await house.looks.mine(her)
    await house.notes.of_visit(DESK, visit.id)
    await house.notes.of_visit(DESK, visit.id)
    looks = [look for look in await house.looks.looks(DESK, visit.id, Page()) if look.what == "customer_notes"]

    assert sorted(look.looker.split(":")[0] for look in looks) == ["device", "dispatcher", "dispatcher"]


async def test_the_words_are_sealed_and_the_phone_is_a_digest(house, work):
    await warned(house)
    async with work.read() as tx:
        (row,) = (await tx.conn.execute(customer_notes.select())).all()

    assert "Mei" not in row.note_sealed
    assert "door" not in row.told_sealed
    assert "+49" not in row.customer_key


async def test_a_note_on_whoever_booked_speaks_too(house):
    her = await house.technician("Lin Wei", on_shift=True)
    await house.notes.write(DESK, [RiskKind.HARASSMENT], NOTE, None, site_id=MUNICH, customer_phone="+491709999999")
    booker = PersonRef(name="Bo", phone="+491709999999")
    visit = (await house.booking.book(PLATFORM, MUNICH, house.draft(booker=booker))).visit
    await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())

    assert [note.kinds for note in (await house.looks.mine(her))[0].notes] == [(RiskKind.HARASSMENT,)]


async def test_a_withdrawn_or_old_note_speaks_no_longer_and_takes_a_supervisor_with_a_reason(house, clock):
    her, visit, note = await warned(house)
    boss = msgspec.structs.replace(DESK, roles=frozenset({Role.SUPERVISOR}))
    with pytest.raises(NotAllowed):
        await house.notes.withdraw(DESK, note.id, "it was another customer")
    with pytest.raises(BadInput):
        await house.notes.withdraw(boss, note.id, " ")
    await house.notes.withdraw(boss, note.id, "it was another customer")
    assert (await house.looks.mine(her))[0].notes == ()
    with pytest.raises(NotFound):
        await house.notes.withdraw(boss, note.id, "again")
    await house.notes.write(DESK, [RiskKind.ANIMAL], "A dog.", None, visit_id=visit.id)
    clock.move((KEPT + timedelta(days=1)).total_seconds())
    assert await house.notes.of_visit(DESK, visit.id) == []


async def test_a_note_of_another_site_is_not_read_here(house):
    her, _, _ = await warned(house)
    there = msgspec.structs.replace(DESK, sites=frozenset({TURIN}))
    await house.notes.write(there, [RiskKind.WEAPON], "A knife.", None, site_id=TURIN, customer_phone="+491701234567")

    assert [note.kinds for note in (await house.looks.mine(her))[0].notes] == [(RiskKind.INTOXICATED,)]
    with pytest.raises(BadInput):
        await house.notes.write(DESK, [RiskKind.WEAPON], "A knife.", None, site_id=TURIN, customer_phone="+491701234567")


@pytest.mark.parametrize(("kinds", "note", "told"), [([], NOTE, TOLD), ([RiskKind.WEAPON], " ", None), ([RiskKind.OTHER], NOTE, None)])
async def test_a_note_that_tells_nobody_anything_is_refused(house, kinds, note, told):
    visit = await house.visit()
    with pytest.raises(BadInput):
        await house.notes.write(DESK, kinds, note, told, visit_id=visit.id)


async def test_a_customer_without_a_phone_cannot_be_warned_of(house):
    visit = (await house.booking.book(PLATFORM, MUNICH, house.draft(customer=PersonRef(name="Ada")))).visit
    with pytest.raises(BadInput, match="no phone"):
        await house.notes.write(DESK, [RiskKind.WEAPON], NOTE, None, visit_id=visit.id)


async def test_a_blocked_pair_holds_for_whoever_booked_and_for_a_later_change_of_the_customer(house):
    her = await house.technician("Lin Wei", on_shift=True)
    await house.people.block(DESK, her.technician_id, "+491709999999", "asked not to")
    draft = house.draft(external_ref="b1", booker=PersonRef(name="Bo", phone="+491709999999"))
    visit = (await house.booking.book(PLATFORM, MUNICH, draft)).visit
    with pytest.raises(NotAssignable):
        await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())
    harmless = house.draft(external_ref="b2")
    visit = (await house.booking.book(PLATFORM, MUNICH, harmless)).visit
    await house.visits.assign(PLATFORM, visit.id, her.technician_id, Told())
    with pytest.raises(NotAssignable):
        await house.booking.book(
            PLATFORM, MUNICH, msgspec.structs.replace(harmless, customer=PersonRef(name="Bo", phone="+491709999999"))
        )


async def test_a_phone_whose_owner_has_pins_is_not_offered_to_lengthen_by_the_plain_act(house):
    her = await house.technician(on_shift=True)
    visit = await house.visit(Stage.IN_SERVICE, her)
    pins = set()

    async def has_pins(technician_id):
        return technician_id in pins

    house.looks.ask_pins_of(has_pins)
    assert Act.EXTEND in (await house.looks.look(her, visit.id)).possible
    pins.add(her.technician_id)
    assert Act.EXTEND not in (await house.looks.look(her, visit.id)).possible
    assert Act.EXTEND not in (await house.looks.mine(her))[0].possible


async def test_only_she_says_whether_she_helps_colleagues(house):
    her = await house.technician()
    assert (await house.people.get(OWNER, her.technician_id)).helps_colleagues is False
    await house.people.offer_help(her, is_willing=True)
    await house.people.offer_help(her, is_willing=True)
    assert (await house.people.get(OWNER, her.technician_id)).helps_colleagues is True
    with pytest.raises(NotAllowed):
        await house.people.offer_help(OWNER, is_willing=False)
