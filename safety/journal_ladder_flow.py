"""Who is told of a journaled tap? The ladder runs from the safety card, straight to the carriers, until SQL has the tap.

A press may be kept by several workers of a machine, by those who took over from the dead, too: each runs its ladder from when the hub heard
the press, and what one has told the others pass over. Whatever somebody presses beside it is part of the same call for help, as it will be
in SQL: a worker has one ladder a person. When the tap is merged its own ladder begins in SQL: people may then be told twice, and that is
meant.
"""

import asyncio
from datetime import datetime

import structlog

from core.clock import Clock
from notifications.notice import Channel, short_code
from safety.journal_ports import CardStore, DirectSender, ToldBook
from safety.ladder import Due, Ladder, due
from safety.safety_card import CardPerson, CardSite, SafetyCard, channels_on_card, people_of
from safety.sos_tap import SosTap

log = structlog.get_logger(__name__)


class JournalLadderFlow:
    """See `safety.journal_ports.JournalLadder`."""

    def __init__(self, cards: CardStore, sender: DirectSender, told: ToldBook, clock: Clock) -> None:
        self._cards = cards
        self._sender = sender
        self._told = told
        self._clock = clock
        self._running: dict[tuple[str, bool], asyncio.Task[None]] = {}
        """By who pressed, and whether for practice: practice never stands before a real press."""

    def start(self, tap: SosTap) -> None:
        """See `JournalLadder.start`."""
        whose = (tap.who, tap.is_drill)
        if whose not in self._running:
            self._running[whose] = asyncio.create_task(self._climb(tap))

    def stop(self, tap: SosTap) -> None:
        """See `JournalLadder.stop`."""
        task = self._running.pop((tap.who, tap.is_drill), None)
        if task is not None:
            task.cancel()
        self._told.forget(tap.incident_id)

    async def _climb(self, tap: SosTap) -> None:
        card = self._cards.load()
        site = None if card is None else card.sites.get(tap.site_id)
        if card is None or site is None:
            log.error("safety_card_missing", incident_id=tap.incident_id)
            return
        # Never ahead of the clock: after a restart with a wrong one the ladder would wait for its own beginning.
        started_at, step = min(tap.heard_at or self._clock.now(), self._clock.now()), 0
        while True:
            now = self._clock.now()
            now_due = due(site.ladder, started_at, step, now, is_unmanned=not site.is_manned)
            await asyncio.gather(*(self._tell(tap, card, site, *each) for each in _tellings(now_due, step, site, started_at, now, tap)))
            step = now_due.next_step
            await self._clock.sleep((now_due.next_at - self._clock.now()).total_seconds())

    async def _tell(self, tap: SosTap, card: SafetyCard, site: CardSite, person: CardPerson, channel: Channel, round_: str) -> None:
        names = [holder.name for holder in card.holders.values() if holder.technician_id == tap.technician_id]
        variables = {"name": names[0] if names else "", "place": site.name, "code": short_code(tap.incident_id), "link": ""}
        try:
            async with self._told.telling(tap.incident_id, f"{round_} {channel.value} {person.recipient_id}") as is_to_be_told:
                if is_to_be_told:
                    await self._sender.send(site.site_id, tap.incident_id, person, channel, variables, is_drill=tap.is_drill)
        except Exception:
            log.exception("journaled_tap_not_told", incident_id=tap.incident_id, channel=channel.value)


def _tellings(
    now_due: Due, step: int, site: CardSite, started_at: datetime, now: datetime, tap: SosTap
) -> list[tuple[CardPerson, Channel, str]]:
    """Return whom to tell now by what, and of which round of the ladder that is: the same in every worker that runs it.

    Where rungs fall due together a phone gets one text and one call: a second call at once would find its line busy.
    """
    found: dict[tuple[str, Channel], tuple[CardPerson, Channel, str]] = {}
    for place, rung in enumerate(now_due.rungs, start=step):
        round_ = f"lap {_lap(site.ladder, started_at, now)}" if now_due.is_exhausted else f"rung {place}"
        for person in people_of(site, rung.groups, tap.technician_id):
            for channel in channels_on_card(rung.channels):
                found[person.number, channel] = (person, channel, round_)
    return list(found.values())


def _lap(ladder: Ladder, started_at: datetime, now: datetime) -> int:
    """Return how often the exhausted ladder has been told before, by the clock: whoever takes over counts on."""
    return int(((now - started_at).total_seconds() - ladder.exhausted_after_s) // ladder.repeat_s)
