"""The desk's side of an incident in a real browser: duty with ears, cards that say what matters, acts by hand and key, who was faster."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.doubles.page_ears import pass_sound_test

WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def desk(served, window):
    served.hub.desk.signed_in = True
    page = window.open(f"{served.url}/console", viewport=WIDE)
    expect(page.locator("#technicians .row")).to_have_count(12)
    return page


@pytest.fixture
def alarmed(served, desk):
    served.hub.desk.raise_examples()
    expect(desk.locator("#incident-inc-1 .acts button")).not_to_have_count(0)
    return desk


def first(page):
    return page.locator("#incident-inc-1")


def test_nobody_goes_on_duty_without_hearing_the_alarm(served, desk):
    desk.locator("#duty").click()

    expect(desk.locator(".answers button").first).to_be_disabled()
    assert served.hub.desk.duty_begun == []
    desk.keyboard.press("Escape")
    pass_sound_test(desk, wrong_first=True)

    assert served.hub.desk.duty_begun == [{"site_id": "lantern-hill", "heard_sound": True}]
    expect(desk.locator("#duty")).to_have_attribute("data-state", "on")


def test_a_console_without_sound_on_duty_says_so_loudly(served, desk):
    served.hub.desk.is_on_duty = True
    desk.reload()

    expect(desk.locator("#duty")).to_have_attribute("data-state", "mute")
    expect(desk.locator("#duty")).to_contain_text("without sound")


def test_the_last_one_is_told_before_she_leaves_the_desk_empty(served, desk):
    pass_sound_test(desk)
    desk.locator("#duty").click()
    desk.get_by_role("button", name="Go off duty").click()
    expect(desk.get_by_role("alert")).to_contain_text("last on duty")

    desk.get_by_role("button", name="the desk stays empty").click()

    expect(desk.locator("#duty")).to_have_attribute("data-state", "off")


def test_a_card_says_who_how_grave_until_when_and_what_must_not_be_done(alarmed):
    expect(first(alarmed)).to_contain_text("Mara")
    expect(first(alarmed)).to_contain_text("Severity 3 of 3")
    expect(first(alarmed).locator(".duress")).to_contain_text("Do not call her")
    expect(first(alarmed).locator(".countdown")).to_have_text(re.compile(r"More people are told in 0:[0-3]\d"))
    expect(first(alarmed)).to_contain_text("7 Heron Lane")
    expect(first(alarmed).locator(".where")).to_contain_text("old")
    expect(first(alarmed).locator(".told")).to_contain_text("Berta ***92")
    expect(first(alarmed).locator(".told .bad")).to_contain_text("failed")


def test_one_key_takes_the_gravest_and_the_ringing_ends(served, alarmed):
    alarmed.keyboard.press("a")

    expect(first(alarmed)).to_contain_text("In the hands of Ada")
    assert served.hub.desk.acts == [("inc-1", "claim", {"version": 3})]
    expect(alarmed.locator('.incident[data-loud="true"]')).to_have_count(0)
    expect(alarmed.locator("#detail h2")).to_have_text("Mara")


def test_who_takes_an_incident_goes_on_with_its_card(served, alarmed):
    served.hub.desk.incidents[1] = {**served.hub.desk.incidents[1], "owner_id": None, "state": "notifying", "can": ["claim"]}
    second = alarmed.locator("#incident-inc-2")
    second.get_by_role("button", name="Take it").focus()
    alarmed.keyboard.press("Enter")
    expect(second).to_contain_text("In the hands of Ada")
    expect(alarmed.locator("#detail h2")).to_have_text("Chen")
    expect(second).to_be_focused()

    alarmed.keyboard.press("n")

    expect(second.locator("textarea")).to_be_focused()


def test_a_card_that_is_moved_to_another_place_keeps_what_is_being_typed(served, alarmed):
    second = alarmed.locator("#incident-inc-2")
    second.get_by_role("button", name="Note").click()
    alarmed.keyboard.type("She said")
    served.hub.desk.incidents[0] = {**served.hub.desk.incidents[0], "severity": 1}
    expect(alarmed.locator("#incident-list .incident").first).to_contain_text("Chen")

    alarmed.keyboard.type(" nothing")

    expect(second.locator("textarea")).to_have_value("She said nothing")


def test_after_the_last_incident_has_ended_the_keyboard_stands_before_it(served, alarmed):
    served.hub.desk.incidents = served.hub.desk.incidents[:1]
    alarmed.keyboard.press("a")
    expect(first(alarmed)).to_contain_text("In the hands of Ada")
    first(alarmed).focus()
    served.hub.desk.incidents = [{**served.hub.desk.incidents[0], "state": "resolved", "resolution": "unfounded", "can": ["review"]}]

    expect(alarmed.locator("#ended > summary")).to_be_focused()


def test_a_chinese_console_has_no_english_of_the_hubs_own(served, window):
    served.hub.desk.signed_in = True
    served.hub.desk.raise_examples()
    text = {"id": "n3", "text": "呼救", "lane": "P0", "channel": "sms", "state": "delivered", "at_ms": served.hub.clock.now_ms()}
    served.hub.desk.notices = [text, {**text, "id": "n4", "channel": "console", "state": "accepted"}]
    page = window.open(f"{served.url}/console", viewport=WIDE, locale="zh-CN")

    expect(page.locator("#notice-list small").nth(0)).to_contain_text("短信 · 已送达")
    expect(page.locator("#notice-list small").nth(1)).to_contain_text("控制台 · 已显示")
    expect(first(page).locator(".place")).to_contain_text("3楼")
    first(page).get_by_text("完整经过").click()
    expect(first(page).locator(".story li")).to_contain_text("按下时的位置 · 误差约 9 米")


def test_the_last_one_at_a_chinese_desk_is_told_in_chinese_before_she_leaves_it_empty(served, window):
    served.hub.desk.signed_in = True
    page = window.open(f"{served.url}/console", viewport=WIDE, locale="zh-CN")
    pass_sound_test(page)
    page.locator("#duty").click()
    page.locator("#duty-end").click()

    expect(page.get_by_role("alert")).to_contain_text("12 位技师")


def test_keys_can_be_turned_off(served, alarmed):
    alarmed.get_by_role("button", name="Keys on").click()
    alarmed.keyboard.press("a")
    alarmed.wait_for_timeout(400)

    assert served.hub.desk.acts == []


def test_whoever_was_slower_learns_who_was_faster(served, alarmed):
    served.hub.desk.refusal = {"status": 409, "code": "out_of_date", "detail": "Moved on.", "owner_id": "dis-2", "version": 4}
    first(alarmed).get_by_role("button", name="Take it").click()

    expect(first(alarmed).get_by_role("alert")).to_contain_text("Berta was faster")


def test_a_claim_that_the_ladder_overtook_is_made_again_on_the_newer_card(served, alarmed):
    served.hub.desk.refusal = {"status": 409, "code": "out_of_date", "detail": "Moved on.", "owner_id": None, "version": 4}
    first(alarmed).get_by_role("button", name="Take it").click()

    expect(first(alarmed)).to_contain_text("In the hands of Ada")
    assert served.hub.desk.acts == [("inc-1", "claim", {"version": 3}), ("inc-1", "claim", {"version": 4})]


def test_what_is_being_typed_stays_while_the_card_changes(served, alarmed):
    alarmed.keyboard.press("n")
    alarmed.keyboard.type("She answered in a")
    served.hub.desk.incidents[0] = {**served.hub.desk.incidents[0], "version": 4, "severity": 3, "flags": ["duress", "signal_lost"]}
    expect(first(alarmed)).to_contain_text("signal lost")
    alarmed.keyboard.type(" whisper")
    first(alarmed).locator("form").get_by_role("button", name="Note").click()

    expect(first(alarmed).locator("form")).to_have_count(0)
    assert served.hub.desk.acts == [("inc-1", "notes", {"version": 3, "text": "She answered in a whisper"})]


def test_nothing_is_rung_before_the_desk_has_thought(served, alarmed):
    alarmed.keyboard.press("a")
    expect(first(alarmed)).to_contain_text("In the hands of Ada")
    alarmed.keyboard.press("c")
    first(alarmed).get_by_label("Whom do you call?").select_option("technician")
    first(alarmed).locator("form").get_by_role("button", name="Call").click()
    assert [act for _, act, _ in served.hub.desk.acts] == ["claim"]

    first(alarmed).get_by_label("I thought of who may hear").check()
    first(alarmed).locator("form").get_by_role("button", name="Call").click()

    expect(first(alarmed).locator("form")).to_have_count(0)
    assert served.hub.desk.acts[-1] == ("inc-1", "calls", {"version": 4, "whom": "technician"})


def test_a_form_opens_with_the_button_that_sends_it_in_sight(alarmed):
    alarmed.keyboard.press("a")
    expect(first(alarmed)).to_contain_text("In the hands of Ada")
    for key in "cnr":
        alarmed.keyboard.press(key)
        expect(first(alarmed).locator("form button[type=submit]")).to_be_in_viewport(ratio=1)
        alarmed.keyboard.press("Escape")


def test_an_end_needs_code_and_note_and_waits_for_a_second_person(served, alarmed):
    alarmed.keyboard.press("a")
    expect(first(alarmed)).to_contain_text("In the hands of Ada")
    alarmed.keyboard.press("r")
    first(alarmed).get_by_label("How did it end?").select_option("real_police")
    first(alarmed).get_by_label("What happened").fill("Police were there at 14:40, she is with them.")
    first(alarmed).locator("form").get_by_role("button", name="End").click()

    expect(alarmed.locator("#ended-count")).to_have_text("1")
    alarmed.locator("#ended > summary").first.click()
    expect(first(alarmed)).to_contain_text("Real: police went")
    expect(first(alarmed).get_by_role("button", name="Sign")).to_be_visible()


def test_the_police_are_read_everything_they_ask(alarmed):
    first(alarmed).get_by_role("button", name="For the police").click()
    card = alarmed.locator("#aloud")

    for words in ("Lantern Hill", "7 Heron Lane", "Floor 3", "4711#", "Mara", "48.1", "north", "4821", "forces her"):
        expect(card).to_contain_text(words)
    expect(card.get_by_role("link", name="Call 112")).to_have_attribute("href", "tel:112")


@pytest.fixture
def elsewhere(served, desk):
    """Nele, who is on no shift and on no visit, pressed; her press brought a place, or `pressed_at` is changed."""

    def press(pressed_at):
        served.hub.desk.raise_examples()
        here = {"technician_id": "tec-off", "visit_id": None, "name": "Nele Wirth", "flags": [], "contact": "text"}
        served.hub.desk.incidents[0].update(here, pressed_at=pressed_at)
        expect(desk.locator("#incident-inc-1 .acts button").first).to_be_visible(timeout=20_000)
        return desk

    return press


def test_who_presses_off_shift_is_found_where_she_pressed_on_card_list_map_and_for_the_police(served, elsewhere):
    desk = elsewhere({"lat": 48.137, "lon": 11.575, "accuracy_m": None, "at_ms": served.hub.clock.now_ms(), "is_last_known": False})

    expect(first(desk).locator(".where")).to_contain_text("position")
    expect(first(desk).locator(".contact")).to_contain_text("a text first")
    row = desk.locator("#technicians .row").first
    expect(row).to_contain_text("Nele Wirth")
    expect(row.locator(".tag")).to_have_text("calls for help")
    expect(desk.locator("#count-on-shift")).to_have_text("12")
    first(desk).get_by_role("button", name="On the map").click()
    expect(desk.get_by_role("button", name=re.compile("Nele Wirth, calls for help"))).to_be_visible()
    first(desk).get_by_role("button", name="For the police").click()
    expect(desk.locator("#aloud")).to_contain_text("There is no address; the position follows.")
    expect(desk.locator("#aloud")).to_contain_text(re.compile(r"48\.13700 north, 11\.57500 east,\s+\d+ s ago"))
    expect(desk.locator("#aloud")).to_contain_text("Nele Wirth, who works for us")
    expect(desk.locator("#aloud")).not_to_contain_text("within")


def test_where_nobody_knows_where_she_is_the_police_are_told_so(elsewhere):
    desk = elsewhere(None)

    expect(first(desk).locator(".where")).to_contain_text("no position is known")
    expect(first(desk).get_by_role("button", name="On the map")).to_be_hidden()
    first(desk).get_by_role("button", name="For the police").click()
    expect(desk.locator("#aloud")).to_contain_text("we do not know where she is")


def test_the_whole_story_can_be_read(alarmed):
    first(alarmed).get_by_text("Everything that happened").click()

    expect(first(alarmed).locator(".story li").first).to_contain_text("Called for help")


def test_the_story_says_that_a_press_waited_without_network(served, desk):
    served.hub.desk.raised_by = {**served.hub.desk.raised_by, "is_queued": True, "clock_doubtful": True}
    served.hub.desk.raise_examples()
    first(desk).get_by_text("Everything that happened").click()

    said = "Position from the press · within 9 m · waited on the phone without network"
    expect(first(desk).locator(".story li").first).to_contain_text(said)


def test_the_story_says_how_long_the_hub_kept_a_press_before_its_database_took_it(served, desk):
    heard_at = (datetime.now(UTC) - timedelta(minutes=12)).isoformat()
    served.hub.desk.raised_by = {**served.hub.desk.raised_by, "heard_at": heard_at}
    served.hub.desk.raise_examples()
    first(desk).get_by_text("Everything that happened").click()

    expect(first(desk).locator(".story li").first).to_contain_text("the hub heard it 12 min earlier; its database took it only now")


def test_the_story_says_why_it_was_raised_and_what_was_changed_past_the_log(served, desk):
    served.hub.desk.raised_by = {"kind": "wrong_pins", "reason": "Three wrong PINs in a row.", "words": "No position; none is known."}
    served.hub.desk.differs = [{"field": "severity", "row": 0, "log": 2}]
    served.hub.desk.raise_examples()
    first(desk).get_by_text("Everything that happened").click()

    story = first(desk).locator(".story li")
    expect(story.nth(0)).to_contain_text("severity was changed past the log: it says 0, the log 2.")
    expect(story.nth(1)).to_contain_text("Noticed. Three wrong PINs in a row. · No position")
