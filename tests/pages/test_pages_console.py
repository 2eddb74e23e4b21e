"""The desk's console in a real browser: everyone on shift, live, and a dead line that cannot look like a quiet night."""

import asyncio
import re

import pytest
from playwright.sync_api import expect

WIDE = {"width": 1440, "height": 900}
NO_WEBGL = "HTMLCanvasElement.prototype.getContext = function () { return null; };"


@pytest.fixture
def desk(served, window):
    served.hub.desk.signed_in = True
    page = window.open(f"{served.url}/console", viewport=WIDE)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    expect(page.locator("#technicians .row")).to_have_count(12)
    return page


def kick(served, code):
    asyncio.run_coroutine_threadsafe(served.hub.desk.kick(code), served.hub.loop).result(5)


def test_signing_in_says_what_is_wrong_and_lets_the_right_one_in(served, window):
    page = window.open(f"{served.url}/console", viewport=WIDE)
    page.get_by_label("User").fill("demo")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")

    page.get_by_label("Password").fill("lantern")
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator("#technicians .row")).to_have_count(12)


def test_the_age_of_every_position_ticks(served, desk):
    age = desk.locator("#technicians .row", has_text="Wei").locator(".age")

    expect(age).to_have_text(re.compile("last seen 15 min"))
    served.hub.desk.is_silent = True
    lin = desk.locator("#technicians .row", has_text="Lin").locator(".age")
    first = lin.text_content()
    expect(lin).not_to_have_text(first)


def test_freshness_is_a_word_and_a_shape_and_not_only_a_colour(desk):
    row = desk.locator("#technicians .row", has_text="Noor")

    expect(row.locator(".age")).to_contain_text("delayed")
    shapes = desk.evaluate("""() => ['fresh', 'aging', 'stale'].map((fresh) => {
        const style = getComputedStyle(document.querySelector(`.age[data-freshness=${fresh}] .shape`));
        return [style.borderRadius, style.borderTopStyle, style.backgroundColor === 'rgba(0, 0, 0, 0)'].join();
    })""")

    assert len(set(shapes)) == 3


def test_search_and_filters_narrow_the_list(desk):
    desk.get_by_label("Search name or visit").fill("mar")
    expect(desk.locator("#technicians .row")).to_have_count(1)
    desk.get_by_label("Search name or visit").fill("")

    desk.get_by_role("button", name="Need a look").click()

    expect(desk.locator("#technicians .row .name")).to_have_text(["Dara", "Wei"])


def test_nothing_in_the_list_is_cut_off(desk):
    """When somebody is expected, and the filter that finds trouble, must be readable without a wider window."""
    desk.wait_for_function("document.querySelector('#technicians .row .what').textContent.includes(':')")
    cut = desk.evaluate("""() => [...document.querySelectorAll('#technicians .what, .filters')]
        .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)""")

    assert cut == []


def test_a_person_is_selected_and_left_by_keyboard(desk):
    row = desk.locator("#technicians .row", has_text="Lin")
    row.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail h2")).to_have_text("Lin")
    expect(desk.locator("#detail")).to_contain_text("On the way")

    desk.keyboard.press("Escape")

    expect(desk.locator("#detail")).to_be_hidden()
    expect(row).to_be_focused()


def test_a_map_that_comes_while_a_person_is_selected_does_not_lose_the_way_back(served, window):
    served.hub.desk.signed_in = True
    page = window.open("about:blank", viewport=WIDE)
    waiting = []
    page.route("**/console_map.js", lambda route: waiting.append(route))
    page.goto(f"{served.url}/console")
    row = page.locator("#technicians .row", has_text="Lin")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_have_text("Lin")
    for route in waiting:
        route.continue_()
    expect(page.locator(".maplibregl-marker[aria-current=true]")).to_be_attached()

    page.keyboard.press("Escape")

    expect(row).to_be_focused()


def test_the_way_back_leads_past_whoever_was_selected_in_between(served, desk):
    row = desk.locator("#technicians .row", has_text="Lin")
    row.focus()
    desk.keyboard.press("Enter")
    desk.locator("#map button.her", has_text="Mara").dispatch_event("click")
    expect(desk.locator("#detail h2")).to_have_text("Mara")

    desk.keyboard.press("Escape")

    expect(row).to_be_focused()


def test_a_row_that_is_moved_to_another_place_keeps_the_keyboard(served, desk):
    row = desk.locator("#technicians .row", has_text="Mara")
    row.focus()
    served.hub.desk.raise_examples()
    expect(desk.locator("#technicians .row").first).to_contain_text("Mara")

    expect(row).to_be_focused()


def test_who_stands_on_a_row_that_vanishes_stands_on_its_neighbour(desk):
    desk.locator("#technicians .row", has_text="Lin").focus()
    desk.get_by_label("Search name or visit").evaluate("box => { box.value = 'mar'; box.dispatchEvent(new Event('input')); }")

    expect(desk.locator("#technicians .row")).to_have_count(1)
    expect(desk.locator("#technicians .row", has_text="Mara")).to_be_focused()


def test_the_card_of_who_goes_off_shift_closes_without_taking_the_keyboard(served, desk):
    desk.locator("#technicians .row", has_text="Lin").click()
    expect(desk.locator("#detail")).to_be_visible()
    desk.get_by_label("Search name or visit").focus()
    served.hub.desk.gone = "tec-0"

    expect(desk.locator("#detail")).to_be_hidden(timeout=25_000)
    expect(desk.get_by_label("Search name or visit")).to_be_focused()


def test_the_card_about_her_does_not_lie_over_her_marker(desk):
    desk.locator("#technicians .row", has_text="Lin").click()
    card, marker = desk.locator("#detail"), desk.locator(".maplibregl-marker[aria-current=true]")
    expect(card).to_be_visible()
    desk.wait_for_timeout(1_000)
    over, under = card.bounding_box(), marker.bounding_box()

    assert under["x"] > over["x"] + over["width"] or under["y"] + under["height"] < over["y"]


def test_visits_have_their_own_tab(desk):
    desk.get_by_role("tab", name="Technicians").focus()
    desk.keyboard.press("ArrowRight")

    expect(desk.get_by_role("tab", name="Visits")).to_have_attribute("aria-selected", "true")
    expect(desk.locator("#visits .row")).to_have_count(10)
    expect(desk.locator("#visits .row").last).to_contain_text("Booked")


def test_a_dead_line_does_not_look_like_a_quiet_night(served, desk):
    served.hub.desk.is_refusing = True
    kick(served, 4000)

    expect(desk.locator("#lost")).to_contain_text("Not live for")
    expect(desk.locator("#incidents-calm")).to_have_text("Not live: there may be incidents that are not shown.")
    expect(desk.locator("#technicians .age[data-freshness=fresh]")).to_have_count(0)
    served.hub.desk.is_refusing = False
    desk.get_by_role("button", name="Try now").dispatch_event("click")  # the page may have come back by itself just before
    expect(desk.locator("#lost")).to_be_hidden()


def test_a_hub_without_its_database_does_not_look_like_a_quiet_night(served, desk):
    served.hub.desk.behind_since_ms = served.hub.clock.now_ms() - 9_000

    expect(desk.locator("#lost")).to_contain_text("cannot read its database")
    expect(desk.locator("#link")).to_have_attribute("data-state", "live")
    served.hub.desk.behind_since_ms = None
    expect(desk.locator("#lost")).to_be_hidden()


def test_a_revoked_session_ends_at_the_login(served, desk):
    served.hub.desk.signed_in = False
    kick(served, 4102)

    expect(desk.get_by_role("heading", name="Sign in to the desk")).to_be_visible()
    expect(desk.locator("#technicians")).to_be_hidden()


def test_an_incident_is_seen_heard_of_and_named(served, desk):
    served.hub.desk.raise_examples()

    card = desk.locator(".incident").first
    expect(card).to_contain_text("Mara")
    expect(card).to_contain_text("calling people")
    expect(desk.locator("#spoken")).to_contain_text("New incident: Mara")
    expect(desk).to_have_title(re.compile(r"^\(2\) "))


def test_sound_is_off_until_it_is_turned_on_and_says_so(desk):
    expect(desk.locator("#sound")).to_have_attribute("aria-pressed", "false")

    desk.locator("#sound").click()

    expect(desk.locator("#sound")).to_have_attribute("aria-pressed", "true")
    expect(desk.locator("#sound-text")).to_have_text("Sound is on")


def test_the_map_shows_everyone_as_a_named_button(desk, window):
    lin = desk.locator("#map button.her", has_text="Lin")

    expect(lin).to_have_attribute("aria-label", re.compile(r"Lin, On the way, position \d+ s old"))
    assert [fault for fault in window.faults if "401" not in fault] == []


def test_it_works_without_webgl(served, window):
    served.hub.desk.signed_in = True
    page = window.open("about:blank", viewport=WIDE)
    page.add_init_script(NO_WEBGL)
    page.goto(f"{served.url}/console")

    expect(page.locator("#map-none")).to_be_visible()
    expect(page.locator("#technicians .row")).to_have_count(12)
    page.locator("#technicians .row", has_text="Lin").click()
    expect(page.locator("#detail h2")).to_have_text("Lin")
