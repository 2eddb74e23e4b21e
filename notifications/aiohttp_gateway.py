"""Hands letters to a domestic provider through the house's HTTP gateway. One request a letter, 5 s, no retry, signed.

The adapter keeps (id, attempt) as an idempotency key and can be asked for it: so a lost answer is looked up, never guessed.
"""

import asyncio
from datetime import datetime

import aiohttp
import msgspec
from standardwebhooks.webhooks import Webhook

from core.clock import Clock
from notifications.aiohttp_answer import read_answer, within
from notifications.carrier import SEND_DEADLINE_S, CarrierName, Found, FoundHow, Letter, Outcome
from notifications.error_class import ErrorClass
from notifications.gateway import GatewayAnswer, GatewayConfig, outcome_of, wire_letter
from notifications.notice import Channel

MAX_ANSWER_BYTES = 16 * 1024
_FAILED = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


class GatewayCarrier:
    """See `ports.Carrier`: carries one channel. `session` is opened by `open_session` and closed by whoever opened it."""

    name = CarrierName.GATEWAY
    can_find = True

    def __init__(self, config: GatewayConfig, channel: Channel, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._config = config
        self.channel = channel
        self._session = session
        self._clock = clock

    async def send(self, letter: Letter) -> Outcome:
        """See `Carrier.send`."""
        body = msgspec.json.encode(wire_letter(letter, self._config))
        try:
            status, answer = await self._ask("POST", f"/{self.channel}", f"{letter.notice_id}-{letter.attempt}", body)
        except aiohttp.ClientConnectorError:
            return Outcome(error=ErrorClass.NOT_PROCESSED, code="no_connection")
        except _FAILED as error:
            return Outcome(error=ErrorClass.AMBIGUOUS, code="no_answer", detail=type(error).__name__)
        if answer is None and 200 <= status < 300:
            # A page of a proxy, or of whatever else answers 200 at a mistyped URL: an emergency is not taken because of it.
            return Outcome(error=ErrorClass.AMBIGUOUS, code="unreadable", detail="The gateway's answer cannot be read. Check its URL.")
        outcome = outcome_of(status, answer or GatewayAnswer(detail="The gateway's answer cannot be read."))
        if outcome.error is not None:
            return outcome
        return msgspec.structs.replace(outcome, provider_id=_provider_id(letter))

    async def status(self, provider_id: str) -> Outcome:
        """See `Carrier.status`."""
        try:
            status, answer = await self._ask("GET", f"/letters/{provider_id.removeprefix('GW-').replace(':', '/')}", provider_id, b"")
        except _FAILED as error:
            return Outcome(detail=type(error).__name__)
        if answer is None or status != 200:
            return Outcome()
        return Outcome(provider_id=provider_id, receipt=answer.receipt, error=answer.error)

    async def find(self, letter: Letter, since: datetime) -> Found:
        """See `Carrier.find`."""
        provider_id = _provider_id(letter)
        path = f"/letters/{letter.notice_id}/{letter.attempt}"
        try:
            status, answer = await self._ask("GET", path, provider_id, b"")
        except _FAILED:
            return Found(FoundHow.UNKNOWN)
        if status == 404:
            return Found(FoundHow.ABSENT)
        if status != 200 or answer is None:
            return Found(FoundHow.UNKNOWN)
        return Found(FoundHow.THERE, (Outcome(provider_id=provider_id, receipt=answer.receipt),))

    async def _ask(self, method: str, path: str, message_id: str, body: bytes) -> tuple[int, GatewayAnswer | None]:
        now = self._clock.now()
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self._config.secrets[0]).sign(message_id, now, body.decode()),
        }
        url = self._config.url.rstrip("/") + path
        async with self._session.request(method, url, data=body or None, headers=headers, allow_redirects=False) as response:
            return response.status, _answer(await read_answer(response, MAX_ANSWER_BYTES))


def open_session() -> aiohttp.ClientSession:
    """Return the gateway's connections; call it inside the loop."""
    return aiohttp.ClientSession(timeout=within(SEND_DEADLINE_S, 2.0))


def _provider_id(letter: Letter) -> str:
    return f"GW-{letter.notice_id}:{letter.attempt}"


def _answer(raw: bytes) -> GatewayAnswer | None:
    try:
        return msgspec.json.decode(raw or b"{}", type=GatewayAnswer)
    except msgspec.MsgspecError:
        return None
