"""Texts through Twilio. One request a letter, 5 s, never repeated here; a lost answer is an `AMBIGUOUS` outcome.

Looking for a lost one lists the messages to that number and compares time and code: `DateSent` is empty until a message has left Twilio's
queue, so it is compared here and not given to the filter.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException

from notifications.account import STATUS_PATH
from notifications.carrier import CLOCK_SLACK_S, CarrierName, Found, FoundHow, Letter, Outcome
from notifications.delivery import FAILURES, TWILIO_MESSAGE
from notifications.error_class import ErrorClass, classify
from notifications.notice import Channel, Lane
from notifications.twilio_account import TwilioAccount, refused

LISTED = 20
"""Messages to one number within seconds: one or two."""
_FAILED_REQUEST = (TwilioException, aiohttp.ClientError, asyncio.TimeoutError, OSError)


class TwilioSms:
    """See `ports.Carrier`."""

    name = CarrierName.TWILIO
    channel = Channel.SMS
    can_find = True

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account

    async def send(self, letter: Letter) -> Outcome:
        """See `Carrier.send`."""
        sender = self._account.config.sender(self._account.config.sms_senders, letter.lane, letter.sender_turn)
        if sender is None:
            return Outcome(error=ErrorClass.OUR_FAULT, code="no_sender", detail="No Twilio number is set for texts.")
        try:
            message = await self._account.client(letter.lane).messages.create_async(**self._request(letter, sender))
        except _FAILED_REQUEST as error:
            return refused(error)
        return _outcome(message)

    async def status(self, provider_id: str) -> Outcome:
        """See `Carrier.status`."""
        try:
            message = await self._account.client(Lane.P0).messages(provider_id).fetch_async()
        except _FAILED_REQUEST as error:
            return Outcome(detail=type(error).__name__)
        return _outcome(message)

    async def find(self, letter: Letter, since: datetime) -> Found:
        """See `Carrier.find`. A message whose words Twilio was asked to forget counts by number and time alone."""
        try:
            listed = await self._account.client(Lane.P0).messages.list_async(to=letter.to, limit=LISTED)
        except _FAILED_REQUEST:
            return Found(FoundHow.UNKNOWN)
        earliest = since - timedelta(seconds=CLOCK_SLACK_S)
        found = [message for message in listed if _is_later(message.date_created, earliest) and _says(message.body, letter.code)]
        if not found:
            return Found(FoundHow.ABSENT)
        return Found(FoundHow.THERE, tuple(_outcome(message) for message in found), is_sure=all(message.body for message in found))

    def _request(self, letter: Letter, sender: str) -> dict[str, Any]:
        wanted: dict[str, Any] = {"to": letter.to, "body": letter.text, "validity_period": letter.valid_for_s}
        wanted["messaging_service_sid" if sender.startswith("MG") else "from_"] = sender
        callback = self._account.callback_url(f"{STATUS_PATH}?n={letter.notice_id}&a={letter.attempt}")
        if callback is not None:
            wanted["status_callback"] = callback
        if letter.is_private:
            wanted["content_retention"] = "discard"
        if letter.lane.is_at_least_once:
            # Protection against pumped traffic must not eat an emergency to a verified number.
            wanted["risk_check"] = "disable"
        return wanted


def _outcome(message: Any) -> Outcome:
    receipt = TWILIO_MESSAGE.get(str(message.status))
    code = message.error_code
    error = classify(None, int(code) if code is not None else None) if receipt in FAILURES else None
    return Outcome(error=error, provider_id=message.sid, receipt=receipt, code=None if code is None else str(code))


def _is_later(created: datetime | None, earliest: datetime) -> bool:
    return created is not None and created >= earliest.replace(microsecond=0)


def _says(body: str | None, code: str) -> bool:
    return not body or code in body
