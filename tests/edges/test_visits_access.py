"""Credentials on both databases: phones, dispatchers, API keys, links and tickets; who gets in, and who no longer does."""

import asyncio
import os
import re
import sys
import threading
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher

from core.caller import Caller, CallerKind, Role, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn, TooMany
from core.ids import token_hash
from tests.doubles.visits_house import DESK, MUNICH, OWNER, PLATFORM, STRANGER, TURIN, FakePasswords, VisitsHouse
from visits.argon2_passwords import NICENESS, Argon2Passwords
from visits.desk_access_flow import CodeNeeded, NewDispatcher
from visits.link_flow import MAX_LINKS
from visits.people_flow import NewTechnician
from visits.site import Site
from visits.stage import Stage
from visits.tables import api_keys, devices, dispatcher_sessions, dispatchers, enrolments, links, technicians, tickets
from visits.visit import Told
from visits.visit_stores import Page

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
HOME_ADDRESS, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
async def house(work, clock, ids, key_ring):
    return await VisitsHouse(work, clock, ids, key_ring).opened()


@pytest.fixture
async def miriam(house):
    return await house.desk.enter(OWNER, NewDispatcher(user="Miriam", name="Miriam K", password=PASSWORD, sites=frozenset({MUNICH})))


def as_caller(dispatcher):
    return Caller(
        kind=CallerKind.DISPATCHER, id=dispatcher.id, dispatcher_id=dispatcher.id, sites=dispatcher.sites, roles=dispatcher.roles
    )


async def log_in(house, password=PASSWORD, code=None, address=HOME_ADDRESS, user="miriam"):
    return await house.desk.log_in(user, password, code, address)


# Technicians and their phones.


async def test_an_enrolled_phone_opens_what_is_hers(house):
    her = await house.technician()

    assert (her.kind, her.sites) == (CallerKind.DEVICE, frozenset({MUNICH}))
    assert her.technician_id is not None


async def test_no_token_code_password_or_name_is_stored_in_clear(house, miriam):
    house.ids.new_digits(3)
    technician = await house.people.enter(PLATFORM, MUNICH, NewTechnician(name="Lin Wei", phone="+4915112345678"))
    code = re.sub(r"\D", "", await house.people.offer_enrolment(PLATFORM, technician.id))
    enrolled = await house.people.enrol(code, "phone", "ios", HOME_ADDRESS)
    session = await log_in(house)
    key = await house.access.make_api_key(OWNER, "shop", frozenset({MUNICH}), frozenset({Scope.VISITS_READ}))
    ticket = await house.access.issue_ticket(PLATFORM.__class__(kind=CallerKind.API, id=key.key.id))
    async with house.work.read() as tx:
        text = ""
        for table in (technicians, devices, enrolments, dispatchers, dispatcher_sessions, api_keys, tickets, links):
            text += str((await tx.conn.execute(table.select())).all())

    secrets = ["Lin Wei", "+4915112345678", enrolled.token, session.token, key.token, ticket, PASSWORD]
    assert not [each for each in secrets if each in text]
    assert f"'{code}'" not in text
    assert token_hash(enrolled.token) in text


async def test_an_enrolment_code_counts_once_for_a_day_and_a_newer_one_voids_it(house):
    technician = await house.people.enter(PLATFORM, MUNICH, NewTechnician(name="Lin"))
    first = await house.people.offer_enrolment(PLATFORM, technician.id)
    second = await house.people.offer_enrolment(PLATFORM, technician.id)
    with pytest.raises(NotSignedIn):
        await house.people.enrol(first, "phone", "", HOME_ADDRESS)
    await house.people.enrol(second, "phone", "", HOME_ADDRESS)
    with pytest.raises(NotSignedIn):
        await house.people.enrol(second, "phone", "", HOME_ADDRESS)
    late = await house.people.offer_enrolment(PLATFORM, technician.id)
    house.clock.move(24 * 3600)
    with pytest.raises(NotSignedIn):
        await house.people.enrol(late, "phone", "", HOME_ADDRESS)


async def test_of_two_phones_with_one_code_one_is_enrolled(house):
    technician = await house.people.enter(PLATFORM, MUNICH, NewTechnician(name="Lin"))
    code = await house.people.offer_enrolment(PLATFORM, technician.id)
    found = await asyncio.gather(*(house.people.enrol(code, "p", "", HOME_ADDRESS) for _ in range(2)), return_exceptions=True)

    assert sorted(isinstance(each, NotSignedIn) for each in found) == [False, True]


async def test_guessing_codes_is_stopped(house):
    for _ in range(20):
        with pytest.raises(NotSignedIn):
            await house.people.enrol("0000000000", "p", "", ELSEWHERE)
    with pytest.raises(TooMany):
        await house.people.enrol("0000000000", "p", "", ELSEWHERE)

    house.clock.move(15 * 60)
    with pytest.raises(NotSignedIn):
        await house.people.enrol("0000000000", "p", "", ELSEWHERE)


async def test_a_new_phone_alerts_the_older_ones_and_each_has_its_own_number(house):
    her = await house.technician()
    code = await house.people.offer_enrolment(PLATFORM, her.technician_id)
    second = await house.people.enrol(code, "second", "ios", ELSEWHERE)

    assert house.notices.told[-1] == ("device_enrolled", second.device.id, [her.device_id])
    assert second.device.device_no == 2
    assert [each.label for each in await house.people.devices(DESK, her.technician_id)] == ["phone", "second"]


async def test_a_revoked_phone_opens_nothing_at_once_and_its_sockets_are_poked(house):
    her = await house.technician()
    assert await house.access.still_counts(her)
    await house.people.revoke_device(DESK, her.device_id)
    await house.people.revoke_device(DESK, her.device_id)

    assert not await house.access.still_counts(her)
    assert house.pokes.poked.count((MUNICH, "device", her.device_id)) == 2


async def test_she_revokes_her_own_phone_and_nobody_elses(house):
    her, bo = await house.technician(), await house.technician("Bo")
    with pytest.raises(NotFound):
        await house.people.revoke_device(bo, her.device_id)
    with pytest.raises(NotFound):
        await house.people.revoke_device(STRANGER, her.device_id)
    await house.people.revoke_device(her, her.device_id)

    assert not await house.access.still_counts(her)


async def test_making_her_inactive_ends_her_phones(house):
    her = await house.technician()
    await house.people.change(PLATFORM, her.technician_id, is_active=False)

    assert not await house.access.still_counts(her)
    with pytest.raises(BadInput):
        await house.people.offer_enrolment(PLATFORM, her.technician_id)


async def test_people_are_managed_by_platform_and_supervisors(house):
    her = await house.technician()
    for caller in (DESK, her):
        with pytest.raises(NotAllowed):
            await house.people.enter(caller, MUNICH, NewTechnician(name="X"))
    with pytest.raises(NotFound):
        await house.people.enter(STRANGER, MUNICH, NewTechnician(name="X"))
    with pytest.raises(NotFound):
        await house.people.get(STRANGER, her.technician_id)
    for bad in (NewTechnician(name=" "), NewTechnician(name="X", phone="0151")):
        with pytest.raises(BadInput):
            await house.people.enter(PLATFORM, MUNICH, bad)


async def test_a_blocked_pair_is_kept_once_listed_and_forgotten(house):
    her = await house.technician()
    first = await house.people.block(DESK, her.technician_id, "+491701234567", "shouted")
    again = await house.people.block(DESK, her.technician_id, "+491701234567", "again")
    assert (first.id, first.reason) == (again.id, again.reason)

    with pytest.raises(NotAllowed):
        await house.people.unblock(DESK, her.technician_id, first.id)
    await house.people.unblock(OWNER, her.technician_id, first.id)
    assert await house.people.blocked(DESK, her.technician_id) == []
    with pytest.raises(NotFound):
        await house.people.unblock(OWNER, her.technician_id, first.id)
    with pytest.raises(BadInput):
        await house.people.block(DESK, her.technician_id, "0170", "x")


async def test_reading_a_technician_is_noted(house):
    her = await house.technician()
    await house.people.get(her, her.technician_id)
    assert await house.looks.looks(DESK, her.technician_id, Page()) == []

    await house.people.get(DESK, her.technician_id)
    assert len(await house.looks.looks(DESK, her.technician_id, Page())) == 1


# Dispatchers.


async def test_a_dispatcher_logs_in_and_out(house, miriam):
    found = await log_in(house, user=" MIRIAM ")
    caller = await house.access.caller_of_token(found.token)
    assert (caller.kind, caller.dispatcher_id, caller.sites, caller.roles) == (
        CallerKind.DISPATCHER, miriam.id, frozenset({MUNICH}), frozenset({Role.DISPATCHER}),
    )  # fmt: skip

    await house.desk.log_out(found.session.id)
    assert not await house.access.still_counts(caller)
    assert (MUNICH, "session", found.session.id) in house.pokes.poked
    with pytest.raises(NotSignedIn):
        await house.access.caller_of_token(found.token)


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(house, miriam):
    said = []
    for user, password in (("miriam", "wrong password!"), ("nobody", PASSWORD)):
        with pytest.raises(NotSignedIn) as refused:
            await log_in(house, password, user=user)
        said.append(str(refused.value))
    assert len(set(said)) == 1


async def test_too_many_failures_wait_there_and_not_elsewhere(house, miriam):
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            await log_in(house, "wrong password!", address=ELSEWHERE)
    with pytest.raises(TooMany) as refused:
        await log_in(house, address=ELSEWHERE)
    assert refused.value.members["retry_after_s"] == 900
    assert (await log_in(house)).dispatcher == miriam

    house.clock.move(901)
    assert (await log_in(house, address=ELSEWHERE)).dispatcher == miriam


async def test_a_success_forgets_the_failures_before_it(house, miriam):
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(NotSignedIn):
                await log_in(house, "wrong password!")
        await log_in(house)


async def test_a_session_ends_by_idling_and_stays_while_used(house, miriam):
    token = (await log_in(house)).token
    for _ in range(3):
        house.clock.move(3 * 3600)
        await house.access.caller_of_token(token)
    house.clock.move(4 * 3600)
    with pytest.raises(NotSignedIn):
        await house.access.caller_of_token(token)


async def test_the_second_factor_is_put_in_force_by_a_first_code_and_then_asked_for(house, miriam):
    me = as_caller(miriam)
    offer = await house.desk.offer_totp(me)
    with pytest.raises(BadInput):
        await house.desk.confirm_totp(me, "000000")
    recovery = await house.desk.confirm_totp(me, pyotp.TOTP(offer.secret).at(house.clock.now()))

    assert len(set(recovery)) == 10
    with pytest.raises(CodeNeeded):
        await log_in(house)
    with pytest.raises(NotSignedIn):
        await log_in(house, code="000000")
    with pytest.raises(Conflict):
        await house.desk.offer_totp(me)
    house.clock.move(30)
    assert await log_in(house, code=pyotp.TOTP(offer.secret).at(house.clock.now()))


async def test_a_code_and_a_recovery_code_count_once(house, miriam):
    me = as_caller(miriam)
    offer = await house.desk.offer_totp(me)
    recovery = await house.desk.confirm_totp(me, pyotp.TOTP(offer.secret).at(house.clock.now()))
    with pytest.raises(NotSignedIn):
        await log_in(house, code=pyotp.TOTP(offer.secret).at(house.clock.now()))
    await log_in(house, code=recovery[0])
    with pytest.raises(NotSignedIn):
        await log_in(house, code=recovery[0])

    await house.desk.drop_totp(me, recovery[1], HOME_ADDRESS)
    await log_in(house)


async def test_the_code_is_only_asked_for_once_the_password_is_right(house, miriam):
    me = as_caller(miriam)
    offer = await house.desk.offer_totp(me)
    await house.desk.confirm_totp(me, pyotp.TOTP(offer.secret).at(house.clock.now()))

    with pytest.raises(NotSignedIn) as refused:
        await log_in(house, "wrong password!")
    assert not isinstance(refused.value, CodeNeeded)


async def test_a_changed_password_ends_all_sessions(house, miriam):
    caller = await house.access.caller_of_token((await log_in(house)).token)
    with pytest.raises(BadInput):
        await house.desk.set_password(caller, "wrong", "another long password", HOME_ADDRESS)
    with pytest.raises(BadInput):
        await house.desk.set_password(caller, PASSWORD, "short", HOME_ADDRESS)
    await house.desk.set_password(caller, PASSWORD, "another long password", HOME_ADDRESS)

    assert not await house.access.still_counts(caller)
    await log_in(house, "another long password")


async def test_an_older_hash_is_renewed_at_log_in(house, miriam):
    async with house.work.begin() as tx:
        await house.stores.dispatchers.set_password(tx, miriam.id, "f1:" + PASSWORD[::-1])
    await log_in(house)

    async with house.work.read() as tx:
        assert (await house.stores.dispatchers.secrets(tx, miriam.id)).password_hash.startswith("f2:")


async def test_owners_enter_block_and_reset_dispatchers_of_their_own_sites(house, miriam):
    new = NewDispatcher(user="eve", name="", password=PASSWORD, sites=frozenset({TURIN}))
    with pytest.raises(NotAllowed):
        await house.desk.enter(OWNER, new)
    with pytest.raises(NotAllowed):
        await house.desk.enter(as_caller(miriam), new)
    with pytest.raises(Conflict):
        await house.desk.enter(OWNER, NewDispatcher(user="miriam", name="", password=PASSWORD, sites=frozenset({MUNICH})))
    caller = await house.access.caller_of_token((await log_in(house)).token)
    assert (await house.desk.change(OWNER, miriam.id, is_active=False)).is_active is False

    assert not await house.access.still_counts(caller)
    with pytest.raises(NotSignedIn):
        await log_in(house)
    await house.desk.change(OWNER, miriam.id, is_active=True, roles=frozenset({Role.SUPERVISOR}))
    await house.desk.reset_password(OWNER, miriam.id, "a fresh password 1")
    assert (await log_in(house, "a fresh password 1")).dispatcher.roles == {Role.SUPERVISOR}
    assert [each.user for each in await house.desk.page(OWNER, Page())] == ["miriam"]


@pytest.mark.parametrize("changes", [{"user": "x"}, {"password": "short"}, {"sites": frozenset()}, {"roles": frozenset()}])
async def test_a_faulty_dispatcher_is_refused(house, changes):
    fields = {"user": "eve", "name": "", "password": PASSWORD, "sites": frozenset({MUNICH}), **changes}
    with pytest.raises(BadInput):
        await house.desk.enter(OWNER, NewDispatcher(**fields))


# API keys and tickets.


async def test_an_api_key_opens_its_sites_and_scopes_until_revoked(house):
    made = await house.access.make_api_key(OWNER, "shop", frozenset({MUNICH}), frozenset({Scope.VISITS_READ}))
    caller = await house.access.caller_of_token(made.token)
    assert (caller.kind, caller.sites, caller.scopes) == (CallerKind.API, frozenset({MUNICH}), frozenset({Scope.VISITS_READ}))

    await house.access.revoke_api_key(OWNER, made.key.id)
    assert not await house.access.still_counts(caller)
    assert [each.revoked_at is not None for each in await house.access.api_keys(OWNER)] == [True]
    with pytest.raises(NotAllowed):
        await house.access.make_api_key(DESK, "shop", frozenset({MUNICH}), frozenset({Scope.VISITS_READ}))
    with pytest.raises(NotAllowed):
        await house.access.make_api_key(OWNER, "shop", frozenset({TURIN}), frozenset({Scope.VISITS_READ}))


@pytest.mark.parametrize("token", ["", "pl_dev_x", "pl_api_x", "pl_lnk_x", "pl_ses_x", "pl_tic_x", "x", "pl_dev_" + "é" * 500])
async def test_what_is_no_token_is_not_signed_in(house, token):
    with pytest.raises(NotSignedIn):
        await house.access.caller_of_token(token)


async def test_a_ticket_stands_for_its_credential_once_and_for_half_a_minute(house, miriam):
    her = await house.technician()
    desk = await house.access.caller_of_token((await log_in(house)).token)
    for caller in (her, desk):
        ticket = await house.access.issue_ticket(caller)
        assert await house.access.redeem_ticket(ticket) == caller
        with pytest.raises(NotSignedIn):
            await house.access.redeem_ticket(ticket)
    late = await house.access.issue_ticket(her)
    house.clock.move(30)
    with pytest.raises(NotSignedIn):
        await house.access.redeem_ticket(late)
    with pytest.raises(NotSignedIn):
        await house.access.issue_ticket(Caller(kind=CallerKind.NOBODY))


async def test_a_ticket_of_a_credential_revoked_meanwhile_opens_nothing(house):
    her = await house.technician()
    ticket = await house.access.issue_ticket(her)
    await house.people.revoke_device(DESK, her.device_id)

    with pytest.raises(NotSignedIn):
        await house.access.redeem_ticket(ticket)


async def test_of_two_redeemers_one_gets_in(house):
    ticket = await house.access.issue_ticket(await house.technician())
    found = await asyncio.gather(*(house.access.redeem_ticket(ticket) for _ in range(3)), return_exceptions=True)

    assert sorted(isinstance(each, NotSignedIn) for each in found) == [False, True, True]


# Links.


async def test_a_link_opens_its_visit_until_a_day_after_it_closed(house):
    her = await house.technician(on_shift=True)
    visit = await house.visit(Stage.DEPARTED, her)
    made = await house.links.make(PLATFORM, visit.id, "customer", "sms")
    opened = await house.links.open(made.token)
    assert (opened.visit.id, opened.technician.shown_name, opened.rights.position) == (visit.id, "Lin", True)
    caller = await house.access.caller_of_token(made.token)
    assert (caller.kind, caller.visit_id) == (CallerKind.LINK, visit.id)

    await house.visits.cancel(PLATFORM, visit.id, Told(reason="x"))
    assert not (await house.links.open(made.token)).rights.position
    house.clock.move(24 * 3600)
    assert await house.links.open(made.token) is None
    assert not await house.access.still_counts(caller)


async def test_a_revoked_and_a_guessed_link_are_answered_alike(house):
    visit = await house.visit()
    made = await house.links.make(PLATFORM, visit.id, "customer")
    before = (await house.links.open(made.token)).visit.link_version
    await house.links.revoke(PLATFORM, made.link.id)
    await house.links.revoke(PLATFORM, made.link.id)

    assert [await house.links.open(token) for token in (made.token, "pl_lnk_guessed", "x")] == [None, None, None]
    assert await house.links.reopen(made.link.id) is None
    assert (await house.looks.get(visit.id)).link_version == before + 1
    assert house.pokes.poked.count((MUNICH, "link", made.link.id)) == 2
    said = []
    for token in (made.token, "pl_lnk_guessed"):
        with pytest.raises(NotSignedIn) as refused:
            await house.access.caller_of_token(token)
        said.append(refused.value.problem())
    assert said[0] == said[1]


async def test_watchers_learn_what_still_stands_in_one_look(house):
    her = await house.technician(on_shift=True)
    visit = await house.visit(Stage.ASSIGNED, her)
    kept, dropped = [await house.links.make(PLATFORM, visit.id, "customer") for _ in range(2)]
    await house.links.revoke(PLATFORM, dropped.link.id)
    standing = await house.links.standing([kept.link.id, dropped.link.id, "unknown"])

    assert list(standing) == [kept.link.id]
    assert standing[kept.link.id].technician.id == her.technician_id
    assert await house.links.standing([]) == {}


async def test_links_are_listed_bounded_and_not_made_for_foreign_visits(house):
    visit = await house.visit()
    for _ in range(MAX_LINKS):
        await house.links.make(PLATFORM, visit.id, "booker")
    with pytest.raises(BadInput):
        await house.links.make(PLATFORM, visit.id, "customer")
    with pytest.raises(NotFound):
        await house.links.make(STRANGER, visit.id, "customer")
    with pytest.raises(NotFound):
        await house.links.of_visit(STRANGER, visit.id)
    assert len(await house.links.of_visit(DESK, visit.id)) == MAX_LINKS
    with pytest.raises(NotFound):
        await house.links.revoke(PLATFORM, "unknown")


async def test_a_link_is_made_as_long_as_it_would_open_anything(house):
    """A receipt follows after the end, and a customer may have lost her link by then."""
    visit = await house.visit()
    await house.visits.cancel(PLATFORM, visit.id, Told(reason="x"))
    late = await house.links.make(PLATFORM, visit.id, "customer")
    assert (await house.links.open(late.token)).rights.receipt

    house.clock.move(24 * 3600)
    with pytest.raises(Conflict, match="show nothing any more"):
        await house.links.make(PLATFORM, visit.id, "customer")


# Sites.


async def test_a_site_like_another_takes_its_settings_but_not_its_borders(house):
    await house.sites.change(OWNER, MUNICH, desk_phone="+498912345678")
    site = await house.sites.make_like("munich-east", "Munich East", MUNICH)

    assert (site.zone, site.desk_phone, site.bounds, site.version) == ("Europe/Berlin", "+498912345678", None, 1)
    assert [each.id for each in await house.sites.all()] == ["munich", "munich-east", "turin"]
    assert any("bounds" in fault for fault in await house.sites.check("munich-east"))
    with pytest.raises(Conflict):
        await house.sites.make(Site(id="turin", name="T", zone="Europe/Rome", currency="EUR"))


async def test_a_site_is_changed_by_its_owner_and_read_by_those_who_reach_it(house):
    with pytest.raises(NotAllowed):
        await house.sites.change(DESK, MUNICH, name="X")
    with pytest.raises(NotFound):
        await house.sites.change(OWNER, TURIN, name="X")
    with pytest.raises(BadInput):
        await house.sites.change(OWNER, MUNICH, zone="nowhere")
    with pytest.raises(NotFound):
        await house.sites.get(DESK, TURIN)

    assert (await house.sites.change(OWNER, MUNICH, name="Minga")).version == 2
    assert [each.name for each in await house.sites.of(DESK)] == ["Minga"]


# Slow hashes: the double and argon2 keep the same contract.


@pytest.mark.parametrize("passwords", [FakePasswords(), Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=64))])
async def test_a_hash_fits_its_password_and_no_other(passwords):
    stored = await passwords.hash(PASSWORD)

    assert await passwords.verify(stored, PASSWORD)
    assert not await passwords.verify(stored, PASSWORD + "x")
    assert not await passwords.verify(None, PASSWORD)
    assert not passwords.is_outdated(stored)
    assert PASSWORD not in stored


async def test_argon2_notices_weaker_hashes_and_refuses_what_is_no_hash():
    weak, strong = (Argon2Passwords(PasswordHasher(time_cost=cost, memory_cost=64)) for cost in (1, 2))

    assert strong.is_outdated(await weak.hash(PASSWORD))
    assert not await strong.verify("not a hash", PASSWORD)


class TellsItsNiceness:
    def hash(self, password):
        return str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))


@pytest.mark.skipif(sys.platform != "linux", reason="a niceness of threads")
async def test_a_slow_hash_lets_the_event_loop_first_and_nobody_else_stays_behind():
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert int(await Argon2Passwords(TellsItsNiceness()).hash(PASSWORD)) == max(mine, NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine
    assert int(await asyncio.to_thread(TellsItsNiceness().hash, PASSWORD)) == mine


async def test_a_second_factor_accepts_a_neighbouring_half_minute(house):
    codes = house.desk._codes
    secret, now = codes.new_secret(), house.clock.now()
    code = pyotp.TOTP(secret).at(now)
    fits = [codes.step_of(secret, code, now + timedelta(seconds=off)) is not None for off in (-60, -30, 0, 30, 60)]

    assert fits == [False, True, True, True, False]
    assert codes.uri(secret, "miriam").startswith("otpauth://totp/Porchlight:miriam?secret=")
