"""Carriers that play a phone network inside the process: scripted answers, and a memory of what left the house."""

import asyncio
from collections import deque
from datetime import datetime

from notifications.carrier import CarrierName, Found, FoundHow, Letter, Outcome
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel


class FakeCarrier:
    """Meets `notifications.ports.Carrier`. `answers`: what the next sends do, in order; afterwards everything is accepted.

    An answer is an `Outcome`, or an exception to raise; `taken` tells which letters the network really took.
    """

    can_find = True

    def __init__(self, channel: Channel = Channel.SMS, name: CarrierName = CarrierName.TWILIO) -> None:
        self.channel = channel
        self.name = name
        self.answers: deque[Outcome | BaseException] = deque()
        self.asked: list[Letter] = []
        self.taken: list[Letter] = []
        self.receipts: dict[str, Receipt] = {}
        self.is_down = False

    async def send(self, letter: Letter) -> Outcome:
        self.asked.append(letter)
        await asyncio.sleep(0)  # a network call is a point at which a process can die
        if self.is_down:
            return Outcome(error=ErrorClass.AMBIGUOUS, code="20500")
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        if answer is None or (answer.error in (None, ErrorClass.AMBIGUOUS) and answer.detail != "lost before"):
            self.taken.append(letter)
        await asyncio.sleep(0)
        return answer or Outcome(provider_id=self._id(letter), receipt=Receipt.QUEUED)

    async def status(self, provider_id: str) -> Outcome:
        return Outcome(provider_id=provider_id, receipt=self.receipts.get(provider_id))

    async def find(self, letter: Letter, since: datetime) -> Found:
        if self.is_down:
            return Found(FoundHow.UNKNOWN)
        for taken in self.taken:
            if taken.to == letter.to and taken.code in letter.text:
                return Found(FoundHow.THERE, (Outcome(provider_id=self._id(taken), receipt=Receipt.SENT),))
        return Found(FoundHow.ABSENT)

    def _id(self, letter: Letter) -> str:
        return f"{self.name}-{letter.notice_id}-{letter.attempt}"


class SilentPoke:
    """Meets `notifications.ports.Poke`; remembers."""

    def __init__(self) -> None:
        self.pokes: list[tuple[str, str, str]] = []

    async def poke(self, site_id: str, topic: str, subject: str) -> None:
        self.pokes.append((site_id, topic, subject))
