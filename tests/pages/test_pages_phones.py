"""The demo's phones in a real browser: who is called is seen, and nobody hears a call that nobody picked up."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
NOW_MS = 1_790_000_000_000


def item(id: str, kind: str, state: str, body: str) -> dict[str, Any]:
    return {"id": id, "kind": kind, "state": state, "body": body, "language": "en", "at_ms": NOW_MS}


def phone(number: int, name: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"recipient_id": f"r{number}", "name": name, "number_masked": f"***{number:02d}", "items": list(items)}


CUSTOMERS = [phone(n, f"Customer {n}", item(f"t{n}", "text", "delivered", "Lin is on the way.")) for n in range(6)]
SOS = item("t9", "text", "delivered", "EMERGENCY Lin. Code 4821.")


def desk(state: str) -> dict[str, Any]:
    return phone(9, "Ana at the desk", item("c9", "call", state, "Emergency. Lin has called for help."), SOS)


@pytest.fixture
def shelf(served, window):
    """Open the phones page; what the hub tells of the phones is the list that comes with it."""
    told: list[dict[str, Any]] = [*CUSTOMERS]

    def opened(viewport: dict[str, int]) -> Page:
        page = window.open("about:blank", viewport=viewport)
        page.route("**/v1/demo/phones", lambda route: route.fulfill(content_type="application/json", body=json.dumps({"phones": told})))
        page.goto(f"{served.url}/phones")
        expect(page.locator(".phone")).to_have_count(len(told))
        return page

    return told, opened


@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["phone", "wide"])
def test_a_phone_that_rings_is_in_sight_without_scrolling(shelf, viewport):
    told, opened = shelf
    page = opened(viewport)

    told.append(desk("ringing"))

    expect(page.locator(".phone").first).to_contain_text("Ana at the desk")
    expect(page.locator(".phone").first.get_by_role("button", name="Answer")).to_be_in_viewport(ratio=1)


def test_who_looks_at_another_phone_is_told_and_led_to_the_one_that_rings(shelf):
    told, opened = shelf
    page = opened(PHONE)
    writing = page.locator(".phone", has_text="Customer 5").get_by_label("Text back")
    writing.scroll_into_view_if_needed()
    writing.fill("Is she")

    told.append(desk("ringing"))

    rings = page.get_by_role("button", name="Ana at the desk's phone rings")
    expect(rings).to_be_in_viewport(ratio=1)
    expect(writing).to_be_focused()
    expect(writing).to_be_in_viewport()
    rings.click()
    answer = page.locator(".phone").first.get_by_role("button", name="Answer")
    expect(answer).to_be_in_viewport(ratio=1)
    expect(answer).to_be_focused()
    told[-1] = desk("missed")
    expect(page.locator("#phones-ringing")).to_be_hidden()


@pytest.mark.parametrize("state", ["ringing", "missed"])
def test_what_a_call_says_is_not_heard_before_somebody_picks_up(shelf, state):
    told, opened = shelf
    told.append(desk(state))
    page = opened(WIDE)
    hers = page.locator(".phone", has_text="Ana at the desk")

    expect(hers.locator(".bubble[data-kind=call]")).to_contain_text("Incoming call" if state == "ringing" else "Missed call")
    expect(hers).not_to_contain_text("has called for help")
    told[-1] = desk("answered")
    expect(hers.locator(".heard")).to_contain_text("Lin has called for help")


def test_the_newest_words_are_not_hidden_behind_the_call(shelf):
    told, opened = shelf
    texts = [item(f"s{n}", "text", "delivered", f"EMERGENCY Lin at 282 Quarry Street, Lampmouth. Code {n}.") for n in range(6)]
    told.append(phone(9, "Ana at the desk", *[one | {"at_ms": NOW_MS - 1000 + n} for n, one in enumerate(texts)]))
    page = opened(PHONE)

    told[-1] = phone(9, "Ana at the desk", item("c9", "call", "ringing", "Emergency."), *told[-1]["items"])

    hers = page.locator(".phone", has_text="Ana at the desk")
    expect(hers.get_by_role("button", name="Answer")).to_be_visible()
    newest = hers.locator(".bubble").last.bounding_box()
    call = hers.locator(".call").bounding_box()
    assert newest is not None
    assert call is not None
    assert newest["y"] + newest["height"] <= call["y"]
