"""Who is told of a journaled tap? The ladder runs from the safety card, straight to the carriers, until SQL has the tap.

Nothing is stored of what was told, because nothing can be; the texts say that the desk's console may not show this one yet. When the tap is
merged its own ladder begins in SQL: people may then be told twice, and that is meant.
"""

import asyncio

import structlog

from core.clock import Clock
from notifications.notice import short_code
from safety.journal_ports import CardStore, DirectSender
from safety.ladder import Rung, due
from safety.safety_card import CardSite, SafetyCard, channels_on_card, people_of
from safety.sos_tap import SosTap

log = structlog.get_logger(__name__)


class JournalLadderFlow:
    """See `safety.journal_ports.JournalLadder`."""

    def __init__(self, cards: CardStore, sender: DirectSender, clock: Clock) -> None:
        self._cards = cards
        self._sender = sender
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, tap: SosTap) -> None:
        """See `JournalLadder.start`."""
        if tap.incident_id not in self._running:
            self._running[tap.incident_id] = asyncio.create_task(self._climb(tap))

    def stop(self, tap: SosTap) -> None:
        """See `JournalLadder.stop`."""
        task = self._running.pop(tap.incident_id, None)
        if task is not None:
            task.cancel()

    async def _climb(self, tap: SosTap) -> None:
        card = self._cards.load()
        site = None if card is None else card.sites.get(tap.site_id)
        if card is None or site is None:
            log.error("safety_card_missing", incident_id=tap.incident_id)
            return
        started_at, step = self._clock.now(), 0
        while True:
            now_due = due(site.ladder, started_at, step, self._clock.now(), is_unmanned=not site.is_manned)
            await asyncio.gather(*(self._tell(tap, card, site, rung) for rung in now_due.rungs))
            step = now_due.next_step
            await self._clock.sleep((now_due.next_at - self._clock.now()).total_seconds())

    async def _tell(self, tap: SosTap, card: SafetyCard, site: CardSite, rung: Rung) -> None:
        names = [holder.name for holder in card.holders.values() if holder.technician_id == tap.technician_id]
        variables = {"name": names[0] if names else "", "place": site.name, "code": short_code(tap.incident_id), "link": ""}
        for person in people_of(site, rung.groups, tap.technician_id):
            for channel in channels_on_card(rung.channels):
                try:
                    await self._sender.send(site.site_id, tap.incident_id, person, channel, variables)
                except Exception:
                    log.exception("journaled_tap_not_told", incident_id=tap.incident_id, channel=channel.value)
