"""Carries notices to the dispatchers' console: a poke, so that consoles read the row again. The truth is the row; consoles also sweep
it.
"""

from datetime import datetime

from notifications.carrier import CarrierName, Found, FoundHow, Letter, Outcome
from notifications.delivery import Receipt
from notifications.notice import Channel
from notifications.ports import Poke
from notifications.settlement_flow import TOPIC


class ConsoleCarrier:
    """See `ports.Carrier`. Accepted even where the poke is lost, because the row itself is what consoles show."""

    name = CarrierName.DESK
    channel = Channel.CONSOLE
    can_find = False

    def __init__(self, poke: Poke) -> None:
        self._poke = poke

    async def send(self, letter: Letter) -> Outcome:
        """See `Carrier.send`."""
        await self._poke.poke(letter.site_id, TOPIC, letter.notice_id)
        return Outcome(provider_id=f"desk-{letter.notice_id}", receipt=Receipt.SENT)

    async def status(self, provider_id: str) -> Outcome:
        """See `Carrier.status`: a console sends no receipts; people acknowledge incidents."""
        return Outcome()

    async def find(self, letter: Letter, since: datetime) -> Found:
        """See `Carrier.find`."""
        return Found(FoundHow.ABSENT)
