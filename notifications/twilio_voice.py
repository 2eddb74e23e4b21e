"""Calls through Twilio. One request a call, 5 s, never repeated here. What the call says first goes inline, so it speaks even if the
hub's web side is down; the keys come back to `http_twilio`.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException

from notifications.account import CALL_STATUS_PATH, KEYS_PATH
from notifications.carrier import CLOCK_SLACK_S, CarrierName, Found, FoundHow, Letter, Outcome
from notifications.delivery import TWILIO_CALL
from notifications.error_class import ErrorClass
from notifications.notice import Channel, Lane
from notifications.templates import Templates
from notifications.twilio_account import TwilioAccount, refused
from notifications.twiml import MAX_INLINE_CHARS, asking, telling

RING_S = 25
"""Five rings; a mailbox usually answers after that."""
MAX_CALL_S = 180
LISTED = 20
EVENTS = ["initiated", "ringing", "answered", "completed"]
_FAILED_REQUEST = (TwilioException, aiohttp.ClientError, asyncio.TimeoutError, OSError)


class TwilioVoice:
    """See `ports.Carrier`."""

    name = CarrierName.TWILIO
    channel = Channel.VOICE
    can_find = True

    def __init__(self, account: TwilioAccount, templates: Templates) -> None:
        self._account = account
        self._templates = templates

    async def send(self, letter: Letter) -> Outcome:
        """See `Carrier.send`."""
        sender = self._account.config.sender(self._account.config.voice_senders, letter.lane, letter.sender_turn)
        if sender is None:
            return Outcome(error=ErrorClass.OUR_FAULT, code="no_sender", detail="No Twilio number is set for calls.")
        try:
            call = await self._account.client(letter.lane).calls.create_async(**self._request(letter, sender))
        except _FAILED_REQUEST as error:
            return refused(error)
        return _outcome(call)

    async def status(self, provider_id: str) -> Outcome:
        """See `Carrier.status`."""
        try:
            call = await self._account.client(Lane.P0).calls(provider_id).fetch_async()
        except _FAILED_REQUEST as error:
            return Outcome(detail=type(error).__name__)
        return _outcome(call)

    async def find(self, letter: Letter, since: datetime) -> Found:
        """See `Carrier.find`. A call shows no words: number and time alone count."""
        try:
            listed = await self._account.client(Lane.P0).calls.list_async(to=letter.to, limit=LISTED)
        except _FAILED_REQUEST:
            return Found(FoundHow.UNKNOWN)
        earliest = (since - timedelta(seconds=CLOCK_SLACK_S)).replace(microsecond=0)
        found = [call for call in listed if call.date_created is not None and call.date_created >= earliest]
        return Found(FoundHow.THERE, tuple(_outcome(call) for call in found), is_sure=False) if found else Found(FoundHow.ABSENT)

    def _request(self, letter: Letter, sender: str) -> dict[str, Any]:
        base = self._account.config.public_url.rstrip("/")
        keys_url = f"{base}{KEYS_PATH}/{letter.notice_id}?step=asked"
        said = telling(letter.text, letter.language)
        if letter.wants_ack:
            said = asking(letter.text, self._templates, letter.language, keys_url)
        wanted: dict[str, Any] = {
            "to": letter.to,
            "from_": sender,
            "twiml": said[:MAX_INLINE_CHARS],
            "timeout": RING_S,
            "time_limit": MAX_CALL_S,
        }
        callback = self._account.callback_url(f"{CALL_STATUS_PATH}?n={letter.notice_id}&a={letter.attempt}")
        if callback is not None:
            wanted |= {"status_callback": callback, "status_callback_event": EVENTS, "status_callback_method": "POST"}
        return wanted


def _outcome(call: Any) -> Outcome:
    return Outcome(provider_id=call.sid, receipt=TWILIO_CALL.get(str(call.status)))
