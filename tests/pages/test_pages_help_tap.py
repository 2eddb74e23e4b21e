"""The help button in a real browser: held by hand or key, retried until a receipt, ordinary afterwards, cancelled by either PIN."""

import asyncio
import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.doubles.fake_phone_pages import CODE

HERE = {"permissions": ["geolocation"], "geolocation": {"latitude": 48.1372, "longitude": 11.5755, "accuracy": 9}}


@pytest.fixture
def hers(served, window):
    page = window.open(f"{served.url}/technician#enrol={CODE}", **HERE)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    return page


def press(page):
    # Waits until the button stands still: the page above it may still be growing.
    page.locator("#tap-hold").hover()
    page.mouse.down()


def hold(page):
    """Hold it until the page takes it for a call, however busy this machine is."""
    press(page)
    expect(row(page)).to_be_visible()
    page.mouse.up()


def row(page):
    return page.locator(".tap-row")


def test_letting_go_early_sends_nothing_and_says_so(served, hers):
    press(hers)
    hers.wait_for_timeout(100)
    hers.mouse.up()

    expect(hers.locator(".tap-hint")).to_contain_text("Nothing was sent")
    assert served.hub.phone.presses == []


def test_a_full_hold_is_sent_before_the_finger_is_lifted(served, hers, patient):
    box = hers.locator("#tap-hold").bounding_box()
    hers.mouse.move(box["x"] + 40, box["y"] + 30)
    hers.mouse.down()

    patient(lambda: len(served.hub.phone.presses) > 0)
    hers.mouse.up()

    road, body = served.hub.phone.presses[0]
    assert road == "socket"
    assert uuid.UUID(body["tap_id"])
    assert not body["drill"]


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_a_key_can_hold_it(served, hers, key):
    hers.locator("#tap-hold").focus()
    hers.keyboard.down(key)
    expect(row(hers)).to_be_visible()
    hers.keyboard.up(key)

    expect(row(hers)).to_contain_text("Received")
    assert len({body["tap_id"] for _, body in served.hub.phone.presses}) == 1


def test_who_cannot_hold_presses_twice(served, hers):
    hers.get_by_text("I cannot hold it").click()
    assert served.hub.phone.presses == []

    hers.get_by_role("button", name="Call for help now").click()

    expect(row(hers)).to_contain_text("Received")


def test_afterwards_the_page_looks_ordinary(hers):
    hold(hers)

    expect(row(hers)).to_have_text(re.compile(r"^Received \d\d:\d\d$"))
    expect(hers.locator("#tap-hold")).to_be_hidden()
    expect(hers.get_by_role("link", name="Call 112")).to_be_hidden()
    assert hers.locator("footer.danger").evaluate("each => each.getBoundingClientRect().height") < 70


def test_without_a_receipt_it_keeps_saying_the_same_press_and_offers_the_telephone(served, hers, patient):
    served.hub.phone.is_confirming = False
    hold(hers)

    expect(row(hers)).to_contain_text("Not yet confirmed")
    expect(hers.locator(".tap-late")).to_be_visible(timeout=8_000)
    late = hers.locator(".tap-late")
    expect(late.get_by_role("link", name="Call the safety desk")).to_have_attribute("href", "tel:+498912345678")
    expect(late.get_by_role("link", name="Text the desk")).to_have_attribute("href", "sms:+498912345678?&body=SOS")
    expect(late.get_by_role("link", name="Call 112")).to_have_attribute("href", "tel:112")
    patient(lambda: len(served.hub.phone.presses) >= 4)
    assert {road for road, _ in served.hub.phone.presses} == {"socket", "http"}
    assert len({body["tap_id"] for _, body in served.hub.phone.presses}) == 1
    served.hub.phone.is_confirming = True
    expect(row(hers)).to_contain_text("Received")
    expect(late).to_be_hidden()


def test_a_press_without_network_survives_the_page_and_keeps_its_time(served, hers, patient):
    hers.context.set_offline(True)
    # An open socket does not notice that the network is gone.
    asyncio.run_coroutine_threadsafe(served.hub.phone.kick(4000), served.hub.loop).result(5)
    expect(hers.locator("#link")).not_to_have_attribute("data-state", "live")
    before_ms = hers.evaluate("Date.now()")
    hold(hers)
    after_ms = hers.evaluate("Date.now()")
    expect(row(hers)).to_contain_text("Not yet confirmed")
    assert served.hub.phone.presses == []
    hers.context.set_offline(False)
    hers.reload()

    patient(lambda: len(served.hub.phone.presses) > 0)
    _, body = served.hub.phone.presses[0]
    assert body["queued"]
    assert before_ms <= body["device_at_ms"] <= after_ms


def test_only_a_receipt_makes_the_page_say_that_it_was_sent(served, hers):
    hers.context.set_offline(True)
    asyncio.run_coroutine_threadsafe(served.hub.phone.kick(4000), served.hub.loop).result(5)
    expect(hers.locator("#link")).not_to_have_attribute("data-state", "live")
    hold(hers)
    row(hers).click()

    expect(hers.locator(".tap-sheet .note")).to_contain_text("Not confirmed yet")
    expect(hers.locator(".tap-sheet")).not_to_contain_text("It was sent")
    hers.context.set_offline(False)
    expect(hers.locator(".tap-sheet .note")).to_contain_text("It was sent")


def test_new_pins_take_the_present_one_also_on_a_phone_that_knows_of_none(served, hers):
    served.hub.phone.pins = {"pin": "2947", "duress_pin": "8163"}
    hers.get_by_text("Help button", exact=True).click()
    hers.get_by_label("My PIN").fill("7391")
    hers.get_by_label("PIN under force").fill("4260")
    hers.get_by_role("button", name="Save both PINs").click()
    expect(hers.locator("#pins-said")).to_contain_text("Enter the present one")
    for present, said in (("1111", "not your present PIN"), ("2947", "saved")):
        hers.get_by_label("Present PIN").fill(present)
        hers.get_by_role("button", name="Save both PINs").click()
        expect(hers.locator("#pins-said")).to_contain_text(said)

    assert served.hub.phone.pins == {"pin": "7391", "duress_pin": "4260"}
    hers.get_by_role("button", name="Choose new PINs").click()
    expect(hers.get_by_label("Present PIN")).to_be_visible()


def test_what_is_said_of_a_short_press_does_not_outlive_it(served, hers):
    press(hers)
    hers.mouse.up()
    expect(hers.locator(".tap-hint")).to_contain_text("Nothing was sent")
    hold(hers)
    expect(row(hers)).to_contain_text("Received")
    expect(hers.locator(".tap-hint")).to_be_empty()


def test_either_pin_plays_the_same_scene_and_a_wrong_one_does_not(served, hers):
    hers.get_by_text("Help button", exact=True).click()
    hers.get_by_label("My PIN").fill("2947")
    hers.get_by_label("PIN under force").fill("8163")
    hers.get_by_role("button", name="Save both PINs").click()
    expect(hers.locator("#pins-set")).to_be_visible()
    assert served.hub.phone.pins == {"pin": "2947", "duress_pin": "8163"}
    scenes = []
    for pin in ("2947", "8163"):
        hold(hers)
        expect(row(hers)).to_contain_text("Received")
        row(hers).click()
        hers.get_by_role("button", name="Enter code").click()
        if pin == "2947":
            hers.keyboard.type("1111")
            hers.get_by_role("button", name="Done").click()
            expect(hers.get_by_role("group", name="Enter code").get_by_text("not the code")).to_be_visible()
        for digit in pin:
            hers.locator(".pin-keys").get_by_role("button", name=digit, exact=True).click()
        hers.get_by_role("button", name="Done").click()
        expect(row(hers)).to_contain_text("Cancelled")
        scenes.append(re.sub(r"\d\d:\d\d", "", hers.locator("body").inner_text()))
        served.hub.phone.phase = "quiet"
        hers.reload()
        expect(hers.locator("#tap-hold")).to_be_visible()

    assert scenes[0] == scenes[1]
    assert served.hub.phone.entered == ["1111", "2947", "8163"]


def test_practice_is_marked_and_ends_after_one_press(served, hers):
    hers.get_by_text("Help button", exact=True).click()
    hers.get_by_role("switch", name="Practice").click()
    expect(hers.locator("#tap-hold")).to_contain_text("Practice")
    hold(hers)

    expect(row(hers)).to_contain_text("Practice · Received")
    assert served.hub.phone.presses[0][1]["drill"] is True
    expect(hers.locator("#drill")).to_have_attribute("aria-checked", "false")


def test_after_a_reload_the_page_still_knows(served, hers):
    hold(hers)
    expect(row(hers)).to_contain_text("Received")

    hers.reload()

    expect(row(hers)).to_contain_text("Received")


def test_on_a_page_without_network_the_button_and_the_calls_stand_where_they_will_stay(served, hers):
    served.hub.phone.is_answering = False
    hers.reload()
    expect(hers.locator("#help-calls").get_by_role("link", name="Call the desk")).to_be_visible()
    before = hers.locator("#tap-hold").bounding_box()
    served.hub.phone.is_answering = True

    expect(hers.locator("#link")).to_have_attribute("data-state", "live")
    assert hers.locator("#tap-hold").bounding_box() == before


def test_the_customer_finds_help_from_any_place_of_the_page(served, window):
    page = window.open(served.customer_url)
    expect(page.locator("#tap-hold")).to_be_visible()
    for place in ("0", "document.body.scrollHeight / 2"):
        page.evaluate(f"scrollTo(0, {place})")
        expect(page.locator(".to-help")).to_be_in_viewport()
        page.locator(".to-help").click()
        expect(page.locator("#tap-hold")).to_be_in_viewport(ratio=1)


def test_the_customer_has_the_button_too(served, window):
    page = window.open(served.customer_url)
    page.locator("#tap-hold").scroll_into_view_if_needed()
    hold(page)

    expect(row(page)).to_contain_text("Received")
    row(page).click()
    expect(page.get_by_role("button", name="Enter code")).to_have_count(0)
    expect(page.get_by_text("If it was a mistake, call the desk")).to_be_visible()


def test_what_became_of_the_customers_press_stays_in_sight_and_so_do_the_other_ways(served, window):
    served.hub.phone.is_confirming = False
    page = window.open(served.customer_url)
    page.locator("#tap-hold").scroll_into_view_if_needed()
    hold(page)

    expect(row(page)).to_be_in_viewport(ratio=1)
    expect(page.locator(".tap-late").get_by_role("link").last).to_be_in_viewport(ratio=1, timeout=15_000)
    served.hub.phone.is_confirming = True
    expect(row(page)).to_contain_text("Received")
