"""The customer's page in a real browser: words first, kept true by the socket, honest about what is old."""

import asyncio
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from realtime.wire_values import Arrival

WORDS = ("#chapter", "#title", "#line", "#door-hers", "#door-yours", "#who-name")
STAGES = ("created", "assigned", "departed", "arrived", "in_service", "ended", "left", "cancelled", "no_show")


def test_it_says_everything_that_matters_without_script(served, window):
    page = window.open(served.customer_url, java_script_enabled=False)

    expect(page.locator("#title")).to_contain_text("Arrives")
    expect(page.locator("#line")).to_contain_text("Lin is on the way")
    expect(page.locator("#seen")).to_contain_text("Position seen")
    expect(page.locator("#door-hers")).to_have_text("482")
    expect(page.get_by_role("link", name="Call 112")).to_have_attribute("href", "tel:112")
    assert window.faults == []


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_the_browser_says_what_the_server_says(served, window, locale):
    hub = served.hub
    now_ms = hub.clock.now_ms()
    hub.drive.start_ms = now_ms
    hub.fixed_arrival = Arrival(earliest_ms=now_ms + 630_000, latest_ms=now_ms + 930_000, as_of_ms=now_ms)
    silent = window.open(served.customer_url, java_script_enabled=False, locale=locale)
    page = window.open(served.customer_url, locale=locale)

    for stage in STAGES:
        hub.stage = stage
        silent.reload()
        page.reload()
        expect(page.locator("#link")).to_have_attribute("data-state", "live")
        told = [silent.locator(selector).text_content() for selector in WORDS]
        shown = [page.locator(selector).text_content() for selector in WORDS]

        assert shown == told, stage
        assert page.locator("#steps").is_hidden() == silent.locator("#steps").is_hidden(), stage
    assert window.faults == []


def test_the_marker_moves_and_nothing_is_loaded_from_elsewhere(served, window, patient):
    page = window.open(served.customer_url, reduced_motion="no-preference")
    marker = page.locator(".leaflet-marker-icon:has(.her)")
    expect(marker).to_be_visible()
    before = marker.bounding_box()

    patient(lambda: marker.bounding_box() != before)

    assert [url for url in window.asked if not url.startswith((served.url, "data:", "blob:"))] == []
    assert window.faults == []


def test_the_marker_moves_where_it_is_far_from_the_place(served, window):
    """A recording of another country driven into a demo: a map that holds both ends would show a dot that stands still."""
    served.hub.off_deg = 12.0
    page = window.open(served.customer_url)
    marker = page.locator(".leaflet-marker-icon:has(.her)")
    expect(marker).to_be_visible()
    page.wait_for_timeout(1_200)
    before = marker.bounding_box()
    page.wait_for_timeout(2_500)
    after = marker.bounding_box()

    assert abs(after["x"] - before["x"]) + abs(after["y"] - before["y"]) > 1
    assert 0 < after["x"] < 390
    assert window.faults == []


def test_an_old_position_is_called_old_in_words_and_shape(served, window):
    served.hub.fix_age_ms = 200_000
    page = window.open(served.customer_url)

    expect(page.locator("#seen")).to_have_attribute("data-freshness", "stale")
    expect(page.locator("#seen-text")).to_have_text("Position seen 3 min ago")
    expect(page.locator(".her")).to_have_attribute("data-freshness", "stale")


def test_a_new_stage_arrives_without_reloading(served, window):
    page = window.open(served.customer_url)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")

    served.hub.stage = "arrived"

    expect(page.locator("#title")).to_have_text("Lin is at your door")
    expect(page.locator("#steps [aria-current=step]")).to_contain_text("At the door")
    expect(page.locator(".her")).to_have_count(0)
    expect(page.locator("#spoken")).to_contain_text("Lin is at your door")


def test_a_missing_frame_makes_it_ask_for_everything_again(served, window, patient):
    page = window.open(served.customer_url)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")

    served.hub.skip_sequence = True

    patient(lambda: any(frame["type"] == "watch" for frame in served.hub.got))
    served.hub.stage = "in_service"
    expect(page.locator("#title")).to_have_text("The service is running")


def test_a_lost_connection_is_said_and_comes_back(served, window):
    page = window.open(served.customer_url)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")

    page.context.set_offline(True)
    expect(page.locator("#link-text")).to_have_text("You are offline. What you see may be old.")
    page.context.set_offline(False)

    expect(page.locator("#link")).to_have_attribute("data-state", "live")


def test_it_comes_back_after_a_drain(served, window, patient):
    page = window.open(served.customer_url)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    loop_of_server(served, 4000)

    patient(lambda: len(served.hub.sockets) == 1)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")


def test_after_the_end_it_is_the_page_of_a_guessed_link(served, window):
    page = window.open(served.customer_url)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")

    served.hub.link_alive = False
    loop_of_server(served, 4104)

    expect(page.get_by_role("heading", name="This link is not active")).to_be_visible()
    assert answer(served.customer_url) == answer(f"{served.url}/t/pl_lnk_guessed")


def test_the_language_can_be_switched_without_script(served, window):
    page = window.open(served.customer_url, java_script_enabled=False)

    page.get_by_role("link", name="中文").click()

    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#title")).to_contain_text("到达")
    assert page.url == served.customer_url


def test_it_moves_nothing_for_those_who_want_stillness(served, window):
    page = window.open(served.customer_url, reduced_motion="reduce")
    expect(page.locator(".her")).to_be_visible()

    running = page.evaluate("() => document.getAnimations().filter((each) => each.playState === 'running').length")

    assert running == 0


def test_the_three_clocks_are_told(served, window):
    page = window.open(served.customer_url)

    page.locator("#clocks summary").click()

    expect(page.locator("#clock-mine")).to_contain_text("Live")
    expect(page.locator("#clock-phone")).to_have_text(re.compile(r"\d+ s ago"))
    expect(page.locator("#clock-fix")).to_have_text(re.compile(r"\d+ s ago · within 12 m"))


def loop_of_server(served, code):
    """Close every customer's socket from within the server's own loop."""
    hub = served.hub
    asyncio.run_coroutine_threadsafe(hub.kick(code), hub.loop).result(5)


def answer(url):
    """Return status, headers that could tell, and body, as anyone would get them."""
    try:
        found = urllib.request.urlopen(url, timeout=10)
    except urllib.error.HTTPError as error:
        found = error
    headers = {name: value for name, value in found.headers.items() if name not in ("date",)}
    return found.status, headers, found.read()


def test_what_can_be_unfolded_shows_it(served, window):
    page = window.open(served.customer_url)
    expect(page.locator("#clocks summary")).to_be_visible()

    assert page.evaluate("getComputedStyle(document.querySelector('#clocks summary'), '::after').content") != "none"


def test_a_hub_that_hangs_is_not_called_live_for_longer_than_a_quarter_of_a_minute(served, window, patient):
    page = window.open(served.customer_url)
    page.clock.install()
    page.reload()
    link = page.locator("#link")
    expect(link).to_have_attribute("data-state", "live")
    served.hub.silent = True
    page.clock.fast_forward(9_000)
    patient(lambda: {"type": "heartbeat", "asks": True} in served.hub.got)
    page.clock.fast_forward(6_000)

    expect(link).to_have_attribute("data-state", "lost")
    connections = set(served.hub.sockets)
    served.hub.silent = False
    expect(link).to_have_attribute("data-state", "live")
    assert set(served.hub.sockets) == connections
