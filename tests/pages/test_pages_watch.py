"""The technician's page in a real browser: what the hub asks her, what she should know before she goes, and that she helps colleagues."""

import json

import pytest
from playwright.sync_api import expect

from safety.question_flow import PinNeeded
from tests.doubles.fake_phone_pages import CODE

NOTE = {"id": "n1", "kinds": ["intoxicated"], "told": "Keep to the room by the door.", "made_at": "2026-03-02T09:00:00Z", "note": None}


@pytest.fixture
def her(served, window):
    """Return her page on the fake hub, its socket in our hands, and what it asks of the paths that we answer."""
    page = window.open(f"{served.url}/technician#enrol={CODE}")
    page.asked, page.sockets = [], []

    def answer(route):
        body = json.loads(route.request.post_data or "{}")
        page.asked.append((route.request.url.rpartition("/v1/")[2], body))
        if "answers" in route.request.url and body["ok"] and not body["pin"]:
            problem = PinNeeded().problem()
            route.fulfill(status=problem["status"], content_type="application/problem+json", body=json.dumps(problem))
            return
        said = {"accepted": body.get("pin") == "8420"} if "answers" in route.request.url else body
        route.fulfill(status=200, content_type="application/json", body=json.dumps(said))

    def hold(socket):
        socket.connect_to_server()
        page.sockets.append(socket)

    for path in ("check-ins", "answers", "helping", "phone"):
        page.route(f"**/v1/me/{path}", answer)
    page.route_web_socket("**/v1/ws/technician", hold)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#visit-list .visit").first).to_be_visible()
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    return page


def prompt(page, *, is_reminder):
    page.sockets[-1].send(json.dumps({"type": "prompt", "visit_id": "v1", "kind": "check_in", "is_reminder": is_reminder}))
    expect(page.locator("#prompt")).to_be_visible()


def test_a_reminder_is_answered_by_a_sign_of_life_and_reads_like_any_notice(her):
    prompt(her, is_reminder=True)
    words = her.locator("#prompt").inner_text().lower()
    assert not {"safe", "alarm", "help", "danger", "check-in"} & set(words.split())
    her.get_by_role("button", name="Yes, all in order").click()
    expect(her.locator("#prompt")).to_contain_text("Thank you.")
    expect(her.locator("#prompt")).to_be_focused()

    assert [path for path, _ in her.asked if path != "me/phone"] == ["me/check-ins"]


def test_a_question_that_wants_her_code_opens_the_pad_and_a_wrong_one_is_said_to_be_wrong(her):
    prompt(her, is_reminder=False)
    her.get_by_role("button", name="Yes, all in order").click()
    pad = her.locator("#prompt .pin-pad")
    expect(pad).to_be_visible()
    her.keyboard.type("5555")
    her.keyboard.press("Enter")
    expect(pad).to_contain_text("not the code")
    her.keyboard.type("8420")
    her.keyboard.press("Enter")
    expect(her.locator("#prompt")).to_contain_text("Thank you.")

    assert [body["pin"] for path, body in her.asked if path == "me/answers"] == [None, "5555", "8420"]


def test_not_quite_is_sent_at_once_and_nothing_on_the_page_says_what_it_did(her):
    prompt(her, is_reminder=True)
    her.get_by_role("button", name="Not quite").click()
    expect(her.locator("#prompt")).to_contain_text("Thank you.")

    assert ("me/answers", {"ok": False, "pin": None}) in her.asked


def test_this_page_declares_that_it_sends_only_while_it_is_open(her, patient):
    patient(lambda: ("me/phone", {"capability": "foreground_only"}) in her.asked)


def test_she_alone_turns_helping_on(her):
    her.locator("#help-settings summary").click()
    expect(her.locator("#helping")).to_have_attribute("aria-checked", "false")
    her.locator("#helping").click()
    expect(her.locator("#helping")).to_have_attribute("aria-checked", "true")

    assert ("me/helping", {"is_willing": True}) in her.asked


def test_what_is_known_of_the_customer_stands_above_the_button_that_sets_out(served, her):
    noted = {**served.hub.phone.face(), "notes": [NOTE]}
    her.route("**/v1/me/visits", lambda route: route.fulfill(json={"items": [noted]}))
    her.reload()
    risk = her.locator(".visit .risk")
    expect(risk).to_contain_text("Keep to the room by the door.")
    expect(risk).to_contain_text("drunk or on drugs")
    expect(risk).to_contain_text("You may decline")

    above, button = risk.bounding_box(), her.locator(".visit .main-act").first.bounding_box()
    assert above["y"] + above["height"] <= button["y"]
