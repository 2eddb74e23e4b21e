"""Visits from outside: every row of the table over HTTP, with good requests and with everything people send by mistake."""

from datetime import timedelta

import httpx2
import msgspec
import pyotp
import pytest
from starlette.applications import Starlette

from core.http_endpoint import route_of
from core.sql_idempotency import SqlIdempotencyStore
from tests.doubles.visits_house import MUNICH, OWNER, PLATFORM, VisitsHouse
from visits import http_desk_access, http_links, http_owners, http_people, http_shifts, http_sites, http_visits
from visits.desk_access_flow import NewDispatcher
from visits.http_authenticator import HttpAuthenticator
from visits.ports import OnlyWgs84
from visits.stage import Stage
from visits.visit import Told

pytestmark = pytest.mark.anyio
ORIGIN = "http://hub.test"
PASSWORD = "correct horse battery"
DOOR = {"lat": 48.1372, "lon": 11.5755}


def rows(house, origin=ORIGIN):
    return [
        *http_visits.endpoints(house.booking, house.visits, house.looks, OnlyWgs84()),
        *http_shifts.endpoints(house.shifts),
        *http_people.endpoints(house.people, house.roster, house.shifts, house.sites),
        *http_desk_access.endpoints(house.desk, house.access, origin),
        *http_owners.endpoints(house.desk, house.access),
        *http_links.endpoints(house.links, origin),
        *http_sites.endpoints(house.sites),
    ]


class Outside:
    """The hub as seen through HTTP by the platform, by her phone, and by a browser at the desk."""

    def __init__(self, house, origin=ORIGIN):
        answers = SqlIdempotencyStore(house.work, house.clock)
        who = HttpAuthenticator(house.access, origin)
        app = Starlette(routes=[route_of(row, who, answers, origin) for row in rows(house, origin)])
        self.house = house
        self.browser = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=origin)
        self.tokens = {}

    async def ask(self, who, method, path, body=None, **headers):
        if who in self.tokens:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        content = msgspec.json.encode(body) if isinstance(body, dict) else body
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.browser.request(method, path, content=content, headers=headers)

    async def log_in(self, user="miriam", password=PASSWORD):
        return await self.ask("desk", "POST", "/v1/sessions", {"user": user, "password": password})


@pytest.fixture
async def house(work, clock, ids, key_ring):
    return await VisitsHouse(work, clock, ids, key_ring).opened()


@pytest.fixture
async def outside(house):
    made = Outside(house)
    made.tokens["platform"] = (await house.access.make_api_key(OWNER, "shop", frozenset({MUNICH}), PLATFORM.scopes)).token
    await house.desk.enter(OWNER, NewDispatcher(user="miriam", name="", password=PASSWORD, sites=frozenset({MUNICH}), roles=OWNER.roles))
    yield made
    await made.browser.aclose()


def booking(house, **changes):
    at = house.clock.now() + timedelta(hours=1)
    return {
        "site_id": "munich",
        "service_kind": "massage",
        "place": {**DOOR, "address": "Marienplatz 1", "entry_code": "4711"},
        "window_start": at.isoformat(),
        "window_end": (at + timedelta(hours=1)).isoformat(),
        "customer": {"name": "Ada", "phone": "+491701234567"},
        **changes,
    }


async def enrolled(outside, name="Lin Wei"):
    her = await outside.ask("platform", "POST", "/v1/technicians", {"site_id": "munich", "name": name, "verified_level": 2})
    offer = await outside.ask("platform", "POST", f"/v1/technicians/{her.json()['id']}/enrolments")
    device = await outside.ask("nobody", "POST", "/v1/enrolments", {"code": offer.json()["code"], "label": "her phone"})
    outside.tokens["phone"] = device.json()["token"]
    return device.json()


async def test_a_whole_visit_over_http(outside):
    device = await enrolled(outside)
    end = (outside.house.clock.now() + timedelta(hours=8)).isoformat()
    shift = await outside.ask("phone", "POST", "/v1/me/shift", {"planned_end": end, "notice_version": "1"})
    assert (shift.status_code, shift.json()["state"]) == (201, "open")
    visit = (await outside.ask("platform", "POST", "/v1/visits", booking(outside.house))).json()
    path = f"/v1/visits/{visit['id']}"
    assert (await outside.ask("platform", "POST", f"{path}/assign", {"technician_id": device["technician_id"]})).status_code == 200
    mine = (await outside.ask("phone", "GET", "/v1/me/visits")).json()["items"]
    assert mine[0]["place"]["address"] == "Marienplatz 1"
    assert mine[0]["possible"] == ["depart"]
    link = await outside.ask("platform", "POST", f"{path}/links", {})
    assert link.json()["url"] == f"{ORIGIN}/t/{link.json()['token']}"
    code = (await outside.house.links.open(link.json()["token"])).visit.door_code
    stages = []
    for act, body in (
        ("depart", {"position": {"lat": 48.1, "lon": 11.5, "accuracy_m": 10}}),
        ("arrive", {"position": {**DOOR, "accuracy_m": 10}}),
        ("start", {"door_code": code[3:]}),
        ("extend", {"minutes": 15}),
        ("end", {}),
        ("leave", {}),
    ):
        answer = await outside.ask("phone", "POST", f"{path}/{act}", body)
        assert answer.status_code == 200, answer.text
        stages.append(answer.json()["stage"])

    assert stages == ["departed", "arrived", "in_service", "in_service", "ended", "left"]
    assert answer.json()["place"] is None
    assert (await outside.ask("phone", "POST", "/v1/me/shift/close")).json()["closed_by"] == "technician"
    assert (await outside.ask("phone", "GET", "/v1/me/shift")).json() == {"shift": None}


async def test_booking_answers_201_then_200_and_replays_an_idempotency_key(outside):
    body = booking(outside.house, external_ref="A-1")
    first = await outside.ask("platform", "POST", "/v1/visits", body)
    again = await outside.ask("platform", "POST", "/v1/visits", body)
    keyed = [await outside.ask("platform", "POST", "/v1/visits", booking(outside.house), idempotency_key="k1") for _ in range(2)]

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert keyed[0].content == keyed[1].content
    assert keyed[1].headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    "changes",
    [
        {"place": {"lat": 86.0, "lon": 11.5, "address": ""}},
        {"place": {"lat": 96.0, "lon": 11.5, "address": "x"}},
        {"place": {"lat": "48", "lon": 11.5, "address": "x"}},
        {"place": {"lon": 11.5, "address": "x"}},
        {"place": {**DOOR, "address": "x", "datum": "mars"}},
        {"window_start": "2026-03-02T10:00:00"},
        {"window_start": "yesterday"},
        {"customer": {"name": ""}},
        {"customer": {"name": "Ada", "phone": "110"}},
        {"service_kind": "juggling"},
        {"planned_min": 100000},
        {"surprise": 1},
    ],
)
async def test_a_faulty_booking_is_a_422_problem_that_says_what_to_mend(outside, changes):
    answer = await outside.ask("platform", "POST", "/v1/visits", booking(outside.house, **changes))

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "bad_input"
    assert len(answer.json()["detail"]) > 20


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"minutes": NaN}', b'{"minutes": "five"}', b'{"minutes": 1e99}', b"\xff\xfe"])
async def test_a_body_that_is_no_such_thing_is_a_422_problem(outside, body):
    visit = (await outside.ask("platform", "POST", "/v1/visits", booking(outside.house))).json()

    assert (await outside.ask("platform", "POST", f"/v1/visits/{visit['id']}/extend", body)).status_code == 422


async def test_an_illegal_move_is_a_409_problem_naming_state_act_and_choice(outside):
    visit = (await outside.ask("platform", "POST", "/v1/visits", booking(outside.house))).json()
    await outside.log_in()
    answer = await outside.ask("desk", "POST", f"/v1/visits/{visit['id']}/leave", {"reason": "x"})

    assert answer.status_code == 409
    assert (answer.json()["state"], answer.json()["act"], answer.json()["allowed"]) == ("created", "leave", ["assign", "cancel"])


@pytest.mark.parametrize("path", ["/v1/visits/none", "/v1/visits/none/depart", "/v1/visits/none/links", "/v1/technicians/none"])
async def test_what_does_not_exist_is_a_404_problem(outside, path):
    who, method = ("platform", "GET") if "depart" not in path else ("phone", "POST")
    await enrolled(outside)

    assert (await outside.ask(who, method, path, {} if method == "POST" else None)).status_code == 404


async def test_without_a_credential_nothing_but_log_in_and_enrolment_answers(outside):
    open_to_all = {"log_in", "enrol_device"}
    for row in rows(outside.house):
        path = row.path.replace("{", "").replace("}", "")
        answer = await outside.ask("nobody", row.method, path, {} if row.request else None)
        if row.name not in open_to_all:
            assert answer.status_code == 401, f"{row.method} {path}: {answer.status_code}"
        assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    "header", ["Bearer pl_dev_unknown", "Bearer pl_api_unknown", "Bearer pl_lnk_x", "Bearer pl_ses_x", "Bearer", "Basic eDp5", "x", ""]
)
async def test_a_credential_that_does_not_count_is_a_401_problem(outside, header):
    answer = await outside.browser.get("/v1/visits", headers={"authorization": header})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_phone_a_link_and_a_key_without_scope_are_refused_what_is_not_theirs(outside):
    await enrolled(outside)
    visit = (await outside.ask("platform", "POST", "/v1/visits", booking(outside.house))).json()
    outside.tokens["link"] = (await outside.ask("platform", "POST", f"/v1/visits/{visit['id']}/links", {})).json()["token"]
    outside.tokens["reader"] = (
        await outside.house.access.make_api_key(OWNER, "reader", frozenset({MUNICH}), frozenset({"visits:read"}))
    ).token

    assert (await outside.ask("phone", "GET", "/v1/visits")).status_code == 403
    assert (await outside.ask("link", "GET", f"/v1/visits/{visit['id']}")).status_code == 403
    assert (await outside.ask("reader", "GET", "/v1/visits")).status_code == 200
    refused = await outside.ask("reader", "POST", "/v1/visits", booking(outside.house))
    assert (refused.status_code, refused.json()["scope"]) == (403, "visits:write")
    assert (await outside.ask("platform", "GET", "/v1/api_keys")).status_code == 403


async def test_a_browser_logs_in_by_cookie_acts_and_logs_out(outside):
    answer = await outside.log_in()
    assert answer.status_code == 201
    assert answer.headers["set-cookie"].endswith("Path=/; HttpOnly; SameSite=Strict")
    assert "password" not in answer.text
    assert (await outside.ask("desk", "GET", "/v1/sessions/current")).json()["user"] == "miriam"
    ticket = (await outside.ask("desk", "POST", "/v1/tickets", {})).json()["ticket"]
    assert (await outside.house.access.redeem_ticket(ticket)).dispatcher_id == answer.json()["id"]

    assert (await outside.ask("desk", "DELETE", "/v1/sessions/current")).status_code == 204
    assert (await outside.ask("desk", "GET", "/v1/sessions/current")).status_code == 401


async def test_a_page_of_another_origin_can_neither_log_in_nor_act(outside):
    foreign = {"origin": "https://evil.example"}
    credentials = {"user": "miriam", "password": PASSWORD}
    assert (await outside.ask("desk", "POST", "/v1/sessions", credentials, **foreign)).status_code == 403
    await outside.log_in()

    assert (await outside.ask("desk", "POST", "/v1/tickets", {}, **foreign)).status_code == 403
    assert (await outside.ask("desk", "POST", "/v1/tickets", {}, sec_fetch_site="cross-site")).status_code == 403
    assert (await outside.ask("desk", "POST", "/v1/tickets", {}, origin=ORIGIN)).status_code == 201


async def test_over_https_the_cookie_is_bound_to_the_host(outside):
    secure = Outside(outside.house, "https://hub.test")
    answer = await secure.log_in()

    assert answer.headers["set-cookie"].startswith("__Host-pl_session=")
    assert answer.headers["set-cookie"].endswith("; Secure")
    assert (await secure.ask("desk", "GET", "/v1/sessions/current")).status_code == 200
    await secure.browser.aclose()


async def test_too_many_wrong_passwords_are_a_429_problem_with_the_wait(outside):
    for _ in range(5):
        assert (await outside.log_in(password="wrong password!")).status_code == 401
    answer = await outside.log_in()

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 800


async def test_an_outlived_cookie_does_not_keep_her_from_logging_in(outside):
    await outside.log_in()
    outside.house.clock.move(5 * 3600)
    assert (await outside.ask("desk", "GET", "/v1/visits")).status_code == 401

    assert (await outside.log_in()).status_code == 201


async def test_a_technicians_app_learns_what_it_needs_at_its_start(outside):
    device = await enrolled(outside)
    me = (await outside.ask("phone", "GET", "/v1/me")).json()

    assert (me["technician"]["id"], me["device_id"]) == (device["technician_id"], device["device_id"])
    assert (me["location_notice_version"], me["zone"], me["shift"]) == ("1", "Europe/Berlin", None)


async def test_the_desk_sees_who_is_on_shift_and_revokes_a_phone(outside):
    device = await enrolled(outside)
    end = (outside.house.clock.now() + timedelta(hours=8)).isoformat()
    await outside.ask("phone", "POST", "/v1/me/shift", {"planned_end": end, "notice_version": "1"})
    await outside.log_in()
    found = (await outside.ask("desk", "GET", "/v1/technicians?on_shift=true&limit=200")).json()
    assert [(each["name"], each["shift"]["state"], each["phone"]) for each in found["items"]] == [("Lin Wei", "open", None)]
    listed = (await outside.ask("desk", "GET", f"/v1/technicians/{device['technician_id']}/devices")).json()
    assert listed["items"][0]["label"] == "her phone"

    assert (await outside.ask("desk", "DELETE", f"/v1/devices/{device['device_id']}")).status_code == 204
    assert (await outside.ask("phone", "GET", "/v1/me")).status_code == 401


async def test_technicians_are_patched_and_blocked_pairs_kept(outside):
    device = await enrolled(outside)
    path = f"/v1/technicians/{device['technician_id']}"
    changed = await outside.ask("platform", "PATCH", path, {"shown_name": "L.", "phone": "+4915111111111"})
    assert (changed.json()["shown_name"], changed.json()["name"], changed.json()["phone"]) == ("L.", "Lin Wei", "+4915111111111")
    assert (await outside.ask("platform", "PATCH", path, {"phone": None})).json()["phone"] is None
    assert (await outside.ask("platform", "PATCH", path, {"verified_level": 9})).status_code == 422
    await outside.log_in()
    pair = await outside.ask("desk", "POST", f"{path}/blocked_pairs", {"customer_phone": "+491701234567", "reason": "shouted"})
    assert "4917012" not in pair.text
    assert len((await outside.ask("desk", "GET", f"{path}/blocked_pairs")).json()["items"]) == 1

    assert (await outside.ask("desk", "DELETE", f"{path}/blocked_pairs/{pair.json()['id']}")).status_code == 204


async def test_lists_go_on_by_cursor_and_a_foreign_cursor_is_refused(outside):
    for number in range(3):
        await outside.ask("platform", "POST", "/v1/visits", booking(outside.house, external_ref=f"A-{number}"))
    found, path = [], "/v1/visits?limit=2"
    while path:
        page = (await outside.ask("platform", "GET", path)).json()
        found += [each["external_ref"] for each in page["items"]]
        path = page["next_cursor"] and f"/v1/visits?limit=2&cursor={page['next_cursor']}"

    assert found == ["A-0", "A-1", "A-2"]
    for bad in ("cursor=%C3%BF", "limit=0", "limit=9999", "limit=x", "stage=flying", "nonsense=1", "stage=aborted_unsafe"):
        assert (await outside.ask("platform", "GET", f"/v1/visits?{bad}")).status_code == 422, bad


async def test_the_platform_finds_a_broken_off_visit_among_the_ended_ones(outside):
    her = await outside.house.technician(on_shift=True)
    visit = await outside.house.visit(Stage.IN_SERVICE, her)
    await outside.house.visits.abort_unsafe(her, visit.id, Told())
    found = (await outside.ask("platform", "GET", "/v1/visits?stage=ended")).json()["items"]

    assert [(each["id"], each["stage"], each["outcome"]) for each in found] == [(visit.id, "ended", "ended")]
    await outside.log_in()
    assert (await outside.ask("desk", "GET", "/v1/visits?stage=aborted_unsafe")).json()["items"][0]["id"] == visit.id
    acts = (await outside.ask("desk", "GET", f"/v1/visits/{visit.id}/acts")).json()["items"]
    assert (acts[-1]["act"], acts[-1]["actor"]) == ("abort_unsafe", f"device:{her.id}")
    assert len((await outside.ask("desk", "GET", f"/v1/looks?subject={visit.id}")).json()["items"]) == 1


async def test_an_owner_manages_the_site_its_desk_and_its_keys(outside):
    await outside.log_in()
    changed = await outside.ask("desk", "PATCH", "/v1/sites/munich", {"desk_phone": "+498912345678", "settings": {"arrival_accept_m": 300}})
    assert (changed.json()["settings"]["arrival_accept_m"], changed.json()["settings"]["home_blur_m"]) == (300, 500)
    for bad in ({"settings": {"arrival_accept_m": "far"}}, {"settings": {"no_such": 1}}, {"zone": "Mars"}, {"currency": "USD"}):
        assert (await outside.ask("desk", "PATCH", "/v1/sites/munich", bad)).status_code == 422
    assert len((await outside.ask("desk", "GET", "/v1/sites/munich/check")).json()["faults"]) == 2
    assert [each["id"] for each in (await outside.ask("desk", "GET", "/v1/sites")).json()["items"]] == ["munich"]

    made = await outside.ask("desk", "POST", "/v1/api_keys", {"label": "x", "sites": ["munich"], "scopes": ["visits:read"]})
    assert made.json()["token"].startswith("pl_api_")
    assert "pl_api_" not in (await outside.ask("desk", "GET", "/v1/api_keys")).text
    assert (await outside.ask("desk", "DELETE", f"/v1/api_keys/{made.json()['id']}")).status_code == 204
    eve = {"user": "eve", "password": PASSWORD, "sites": ["munich"]}
    assert (await outside.ask("desk", "POST", "/v1/dispatchers", eve)).status_code == 201
    eve_id = next(each["id"] for each in (await outside.ask("desk", "GET", "/v1/dispatchers")).json()["items"] if each["user"] == "eve")
    assert (await outside.ask("desk", "PATCH", f"/v1/dispatchers/{eve_id}", {"roles": ["supervisor"]})).json()["roles"] == ["supervisor"]
    answer = await outside.ask("desk", "POST", f"/v1/dispatchers/{eve_id}/password", {"password": "a fresh password 1"})
    assert answer.status_code == 204


async def test_a_dispatcher_sets_password_and_second_factor(outside):
    await outside.log_in()
    offer = (await outside.ask("desk", "POST", "/v1/me/totp")).json()
    assert offer["uri"].startswith("otpauth://")
    assert (await outside.ask("desk", "POST", "/v1/me/totp/confirm", {"code": "1"})).status_code == 422
    code = pyotp.TOTP(offer["secret"]).at(outside.house.clock.now())
    recovery = (await outside.ask("desk", "POST", "/v1/me/totp/confirm", {"code": code})).json()["recovery_codes"]
    assert (await outside.log_in()).json()["code"] == "code_needed"
    body = {"user": "miriam", "password": PASSWORD, "totp": recovery[0]}
    assert (await outside.ask("desk", "POST", "/v1/sessions", body)).status_code == 201
    assert (await outside.ask("desk", "POST", "/v1/me/totp/remove", {"code": recovery[1]})).status_code == 204
    changed = await outside.ask("desk", "POST", "/v1/me/password", {"old": PASSWORD, "new": "another long password"})

    assert changed.status_code == 204
    assert (await outside.ask("desk", "GET", "/v1/sessions/current")).status_code == 401


async def test_links_are_listed_without_tokens_and_revoked(outside):
    visit = (await outside.ask("platform", "POST", "/v1/visits", booking(outside.house))).json()
    path = f"/v1/visits/{visit['id']}/links"
    made = (await outside.ask("platform", "POST", path, {"holder": "booker", "label": "sms"})).json()
    listed = await outside.ask("platform", "GET", path)
    assert made["token"] not in listed.text

    assert (await outside.ask("platform", "DELETE", f"/v1/links/{made['id']}")).status_code == 204
    assert (await outside.ask("platform", "GET", path)).json()["items"][0]["revoked_at"] is not None
    assert (await outside.ask("platform", "POST", path, {"holder": "everyone"})).status_code == 422


async def test_shifts_over_http_refuse_what_does_not_fit(outside):
    await enrolled(outside)
    now = outside.house.clock.now()
    for bad in ({}, {"planned_end": "2026-03-02T22:00:00", "notice_version": "1"}, {"planned_end": now.isoformat(), "notice_version": "1"}):
        assert (await outside.ask("phone", "POST", "/v1/me/shift", bad)).status_code == 422
    good = {"planned_end": (now + timedelta(hours=4)).isoformat(), "notice_version": "1"}
    assert (await outside.ask("phone", "POST", "/v1/me/shift", good)).status_code == 201
    assert (await outside.ask("phone", "POST", "/v1/me/shift", good)).status_code == 409
    paused = await outside.ask("phone", "POST", "/v1/me/shift/pause")
    assert paused.json()["pauses"][0]["until_at"] is None
    assert (await outside.ask("phone", "POST", "/v1/me/shift/pause")).status_code == 409
    later = {"planned_end": (now + timedelta(hours=5)).isoformat()}
    assert (await outside.ask("phone", "POST", "/v1/me/shift/replan", later)).status_code == 200
    assert (await outside.ask("phone", "POST", "/v1/me/shift/resume")).json()["state"] == "open"
    listed = (await outside.ask("platform", "GET", "/v1/shifts?open=true")).json()["items"]
    await outside.log_in()

    closed = await outside.ask("desk", "POST", f"/v1/shifts/{listed[0]['id']}/close", {"reason": "she forgot"})
    assert closed.json()["closed_by"] == "dispatcher"


async def test_a_position_in_an_act_is_checked(outside):
    her = await outside.house.technician(on_shift=True)
    visit = await outside.house.visit(Stage.DEPARTED, her)
    code = await outside.house.people.offer_enrolment(PLATFORM, her.technician_id)
    outside.tokens["phone"] = (await outside.house.people.enrol(code, "p", "", "192.0.2.1")).token
    for bad in ({"lat": 91, "lon": 0}, {"lat": 48.1}, {**DOOR, "accuracy_m": -1}, {**DOOR, "datum": "gcj02"}):
        assert (await outside.ask("phone", "POST", f"/v1/visits/{visit.id}/arrive", {"position": bad})).status_code == 422
    far = await outside.ask("phone", "POST", f"/v1/visits/{visit.id}/arrive", {"position": {"lat": 48, "lon": 11, "accuracy_m": 5}})

    assert (far.status_code, far.json()["code"], far.json()["verdict"]) == (409, "not_there", "too_far")


@pytest.mark.parametrize(
    ("person", "status", "said"),
    [
        ({"name": "Ada", "phone": "+493012345678"}, 201, ""),  # a land line: it is called
        ({"name": "王小明", "phone": "+8613800138000", "language": "zh-CN"}, 201, ""),
        ({"name": 'Ada "Addy" O\'Neil 🌸👩‍🔧'}, 201, ""),
        ({"name": "Ada", "phone": "+4900000000"}, 422, "Check the digits"),
        ({"name": "Ada", "phone": "0170 1234567"}, 422, "with its country"),
        ({"name": "Ada", "phone": "+49 170 12345678"}, 422, "digits alone"),
        ({"name": "Ada", "phone": "9" * 21}, 422, "phone"),
        ({"name": "A" * 500}, 422, "name"),
        ({"name": " "}, 422, "name is empty"),
    ],
)
async def test_a_booking_says_of_each_person_what_is_wrong_and_how_to_mend_it(outside, person, status, said):
    answer = await outside.ask("platform", "POST", "/v1/visits", booking(outside.house, customer=person))
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.headers["content-type"] == "application/problem+json"
        assert said in answer.json()["detail"], answer.text
