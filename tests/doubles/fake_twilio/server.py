"""A Twilio on localhost that lies like the real one: spoken to by the real client, it checks each request against the published interface,
signs its callbacks, and misbehaves as a test's script says. A message that no test expected fails the test.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator

from .contract import violations
from .script import Callbacks, Fault, How

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
TOKEN = "fake-twilio-auth-token"
FINAL = {"delivered", "undelivered", "failed", "completed", "busy", "no-answer", "canceled"}


@dataclass
class Sent:
    """A text or call that Twilio took. `form`: the request's parameters."""

    sid: str
    form: dict[str, list[str]]
    created: datetime
    status: str = "queued"
    error_code: int | None = None
    is_expected: bool = False
    spoken: str = ""
    action: str | None = None
    sequence: int = 0

    @property
    def to(self) -> str:
        return self.form["To"][0]

    @property
    def sender(self) -> str:
        return (self.form.get("From") or self.form["MessagingServiceSid"])[0]

    @property
    def body(self) -> str:
        return self.form.get("Body", [""])[0]


@dataclass
class FakeTwilio:
    """One account. `hub_url`: where callbacks go to when the public URL that they name is not this machine's."""

    account_sid: str = ACCOUNT_SID
    token: str = TOKEN
    hub_url: str | None = None
    callbacks: Callbacks = Callbacks.NORMAL
    queue_limit: dict[str, int] = field(default_factory=dict)
    clock: Any = None
    messages: list[Sent] = field(default_factory=list)
    calls: list[Sent] = field(default_factory=list)
    requests: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._standing: dict[str, Fault] = {}
        self._carrier_codes: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._arrived = asyncio.Condition()
        self._http: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        base = f"/2010-04-01/Accounts/{self.account_sid}"
        app.router.add_post(base + "/Messages.json", self._create_message)
        app.router.add_get(base + "/Messages.json", self._list_messages)
        app.router.add_get(base + "/Messages/{sid}.json", self._fetch_message)
        app.router.add_post(base + "/Calls.json", self._create_call)
        app.router.add_get(base + "/Calls.json", self._list_calls)
        app.router.add_get(base + "/Calls/{sid}.json", self._fetch_call)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._http = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Close every connection."""
        if self._http is not None:
            await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def verify(self) -> None:
        """Fail on anything that nobody expected, on requests that Twilio would not know, and on doors that answered badly."""
        unexpected = [f"{sent.sid} to {sent.to}: {sent.body}" for sent in (*self.messages, *self.calls) if not sent.is_expected]
        assert self.complaints == []
        assert unexpected == []

    # What a test scripts

    def next_answers(self, resource: str, *faults: Fault) -> None:
        """Answer the next create requests of `Messages` or `Calls` so, in order; afterwards as usual."""
        self._faults[resource].extend(faults)

    def always(self, resource: str, fault: Fault | None) -> None:
        """Answer every create request so until told otherwise; None for as usual."""
        if fault is None:
            self._standing.pop(resource, None)
        else:
            self._standing[resource] = fault

    def phone_fails(self, number: str, code: int) -> None:
        """Let texts to `number` end as undelivered with a carrier's code."""
        self._carrier_codes[number] = code

    # What a test expects

    async def expect_sms(self, to: str, containing: str = "", within_s: float = 5.0) -> Sent:
        """Return the next text to a number that was not expected yet, waiting for it."""
        return await self._expect(self.messages, to, containing, within_s)

    async def expect_call(self, to: str, within_s: float = 5.0) -> Sent:
        """Return the next call to a number that was not expected yet, waiting for it."""
        return await self._expect(self.calls, to, "", within_s)

    async def _expect(self, among: list[Sent], to: str, containing: str, within_s: float) -> Sent:
        def found() -> Sent | None:
            return next((sent for sent in among if not sent.is_expected and sent.to == to and containing in sent.body), None)

        async with asyncio.timeout(within_s), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        sent = found()
        assert sent is not None
        sent.is_expected = True
        return sent

    # What happens on the phone network

    async def deliver(self, message: Sent) -> list[int]:
        """Let a text go its way to the phone, or fail by the phone's code; return the statuses our door answered."""
        code = self._carrier_codes.get(message.to)
        steps = ["sent", "delivered" if code is None else "undelivered"]
        message.error_code = code
        return await self._progress(message, steps, "Message")

    async def ring(self, call: Sent) -> None:
        """Let the phone ring."""
        await self._progress(call, ["ringing"], "Call")

    async def answer(self, call: Sent, *, by: str = "human") -> str:
        """Let someone, or a mailbox (`machine_start`), pick up; return what is said."""
        await self._progress(call, ["in-progress"], "Call", AnsweredBy=by)
        self._speak(call, call.form["Twiml"][0])
        return call.spoken

    async def press(self, call: Sent, digits: str) -> str:
        """Press keys while the call waits for them; return what is said next."""
        assert call.action is not None, "The call does not wait for keys."
        answer = await self._post(call.action, self._call_form(call) | {"Digits": digits})
        self._speak(call, await answer.text())
        return call.spoken

    async def hang_up(self, call: Sent, *, by: str = "human") -> None:
        """End the call."""
        await self._progress(call, ["completed"], "Call", AnsweredBy=by)

    async def no_answer(self, call: Sent) -> None:
        """Let it ring out."""
        await self._progress(call, ["ringing", "no-answer"], "Call")

    async def text(self, sender: str, body: str, *, url: str, sid: str | None = None, to: str = "+15005550006") -> str:
        """Let a person text back; return the answer, empty for silence."""
        sid = sid or f"SM{next(self._numbers):032x}"
        form = {"MessageSid": sid, "AccountSid": self.account_sid, "From": sender, "To": to, "Body": body, "NumMedia": "0"}
        answer = await self._post(url, form)
        message = ElementTree.fromstring(await answer.text()).find("Message")
        return "" if message is None else message.text or ""

    def signature(self, url: str, form: dict[str, str]) -> str:
        """Return the signature of a callback."""
        return RequestValidator(self.token).compute_signature(url, form)

    # The API

    async def _create_message(self, request: web.Request) -> web.StreamResponse:
        return await self._create(request, "Messages", self.messages, "SM")

    async def _create_call(self, request: web.Request) -> web.StreamResponse:
        return await self._create(request, "Calls", self.calls, "CA")

    async def _create(self, request: web.Request, resource: str, among: list[Sent], kind: str) -> web.StreamResponse:
        if not self._is_ours(request):
            return _error(401, 20003, "Authenticate")
        form = parse_qs(await request.text(), keep_blank_values=True)
        self.requests.append((resource, form))
        wrong = violations(resource, form)
        self.complaints += [f"{resource}: {why}" for why in wrong]
        if wrong:
            return _error(400, 21604, "; ".join(wrong))
        fault = self._fault(resource)
        if resource == "Messages" and (full := self._queue_is_full(form, among)) is not None:
            return full
        return await self._answer(request, fault, form, among, kind)

    async def _answer(
        self, request: web.Request, fault: Fault, form: dict[str, list[str]], among: list[Sent], kind: str
    ) -> web.StreamResponse:
        if fault.how is How.REFUSE:
            return _error(fault.status, fault.code, "refused")
        if fault.how is How.ERROR_BEFORE:
            return _error(500, 20500, "Internal Server Error")
        if fault.how is How.HANG_BEFORE:
            await asyncio.sleep(3600)
        if fault.how is How.SLOW:
            await asyncio.sleep(fault.seconds)
        sent = await self._take(form, among, kind)
        if fault.how is How.ERROR_AFTER:
            return _error(500, 20500, "Internal Server Error")
        if fault.how is How.HANG_AFTER:
            await asyncio.sleep(3600)
        if fault.how is How.RESET and request.transport is not None:
            request.transport.abort()
        if fault.how is How.IN_PIECES:
            return await self._in_pieces(request, sent, fault.seconds)
        return web.json_response(self._resource(sent), status=201)

    async def _in_pieces(self, request: web.Request, sent: Sent, apart_s: float) -> web.StreamResponse:
        response = web.StreamResponse(status=201, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        body = json.dumps(self._resource(sent)).encode()
        await response.write(body[:40])
        await asyncio.sleep(apart_s)
        await response.write(body[40:])
        await response.write_eof()
        return response

    async def _take(self, form: dict[str, list[str]], among: list[Sent], kind: str) -> Sent:
        sent = Sent(f"{kind}{next(self._numbers):032x}", form, self._now())
        among.append(sent)
        async with self._arrived:
            self._arrived.notify_all()
        return sent

    async def _list_messages(self, request: web.Request) -> web.Response:
        return self._listed(request, self.messages, "messages")

    async def _list_calls(self, request: web.Request) -> web.Response:
        return self._listed(request, self.calls, "calls")

    def _listed(self, request: web.Request, among: list[Sent], name: str) -> web.Response:
        if not self._is_ours(request):
            return _error(401, 20003, "Authenticate")
        found = [self._resource(sent) for sent in reversed(among) if sent.to == request.query.get("To", sent.to)]
        return web.json_response({name: found, "page": 0, "page_size": 50, "next_page_uri": None, "uri": str(request.rel_url)})

    async def _fetch_message(self, request: web.Request) -> web.Response:
        return self._fetched(request, self.messages)

    async def _fetch_call(self, request: web.Request) -> web.Response:
        return self._fetched(request, self.calls)

    def _fetched(self, request: web.Request, among: list[Sent]) -> web.Response:
        sent = next((sent for sent in among if sent.sid == request.match_info["sid"]), None)
        return _error(404, 20404, "not found") if sent is None else web.json_response(self._resource(sent))

    def _resource(self, sent: Sent) -> dict[str, Any]:
        is_kept = sent.form.get("ContentRetention") != ["discard"]
        return {
            "sid": sent.sid,
            "account_sid": self.account_sid,
            "to": sent.to,
            "from": sent.form.get("From", [None])[0],
            "body": sent.body if is_kept else "",
            "status": sent.status,
            "error_code": sent.error_code,
            "error_message": None,
            "date_created": format_datetime(sent.created),
            "date_updated": format_datetime(sent.created),
            "date_sent": None,
            "num_segments": "1",
            "direction": "outbound-api",
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{sent.sid}.json",
        }

    def _fault(self, resource: str) -> Fault:
        if self._faults[resource]:
            return self._faults[resource].popleft()
        return self._standing.get(resource, Fault(How.ACCEPT))

    def _queue_is_full(self, form: dict[str, list[str]], among: list[Sent]) -> web.Response | None:
        sender = form.get("From", [""])[0]
        waiting = sum(1 for sent in among if sent.sender == sender and sent.status not in FINAL)
        if sender in self.queue_limit and waiting >= self.queue_limit[sender]:
            return _error(400, 21611, "This 'From' number has exceeded the maximum number of queued messages")
        return None

    def _is_ours(self, request: web.Request) -> bool:
        wanted = "Basic " + base64.b64encode(f"{self.account_sid}:{self.token}".encode()).decode()
        return request.headers.get("Authorization") == wanted

    # Callbacks

    async def _progress(self, sent: Sent, steps: list[str], kind: str, **more: str) -> list[int]:
        forms = []
        for step in steps:
            sent.status = step
            forms.append((self._message_form(sent) if kind == "Message" else self._call_form(sent)) | more)
        callback = sent.form.get("StatusCallback")
        if callback is None or self.callbacks is Callbacks.MISSING:
            return []
        if self.callbacks is Callbacks.BACKWARDS:
            forms.reverse()
        if self.callbacks is Callbacks.TWICE:
            forms = [form for form in forms for _ in range(2)]
        return [(await self._post(callback[0], form)).status for form in forms]

    def _message_form(self, sent: Sent) -> dict[str, str]:
        form = {"MessageSid": sent.sid, "SmsSid": sent.sid, "AccountSid": self.account_sid, "MessageStatus": sent.status, "To": sent.to}
        return form | ({"ErrorCode": str(sent.error_code)} if sent.error_code is not None else {})

    def _call_form(self, sent: Sent) -> dict[str, str]:
        sent.sequence += 1
        return {
            "CallSid": sent.sid,
            "AccountSid": self.account_sid,
            "CallStatus": sent.status,
            "To": sent.to,
            "From": sent.sender,
            "SequenceNumber": str(sent.sequence - 1),
        }

    async def _post(self, url: str, form: dict[str, str]) -> aiohttp.ClientResponse:
        """Post a callback; a connection that breaks is tried again as often as the URL's `rc` asks for."""
        tries = 1 + int((parse_qs(urlsplit(url).fragment).get("rc") or ["0"])[0])
        for _ in range(tries - 1):
            with contextlib.suppress(aiohttp.ClientConnectionError):
                return await self._post_once(url, form)
        return await self._post_once(url, form)

    async def _post_once(self, url: str, form: dict[str, str]) -> aiohttp.ClientResponse:
        assert self._http is not None
        public = url.split("#", 1)[0]
        parts = urlsplit(public)
        target = public if self.hub_url is None else f"{self.hub_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        headers = {"X-Twilio-Signature": self.signature(public, form)}
        async with self._http.post(target, data=form, headers=headers) as response:
            body = await response.read()
            if response.status >= 300 or (response.status == 200 and not body):
                self.complaints.append(f"our door {parts.path} answered {response.status} {body[:200]!r}")
            return response

    def _speak(self, call: Sent, document: str) -> None:
        root = ElementTree.fromstring(document)
        call.spoken = " ".join(say.text or "" for say in root.iter("Say"))
        gathering = root.find("Gather")
        call.action = None if gathering is None else gathering.get("action")
        assert root.tag == "Response"
        assert not [verb.tag for verb in root.iter() if not re.fullmatch("Response|Say|Gather|Hangup|Pause", verb.tag)]

    def _now(self) -> datetime:
        return (self.clock.now() if self.clock is not None else datetime.now(UTC)).replace(microsecond=0)


def _error(status: int, code: int, message: str) -> web.Response:
    body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")
