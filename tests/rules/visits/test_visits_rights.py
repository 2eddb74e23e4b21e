"""Who may act on a visit, be sent to it, and what a link opens over time."""

from datetime import timedelta

import msgspec
import pytest
from visit_maker import HER, NOW, SITE, a_technician, a_visit

from core.caller import Caller, CallerKind
from core.errors import BadInput, NotAllowed, NotFound
from core.ids import LinkId, SiteId, TechnicianId
from visits.act_rights import acts_open_to, must_be_allowed
from visits.link_rights import NOTHING, Link, LinkHolder, rights_of
from visits.person import BlockedPair, reasons_against
from visits.service import VerifiedLevel
from visits.site import SiteSettings
from visits.stage import Act, Stage, allowed

HER_PHONE = Caller(kind=CallerKind.DEVICE, id="d", technician_id=HER)
DESK = Caller(kind=CallerKind.DISPATCHER, id="p")
PLATFORM = Caller(kind=CallerKind.API, id="k")
LINK = Link(id=LinkId("l"), site_id=SITE.id, visit_id="visit", holder=LinkHolder.CUSTOMER, label="", made_by="api:k", made_at=NOW)


@pytest.mark.parametrize("act", [Act.DEPART, Act.ARRIVE, Act.START, Act.END, Act.LEAVE, Act.NO_SHOW, Act.ABORT_UNSAFE])
def test_what_happens_at_the_door_is_hers_and_the_desk_says_it_with_a_reason(act):
    visit = a_visit(Stage.ARRIVED)

    must_be_allowed(HER_PHONE, act, visit, None)
    must_be_allowed(DESK, act, visit, "she called")
    with pytest.raises(BadInput):
        must_be_allowed(DESK, act, visit, " ")
    with pytest.raises(NotAllowed):
        must_be_allowed(PLATFORM, act, visit, "why not")


def test_another_technicians_visit_is_not_hers_to_know_of():
    with pytest.raises(NotFound):
        must_be_allowed(Caller(kind=CallerKind.DEVICE, id="d", technician_id=TechnicianId("x")), Act.DEPART, a_visit(Stage.ASSIGNED), None)


def test_she_cannot_call_off_and_calling_off_wants_a_reason():
    visit = a_visit(Stage.ASSIGNED)

    with pytest.raises(NotAllowed):
        must_be_allowed(HER_PHONE, Act.CANCEL, visit, "tired")
    with pytest.raises(BadInput):
        must_be_allowed(PLATFORM, Act.CANCEL, visit, None)
    must_be_allowed(PLATFORM, Act.CANCEL, visit, "customer asked")


@pytest.mark.parametrize("kind", CallerKind)
@pytest.mark.parametrize("stage", Stage)
def test_buttons_are_offered_only_for_what_is_possible(kind, stage):
    assert set(acts_open_to(kind, stage)) <= set(allowed(stage))


def test_a_good_technician_is_not_spoken_against():
    assert reasons_against(a_technician(), SITE, SITE.service("massage"), []) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"site_id": SiteId("x")}, "site"), ({"is_active": False}, "active"), ({"verified_level": VerifiedLevel.CONTACT}, "identity")],
)
def test_each_reason_against_her_says_what_to_do(changes, word):
    found = reasons_against(a_technician(**changes), SITE, SITE.service("massage"), [])

    assert len(found) == 1
    assert word in found[0]


def test_a_blocked_pair_speaks_against_her_without_saying_why():
    pair = BlockedPair(id="b", site_id=SITE.id, technician_id=HER, customer_key="k", reason="he shouted", made_by="x", made_at=NOW)
    found = reasons_against(a_technician(), SITE, SITE.service("massage"), [pair])

    assert len(found) == 1
    assert "shouted" not in found[0]


@pytest.mark.parametrize("stage", Stage)
def test_the_position_is_open_exactly_while_she_is_on_her_way(stage):
    rights = rights_of(LINK, a_visit(stage), NOW, SiteSettings())

    assert rights.position is (stage is Stage.DEPARTED)
    assert rights.words
    assert rights.receipt
    assert rights.own_sos


def test_words_end_a_day_after_closing_and_then_nothing_is_left():
    visit = a_visit(Stage.LEFT)
    a_day_later = visit.closed_at + timedelta(hours=24)

    assert rights_of(LINK, visit, a_day_later - timedelta(seconds=1), SiteSettings()).words
    assert rights_of(LINK, visit, a_day_later, SiteSettings()) == NOTHING


def test_a_revoked_link_and_a_link_of_another_visit_open_nothing():
    visit = a_visit(Stage.DEPARTED)

    assert rights_of(msgspec.structs.replace(LINK, revoked_at=NOW), visit, NOW, SiteSettings()) == NOTHING
    assert rights_of(msgspec.structs.replace(LINK, visit_id="x"), visit, NOW, SiteSettings()) == NOTHING


def test_a_booker_gets_neither_code_nor_button():
    rights = rights_of(msgspec.structs.replace(LINK, holder=LinkHolder.BOOKER), a_visit(Stage.DEPARTED), NOW, SiteSettings())

    assert (rights.position, rights.door_code, rights.own_sos) == (True, False, False)


def test_a_site_may_keep_the_dot_from_customers():
    assert not rights_of(LINK, a_visit(Stage.DEPARTED), NOW, SiteSettings(customer_sees_position=False)).position
