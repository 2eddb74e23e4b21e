"""Ten minutes on the whole hub: no cancel, a true cancel, a duress cancel. What her phone and her customer's page read is the same.

Five technicians do the same things at the same moments, on one hub whose clock the test moves; two of them never press, and the customer of
one of these does. The desk treats each of the others differently. Everything that the credentials of a phone or a link can read is written
down with its time and compared byte for byte, ids and names left out. The clock is the hub's own, so a frame that came a second later in
one of the stories would stand elsewhere.
"""

import asyncio
import contextlib
import itertools
import json
import re
from datetime import timedelta

import aiohttp
import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect

from core.caller import CallerKind
from core.geo import LatLon
from hub.local_people import operator_of
from realtime.wire import SUBPROTOCOL
from tests.doubles.clocked_hub import clocked_hub
from tests.doubles.served_hub import DOOR, PASSWORD, SITE, USER
from tests.doubles.worker_house import worker_house
from visits.arrival import SeenPosition
from visits.link_rights import LinkHolder
from visits.people_flow import NewTechnician
from visits.service import VerifiedLevel
from visits.visit import PersonRef, Place, Told, VisitDraft

pytestmark = pytest.mark.anyio
TRUE, DURESS = "2580", "9137"
CALM, UNCANCELLED, CANCELLED, FORCED, VISITED = range(5)
"""Who never presses; who presses and enters no PIN, the true one, the duress one; whose customer presses."""
START = LatLon(DOOR.lat + 0.02, DOOR.lon)
ARRIVES_S = 150
ENDS_S = 600
STEP_S = 5
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EPOCH = re.compile(rb'"view_epoch":[0-9]+')
DIGEST = re.compile(rb'"digest":"[0-9a-f]{64}"')
"""Made of the ids of visit and phone."""
SETTLED = re.compile(rb'"settled_ms":[0-9]+')
"""The hub settles one bill after the other, in whichever order their timers are claimed."""
UNSAID = {"date", "x-request-id"}
"""Headers of each answer's own."""


class Person:
    """A technician with her phone and her customer's page, and everything that both were told, in order."""

    def __init__(self, number, hub, she, token, visit, link):
        self.number, self.hub, self.id, self.token, self.visit_id, self.link = number, hub, she.id, token, visit.id, link
        self.names = [name.encode() for name in (token, link, f"Tess {number}", f"+49151123400{number:02d}")]
        self.seq = self.acks = 0
        self.phone_heard, self.page_heard = [], []

    def note(self, book, what, raw):
        """Write down what was heard, without what belongs to one person alone."""
        for name in self.names:
            raw = raw.replace(name, b"(hers)")
            what = what.replace(name.decode(), "(hers)")
        raw = SETTLED.sub(b'"settled_ms":0', DIGEST.sub(b'"digest":""', EPOCH.sub(b'"view_epoch":0', raw)))
        book.append((int(self.hub.moment_s) // STEP_S, what, UUID.sub(b"(id)", raw)))
        self.acks += what == "frame" and b'"type":"ack"' in raw
        self.hub.stir()

    async def listen(self, socket, book):
        async for frame in socket:
            self.note(book, "frame", frame if isinstance(frame, bytes) else frame.encode())
        self.note(book, "closed", f"{socket.close_code} {socket.close_reason}".encode())


@pytest.fixture(scope="module")
def house(tmp_path_factory, valkey_url):
    with worker_house(tmp_path_factory.mktemp("discretion"), technicians=1, redis_url=valkey_url) as house:
        yield house


async def people_of(hub):
    """Make five technicians on shift, each on her way to a customer of her own, all at one moment."""
    flows, desk, now = hub.hub.people, operator_of(SITE), hub.clock.now()
    for number in range(5):
        new = NewTechnician(name=f"Tess {number}", phone=f"+49151123400{number:02d}", verified_level=VerifiedLevel.CERTIFIED)
        she = await flows.people.enter(desk, SITE, new)
        enrolled = await flows.people.enrol(await flows.people.offer_enrolment(desk, she.id), "phone", "story", "127.0.0.1")
        caller = await flows.access.caller_of_token(enrolled.token)
        await flows.shifts.open(caller, now + timedelta(hours=8), "1")
        draft = VisitDraft(
            service_kind="massage", place=Place(point=DOOR, address="9 Lantern Way"), window_start=now + timedelta(minutes=5),
            window_end=now + timedelta(minutes=65), customer=PersonRef(name="Cora", phone="+4915112345699"),
        )  # fmt: skip
        visit = (await flows.booking.book(desk, SITE, draft)).visit
        await flows.visits.assign(desk, visit.id, she.id, Told())
        await flows.visits.depart(caller, visit.id, Told(position=SeenPosition(point=START, accuracy_m=6.0)))
        made = await flows.links.make(desk, visit.id, LinkHolder.CUSTOMER, "story")
        person = Person(number, hub, she, enrolled.token, visit, made.token)
        yield person


class Story:
    """What happens when: the same to all, but for the PIN and for what the desk does."""

    def __init__(self, house, hub, people, session, desk):
        self.house, self.hub, self.people, self.session, self.desk = house, hub, people, session, desk
        self.tasks = []

    async def ask(self, person, book, method, path, body=None, token=None):
        """Send a request as a phone or a page does, and write down the whole answer."""
        headers = {"Authorization": f"Bearer {token or person.token}"}
        async with self.session.request(method, self.house.url + path, json=body, headers=headers) as answer:
            raw = await answer.read()
            told = sorted((name.lower(), value) for name, value in answer.headers.items() if name.lower() not in UNSAID)
        person.note(book, f"{method} {path.split('?')[0].replace(person.visit_id, '(id)')}", f"{answer.status} {told}\n".encode() + raw)
        return raw

    def later(self, work):
        """Let something go on that waits for the clock."""
        self.tasks.append(asyncio.create_task(work))

    async def desk_act(self, person, act, **body):
        """Act as the desk on the person's newest incident."""
        rows = await self.house.select(
            "SELECT id, version FROM incidents WHERE raised_by = :who ORDER BY raised_at DESC", who=f"technician:{person.id}"
        )
        url = f"{self.house.url}/v1/incidents/{rows[0].id}{act}"
        async with self.session.post(url, json={"version": rows[0].version, **body}, headers=self.desk) as answer:
            assert answer.status == 200, await answer.text()

    async def look_everywhere(self):
        """Read whatever the credentials of a phone and of a link can read."""
        for endpoint in self.hub.hub.floor.surface.endpoints:
            for kind, pick in ((CallerKind.DEVICE, "phone_heard"), (CallerKind.LINK, "page_heard")):
                if endpoint.method != "GET" or kind not in endpoint.callers:
                    continue
                for person in self.people:
                    path = endpoint.path.format(visit_id=person.visit_id)
                    token = person.token if kind is CallerKind.DEVICE else person.link
                    await self.ask(person, getattr(person, pick), "GET", path, token=token)
        for person in self.people:
            await self.ask(person, person.page_heard, "GET", f"/v1/t/{person.link}")
            await self.ask(person, person.page_heard, "GET", f"/t/{person.link}")

    async def press(self, person):
        await person.socket.send(json.dumps({"type": "sos", "tap_id": "first"}))

    async def pin(self, person, pin):
        await person.socket.send(json.dumps({"type": "sos_pin", "pin": pin}))

    async def fix(self, person, at_s):
        """Report a place on the way, or at the door once she is there."""
        person.seq += 1
        left = max(0.0, 1 - at_s / (ARRIVES_S - 20))
        lat = DOOR.lat + (START.lat - DOOR.lat) * left
        fix = {"type": "fix", "seq": person.seq, "at_ms": self.hub.clock.now_ms(), "lat": lat, "lon": DOOR.lon, "accuracy_m": 6.0}
        await person.socket.send(json.dumps(fix))

    async def at(self, at_s):
        """Do what is done at this second."""
        pressing = [person for person in self.people if person.number in PINS]
        entering = {CANCELLED: TRUE, FORCED: DURESS}
        for person in self.people:
            await self.fix(person, at_s)
            await person.page.send('{"type":"heartbeat"}')
        async with asyncio.timeout(20):
            while any(person.acks < person.seq for person in self.people):  # noqa: ASYNC110 - Redis is not seen by the clock's keeper
                await asyncio.sleep(0.002)
        await self.hub.rest()
        for person in pressing:
            pin = entering.get(person.number)
            match at_s:
                case 10:
                    await self.press(person)
                case 15 if pin:
                    await self.pin(person, "0000")
                case 20 if pin:
                    fitted = self.hub.hashes.fitted
                    await self.pin(person, pin)
                    await self.hub.rest()
                    person.comparisons = self.hub.hashes.fitted - fitted
                case 80 if pin:
                    self.later(self.ask(person, person.phone_heard, "POST", "/v1/sos/pin", {"pin": pin}))
                case 120:
                    await self.ask(person, person.phone_heard, "POST", "/v1/sos", {"tap_id": "second"})
                case 130 if pin:
                    self.later(self.ask(person, person.phone_heard, "POST", "/v1/sos/pin", {"pin": pin}))
        if at_s == 10:
            visited = self.people[VISITED]
            await self.ask(visited, [], "POST", "/v1/sos", {"tap_id": "his"}, token=visited.link)
        if at_s in ACTS:
            await asyncio.gather(*(self.act(person, *ACTS[at_s]) for person in self.people))
        for number, act, body in DESK.get(at_s, ()):
            await self.desk_act(self.people[number], act, **body)
        if at_s in LOOKS:
            await self.look_everywhere()

    async def act(self, person, path, body):
        path = path.replace("(id)", person.visit_id)
        body = {**body, "door_code": self.door_code} if path.endswith("/start") else body
        await self.ask(person, person.phone_heard, "POST", path, body)


PINS = {UNCANCELLED, CANCELLED, FORCED}
AT_THE_DOOR = {"position": {"lat": DOOR.lat, "lon": DOOR.lon, "accuracy_m": 6.0}}
ACTS = {
    ARRIVES_S: ("/v1/visits/(id)/arrive", AT_THE_DOOR),
    170: ("/v1/visits/(id)/start", {}),
    240: ("/v1/visits/(id)/end", {}),
    250: ("/v1/visits/(id)/leave", {}),
    260: ("/v1/me/shift/close", {}),
}
DESK = {
    25: [(CANCELLED, "/claim", {}), (FORCED, "/claim", {})],
    30: [(CANCELLED, "/calls", {"whom": "technician"}), (FORCED, "/responses", {"what": "police on their way"})],
    40: [(CANCELLED, "/resolve", {"code": "false_accidental", "note": "a slip, she says"})],
    100: [(UNCANCELLED, "/claim", {}), (FORCED, "/notes", {"text": "a neighbour heard shouting"})],
    140: [(CANCELLED, "/claim", {}), (FORCED, "/calls", {"whom": "police"})],
    145: [(CANCELLED, "/resolve", {"code": "false_accidental", "note": "a slip again"})],
    300: [(FORCED, "/resolve", {"code": "real_police", "note": "police took him away"})],
}
BUSY = {10, 15, 20, 80, 120, 130}
LOOKS = {5, 35, 125, 245, 595}
EVENTFUL = BUSY | ACTS.keys() | DESK.keys() | LOOKS


@contextlib.asynccontextmanager
async def desk_of(house):
    async with aiohttp.ClientSession() as session:
        async with session.post(house.url + "/v1/sessions", json={"user": USER, "password": PASSWORD}) as answer:
            headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Origin": house.url}
        yield session, headers


@contextlib.asynccontextmanager
async def connected(house, person):
    """Her phone and her customer's page, both open and listening."""
    ws, options = house.url.replace("http", "ws"), {"subprotocols": [SUBPROTOCOL], "compression": None, "ping_interval": None}
    headers = {"Authorization": f"Bearer {person.token}"}
    async with connect(ws + "/v1/ws/technician", additional_headers=headers, **options) as phone, connect(
        ws + "/v1/ws/visit", **options
    ) as page, asyncio.TaskGroup() as ears:
        person.socket, person.page = phone, page
        listening = [ears.create_task(person.listen(phone, person.phone_heard)), ears.create_task(person.listen(page, person.page_heard))]
        hello = {"type": "hello", "device_epoch": 7, "sent_at_ms": person.hub.clock.now_ms(), "app": "story"}
        await phone.send(json.dumps(hello))
        await page.send(json.dumps({"type": "watch", "link": person.link}))
        yield
        for task in listening:
            task.cancel()


@pytest.fixture(scope="module")
def heard(house):
    return asyncio.run(ten_minutes(house))


async def ten_minutes(house):
    async with clocked_hub(house) as hub, contextlib.AsyncExitStack() as stack:
        session, desk = await stack.enter_async_context(desk_of(house))
        people = [person async for person in people_of(hub)]
        story = Story(house, hub, people, session, desk)
        async with hub.hub.floor.truth.begin() as tx:
            one_for_all = "UPDATE visits SET door_code_sealed = (SELECT door_code_sealed FROM visits WHERE id = :id)"
            await tx.conn.execute(text(one_for_all), {"id": people[CALM].visit_id})
        opened = await hub.hub.people.links.open(people[CALM].link)
        story.door_code = opened.visit.door_code
        for person in people:
            pins = {"pin": TRUE, "duress_pin": DURESS}
            await story.ask(person, [], "PUT", "/v1/me/pins", pins)
        sockets = await stack.enter_async_context(contextlib.AsyncExitStack())
        for person in people:
            await sockets.enter_async_context(connected(house, person))
        await hub.rest()
        for at_s in range(0, ENDS_S, STEP_S):
            await story.at(at_s)
            if at_s in EVENTFUL:
                await hub.rest()
            # A PIN is answered within the second; otherwise five pass at once.
            for _ in range(STEP_S if at_s in BUSY else 1):
                await hub.pass_s(1 if at_s in BUSY else STEP_S)
        await sockets.aclose()
        # Later than any position is taken because of an incident that a PIN has ended on her phone.
        await hub.sleep_through_s(31 * 60)
        for person in people:
            late = {"seq": person.seq + 1, "at_ms": hub.clock.now_ms(), "lat": DOOR.lat, "lon": DOOR.lon}
            body = {"device_epoch": 7, "sent_at_ms": hub.clock.now_ms(), "fixes": [late]}
            await story.ask(person, person.phone_heard, "POST", "/v1/fixes", body)
        await story.look_everywhere()
        await hub.rest()
        await asyncio.gather(*story.tasks)
        return people


def without(book, *kinds):
    """Return what was heard within the ten minutes, but for frames of these types, the face and the answers to a PIN."""
    marks = [b'"type":"%s"' % kind.encode() for kind in kinds]
    said = [line for line in book if line[0] < ENDS_S // STEP_S and not line[1].endswith(("/v1/me/sos", "/v1/sos/pin"))]
    return [line for line in said if not any(mark in line[2] for mark in marks)]


def same(book, other):
    """Fail at the first thing that was heard in one and not in the other, showing where they part; five seconds are one moment."""
    for mine, hers in itertools.zip_longest(sorted(book), sorted(other), fillvalue=(None, "nothing", b"")):
        if mine != hers:
            at = next((place for place, (a, b) in enumerate(zip(mine[2], hers[2], strict=False)) if a != b), 0)
            pytest.fail(f"{mine[:2]} {mine[2][max(0, at - 80) : at + 80]!r}\n{hers[:2]} {hers[2][max(0, at - 80) : at + 80]!r}")


def test_a_true_and_a_duress_cancel_are_the_same_to_her_phone_byte_for_byte(heard):
    same(heard[CANCELLED].phone_heard, heard[FORCED].phone_heard)


def test_whether_she_pressed_cancelled_or_was_forced_to_is_the_same_to_the_customers_page(heard):
    for number in (UNCANCELLED, CANCELLED, FORCED):
        same(heard[CALM].page_heard, heard[number].page_heard)


def test_that_her_customer_called_for_help_is_not_to_be_read_on_her_phone(heard):
    same(heard[CALM].phone_heard, heard[VISITED].phone_heard)


def test_without_a_pin_her_phone_reads_the_same_but_for_what_she_pressed(heard):
    mine = ("sos_face", "cadence")
    same(without(heard[UNCANCELLED].phone_heard, *mine), without(heard[CANCELLED].phone_heard, *mine))


def test_either_pin_costs_both_comparisons(heard):
    assert heard[CANCELLED].comparisons == heard[FORCED].comparisons == 2


def test_there_was_something_to_read(heard):
    frames = [json.loads(raw) for _, what, raw in heard[FORCED].phone_heard if what == "frame"]
    told = {frame["type"] for frame in frames}
    assert {"welcome", "ack", "sos_receipt", "sos_face", "cadence"} <= told
    assert [frame["accepted"] for frame in frames if frame["type"] == "sos_face"] == [False, True]
    assert len(heard[FORCED].page_heard) > 50
    (late,) = [json.loads(raw.partition(b"\n")[2]) for _, what, raw in heard[FORCED].phone_heard if what == "POST /v1/fixes"]
    assert [refused["reason"] for refused in late["refused"]] == ["off_shift"]
    assert any(b"position" in raw for _, _, raw in heard[FORCED].page_heard)
