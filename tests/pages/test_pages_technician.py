"""The technician's page in a real browser: enrol, shift, location that is acknowledged or waits, and acts that count once."""

import asyncio

import pytest
from playwright.sync_api import expect

from tests.doubles.fake_phone_pages import CODE

HERE = {"permissions": ["geolocation"], "geolocation": {"latitude": 48.1372, "longitude": 11.5755, "accuracy": 9}}


@pytest.fixture
def enrolled(served, window):
    page = window.open(f"{served.url}/technician#enrol={CODE}", **HERE)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="You are off shift")).to_be_visible()
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    return page


@pytest.fixture
def on_shift(enrolled):
    enrolled.get_by_role("button", name="Start shift and share my location").click()
    expect(enrolled.get_by_role("heading", name="On shift")).to_be_visible()
    return enrolled


def move(page, step):
    page.context.set_geolocation({"latitude": 48.1372 + step * 0.001, "longitude": 11.5755, "accuracy": 9})


def test_a_wrong_code_is_refused_in_words(served, window):
    page = window.open(f"{served.url}/technician")
    page.get_by_label("Code").fill("nope")
    page.get_by_role("button", name="Connect").click()

    expect(page.get_by_role("alert")).to_contain_text("does not work")


def test_the_code_leaves_the_address_bar_and_the_phone_stays_enrolled(served, enrolled):
    assert enrolled.url == f"{served.url}/technician"

    enrolled.reload()

    expect(enrolled.get_by_role("heading", name="You are off shift")).to_be_visible()


def test_nothing_is_sent_before_the_shift(served, enrolled):
    expect(enrolled.locator("#location-text")).to_have_text("Starts with your shift.")

    enrolled.wait_for_timeout(1_000)

    assert served.hub.phone.rows == []
    assert enrolled.locator("#location-switch").is_disabled()


def test_what_is_to_be_done_next_is_seen_without_scrolling(on_shift):
    on_shift.set_viewport_size({"width": 375, "height": 667})
    act, footer = on_shift.locator(".main-act").first, on_shift.locator("footer.danger")
    expect(act).to_be_visible()
    below, above = act.bounding_box(), footer.bounding_box()

    assert below["y"] + below["height"] < above["y"]


def test_a_location_that_cannot_be_had_is_said_before_everything_else(served, window):
    page = window.open(f"{served.url}/technician#enrol={CODE}")
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Start shift and share my location").click()
    hint, act = page.locator("#location-hint"), page.locator(".main-act").first
    expect(hint).to_be_visible()
    expect(act).to_be_visible()

    assert hint.bounding_box()["y"] < act.bounding_box()["y"]


def test_opening_a_shift_names_the_notice_she_saw_and_shares_her_location(served, on_shift, patient):
    patient(lambda: len(served.hub.phone.rows) >= 1)

    expect(on_shift.locator("#acked-text")).to_contain_text("Confirmed by the hub")
    expect(on_shift.locator("#waiting")).to_have_text("Nothing waits on this phone")
    assert served.hub.phone.shift["notice_version"] == "3"
    assert served.hub.phone.rows[0][2:5] == [48.1372, 11.5755, 9]


def test_what_is_not_acknowledged_waits_and_survives_a_reload(served, on_shift, patient):
    served.hub.phone.is_acking = False
    expect(on_shift.locator("#location-text")).to_have_text("Sharing your location")
    for step in range(1, 4):
        on_shift.wait_for_timeout(3_000)
        move(on_shift, step)
    expect(on_shift.locator("#waiting")).to_contain_text("wait on this phone")
    on_shift.reload()
    expect(on_shift.locator("#waiting")).to_contain_text("on this phone")

    served.hub.phone.rows.clear()
    served.hub.phone.is_acking = True

    patient(lambda: len(served.hub.phone.rows) >= 3)
    expect(on_shift.locator("#waiting")).to_have_text("Nothing waits on this phone", timeout=20_000)
    seqs = [row[0] for row in served.hub.phone.rows]
    assert len(set(seqs)) == len(seqs)


def test_what_a_busy_hub_did_not_read_goes_out_first_after_the_wait(served, on_shift, patient):
    expect(on_shift.locator("#waiting")).to_have_text("Nothing waits on this phone")
    served.hub.phone.is_busy = True
    on_shift.wait_for_timeout(3_000)
    move(on_shift, 1)
    patient(lambda: len(served.hub.phone.unread) > 0)
    served.hub.phone.rows.clear()
    served.hub.phone.is_busy = False
    on_shift.wait_for_timeout(3_000)
    move(on_shift, 2)

    patient(lambda: len(served.hub.phone.rows) > 0)
    assert served.hub.phone.unread[0][0] in {row[0] for row in served.hub.phone.rows}
    expect(on_shift.locator("#waiting")).to_have_text("Nothing waits on this phone")


def test_a_pause_stops_the_location(on_shift):
    expect(on_shift.locator("#location-switch")).to_have_attribute("aria-checked", "true")

    on_shift.get_by_role("button", name="Pause").click()

    expect(on_shift.get_by_role("heading", name="Pause")).to_be_visible()
    expect(on_shift.locator("#location-switch")).to_have_attribute("aria-checked", "false")
    on_shift.get_by_role("button", name="Go on").click()
    expect(on_shift.locator("#location-switch")).to_have_attribute("aria-checked", "true")


def test_ending_a_shift_asks_first(served, on_shift):
    on_shift.get_by_role("button", name="End shift").click()
    on_shift.get_by_role("button", name="Back").click()
    assert served.hub.phone.shift is not None

    on_shift.get_by_role("button", name="End shift").click()
    on_shift.get_by_role("button", name="Yes, end it").click()

    expect(on_shift.get_by_role("heading", name="You are off shift")).to_be_visible()


def test_a_visit_goes_from_leaving_to_left(served, on_shift):
    visit = on_shift.locator(".visit").first
    visit.get_by_role("button", name="I am leaving now").click()
    visit.get_by_role("button", name="I am there").click()
    expect(visit.locator(".say strong")).to_have_text("482")
    visit.get_by_label("Type what the customer answers").fill("111")
    visit.get_by_role("button", name="Start").click()
    expect(visit.get_by_role("alert")).to_contain_text("not the code")

    visit.get_by_label("Type what the customer answers").fill("913")
    visit.get_by_role("button", name="Start").click()
    visit.get_by_role("button", name="Service is over").click()
    visit.get_by_role("button", name="I have left").click()

    expect(on_shift.get_by_text("No visit is assigned to you.")).to_be_visible()
    assert [act for act, _, _ in served.hub.phone.acts] == ["depart", "arrive", "start", "start", "end", "leave"]
    assert all(body["device_at_ms"] and body["sent_at_ms"] for _, _, body in served.hub.phone.acts)


def test_a_refusal_is_told_in_her_language_and_in_the_hubs_where_the_page_has_no_words_for_it(served, window):
    page = window.open(f"{served.url}/technician#enrol={CODE}", locale="zh-CN", **HERE)
    page.get_by_role("button", name="绑定").click()
    page.get_by_role("button", name="上线并共享位置").click()
    alert = page.locator(".visit").first.get_by_role("alert")

    def refused(**problem):
        served.hub.phone.act_refusal = problem
        page.locator(".visit").first.get_by_role("button", name="我出发了").click()

    refused(code="not_there", detail="She is too far from the place.", verdict="too_far")
    expect(alert).to_contain_text("您离地址太远")
    refused(code="too_early", detail="A no-show counts from 14:31 on.", possible_at="2026-03-04T13:30:01+00:00")
    expect(alert).to_contain_text("14:31起")
    refused(code="not_known_to_the_page", detail="The hub's own sentence.")
    expect(alert).to_contain_text("The hub's own sentence.")


def test_a_press_that_got_no_answer_is_sent_again_with_the_same_key(served, on_shift, patient):
    expect(on_shift.locator(".visit")).to_have_count(2)
    served.hub.phone.is_answering = False
    on_shift.locator(".visit").first.get_by_role("button", name="I am leaving now").click()
    expect(on_shift.locator(".pending")).to_contain_text("Not yet confirmed")
    on_shift.reload()
    served.hub.phone.is_answering = True

    patient(lambda: served.hub.phone.stage == "departed")
    keys = {key for _, key, _ in served.hub.phone.acts}
    assert len(keys) == 1
    expect(on_shift.locator(".visit").first).to_have_attribute("data-stage", "departed")


def test_acts_that_are_seldom_meant_ask_twice(served, on_shift, patient):
    visit = on_shift.locator(".visit").first
    visit.get_by_text("Something is different").click()
    visit.get_by_role("button", name="Cancel").click()
    assert served.hub.phone.acts == []
    visit.get_by_label("Why (for the desk)").fill("Car broke down")

    visit.get_by_role("button", name="Yes").click()

    expect(visit.locator(".sure")).to_have_count(0)
    patient(lambda: len(served.hub.phone.acts) > 0)
    assert served.hub.phone.acts[0][2]["reason"] == "Car broke down"


def test_another_page_of_hers_that_takes_over_is_named(served, on_shift):
    asyncio.run_coroutine_threadsafe(served.hub.phone.kick(4100), served.hub.loop).result(5)

    expect(on_shift.locator("#superseded")).to_contain_text("took over")
    on_shift.get_by_role("button", name="Send from here").click()
    expect(on_shift.locator("#superseded")).to_be_hidden()
    expect(on_shift.locator("#link")).to_have_attribute("data-state", "live")


def test_a_revoked_phone_stops_and_keeps_the_telephone(served, on_shift):
    served.hub.phone.is_revoked = True
    asyncio.run_coroutine_threadsafe(served.hub.phone.kick(4102), served.hub.loop).result(5)

    expect(on_shift.get_by_role("heading", name="This phone is no longer connected")).to_be_visible()
    expect(on_shift.locator("#location")).to_be_hidden()
    expect(on_shift.get_by_role("link", name="Call 112")).to_be_visible()


def test_without_permission_it_says_what_to_do(served, window):
    page = window.open(f"{served.url}/technician#enrol={CODE}")
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Start shift and share my location").click()

    expect(page.locator("#location-hint")).to_contain_text("does not allow")


@pytest.fixture
def in_service(served, on_shift):
    """Her visit runs and she has PINs: more time then wants one."""
    served.hub.phone.pins = {"pin": "2947", "duress_pin": "8163"}
    served.hub.phone.stage = "in_service"
    on_shift.reload()
    expect(on_shift.locator(".visit").first).to_have_attribute("data-stage", "in_service")
    return on_shift


def change_meanwhile(served, page):
    """Let the desk change the visit; the page reads it again when its socket comes back."""
    served.hub.phone.customer = "Rosa Feldmann"
    asyncio.run_coroutine_threadsafe(served.hub.phone.kick(4000), served.hub.loop).result(5)
    expect(page.locator(".visit").first).to_contain_text("Rosa Feldmann")


def ask_for_more(page, minutes="30 min more"):
    page.get_by_role("button", name="More time").click()
    page.get_by_role("button", name=minutes).click()


def enter(page, pin):
    page.keyboard.type(pin)
    page.keyboard.press("Enter")


def test_either_pin_gives_more_time_and_shows_the_same_and_a_wrong_one_does_not(served, in_service):
    until = in_service.locator(".more-time p").first
    before = until.text_content()
    scenes = []
    for pin in ("2947", "8163"):
        served.hub.phone.extended_min = 0
        in_service.reload()
        expect(until).to_have_text(before)
        ask_for_more(in_service)
        enter(in_service, "1111")
        expect(in_service.get_by_role("group", name="Enter code")).to_contain_text("not the code")
        expect(until).to_have_text(before)
        enter(in_service, pin)
        expect(until).not_to_have_text(before)
        expect(in_service.locator(".visit").first).to_contain_text("Noted: 30 min more.")
        expect(in_service.locator(".visit .pin-pad").first).to_be_hidden()
        scenes.append((until.text_content(), in_service.locator(".visit").first.inner_text()))

    assert scenes[0] == scenes[1]
    assert served.hub.phone.entered == ["1111", "2947", "1111", "8163"]
    assert served.hub.phone.acts == []


def test_more_time_whose_answer_was_lost_is_not_given_twice(served, in_service):
    served.hub.phone.is_losing = True
    ask_for_more(in_service)
    enter(in_service, "2947")
    expect(in_service.get_by_role("group", name="Enter code")).to_contain_text("No answer")
    served.hub.phone.is_losing = False

    enter(in_service, "2947")

    expect(in_service.locator(".visit").first).to_contain_text("Noted: 30 min more.")
    assert served.hub.phone.extended_min == 30


def test_a_code_half_typed_stays_while_the_visit_changes(served, in_service):
    ask_for_more(in_service)
    in_service.keyboard.type("29")
    change_meanwhile(served, in_service)

    enter(in_service, "47")

    expect(in_service.locator(".visit").first).to_contain_text("Noted: 30 min more.")
    assert served.hub.phone.entered == ["2947"]


def test_without_pins_more_time_is_an_act_like_any_other(served, on_shift, patient):
    served.hub.phone.stage = "in_service"
    on_shift.reload()
    ask_for_more(on_shift, "15 min more")

    patient(lambda: served.hub.phone.extended_min == 15)
    expect(on_shift.locator(".visit .pin-pad").first).to_be_hidden()
    assert [(act, body["minutes"]) for act, _, body in served.hub.phone.acts] == [("extend", 15)]


def test_what_she_types_at_the_door_outlives_a_change_of_the_visit(served, on_shift):
    visit = on_shift.locator(".visit").first
    visit.get_by_role("button", name="I am leaving now").click()
    visit.get_by_role("button", name="I am there").click()
    visit.get_by_label("Type what the customer answers").click()
    on_shift.keyboard.type("9")
    change_meanwhile(served, on_shift)

    on_shift.keyboard.type("13")

    expect(visit.get_by_label("Type what the customer answers")).to_have_value("913")


def test_the_whole_pad_is_in_sight_above_the_help_button(in_service):
    in_service.set_viewport_size({"width": 375, "height": 667})
    ask_for_more(in_service)
    done, footer = in_service.locator(".visit .pin-key.ok").first, in_service.locator("footer.danger")
    expect(done).to_be_in_viewport(ratio=1)
    low, foot = done.bounding_box(), footer.bounding_box()

    assert low["y"] + low["height"] <= foot["y"]
