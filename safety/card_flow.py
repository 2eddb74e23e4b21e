"""Is the safety card up to date? Made anew from SQL every minute and whenever a shift opens or the roster changes."""

import asyncio
from datetime import datetime

import structlog

from core.clock import Clock
from safety.journal_ports import CardSource, CardStore

log = structlog.get_logger(__name__)
EVERY_S = 60.0


class CardFlow:
    """Keeps the card fresh."""

    def __init__(self, source: CardSource, cards: CardStore, clock: Clock) -> None:
        self._source = source
        self._cards = cards
        self._clock = clock
        self._asked = asyncio.Event()
        self.made_at: datetime | None = None

    def refresh_soon(self) -> None:
        """Make the card anew now, because a shift opened or the roster changed."""
        self._asked.set()

    async def run_once(self) -> None:
        """Make and save the card."""
        card = await self._source.card(self._clock.now())
        await self._cards.save(card)
        self.made_at = card.made_at

    async def run(self) -> None:
        """Refresh until cancelled; SQL being away is what the card is for, so it is only logged."""
        while True:
            try:
                await self.run_once()
            except Exception:
                log.warning("safety_card_not_refreshed")
            await self._wait()

    async def _wait(self) -> None:
        self._asked.clear()
        waits = {asyncio.ensure_future(self._asked.wait()), asyncio.ensure_future(self._clock.sleep(EVERY_S))}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
