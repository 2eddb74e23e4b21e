"""What the door before SQL needs: a journal, a safety card, a sender without outbox. Joined in `hub/wiring.py`."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from core.ids import IncidentId, SiteId
from notifications.notice import Channel
from safety.safety_card import CardPerson, SafetyCard
from safety.sos_tap import Receipt, SosTap


class TapRaiser(Protocol):
    """Takes a tap and answers with its receipt. Met by `sos_flow.SosFlow`, and by the door that stands before it."""

    async def raise_sos(self, tap: SosTap) -> Receipt:
        """Return the receipt once the tap is stored; asked twice, it answers the same incident."""
        ...


class Journal(Protocol):
    """Taps that could not be committed, on disk."""

    async def append(self, tap: SosTap) -> None:
        """Return once the tap is synced to disk; raises when it cannot be."""
        ...

    async def merged(self, tap: SosTap) -> None:
        """Forget a tap that is in SQL now."""
        ...

    def unmerged(self) -> Sequence[SosTap]:
        """Return the taps that are not known to be in SQL, oldest first, with those of workers that died."""
        ...


class JournalLadder(Protocol):
    """Tells people of a journaled tap without SQL, from the safety card."""

    def start(self, tap: SosTap) -> None:
        """Begin telling; a tap of somebody for whom people are being told already changes nothing."""
        ...

    def stop(self, tap: SosTap) -> None:
        """Stop: the tap is in SQL, its own ladder runs there, and whatever else she pressed joins it."""
        ...


class CardStore(Protocol):
    """The safety card on disk."""

    async def save(self, card: SafetyCard) -> None:
        """Replace the card; a crash leaves the old one or the new one."""
        ...

    def load(self) -> SafetyCard | None:
        """Return the card, None when there is none that can be read."""
        ...


class CardSource(Protocol):
    """What the card is made of."""

    async def card(self, now: datetime) -> SafetyCard:
        """Return the card as SQL has it now."""
        ...


class ToldBook(Protocol):
    """What the workers of this machine have told of kept taps, so that nobody is told the same thing by two of them."""

    def telling(self, incident_id: IncidentId, what: str) -> AbstractAsyncContextManager[bool]:
        """Say whether `what` is to be told now: not where it was, or another worker is at it. Left without an error, it counts as told."""
        ...

    def forget(self, incident_id: IncidentId) -> None:
        """Forget an incident that is in SQL now."""
        ...


class DirectSender(Protocol):
    """Hands words to a carrier without the outbox: only while SQL is away."""

    async def send(
        self, site_id: SiteId, incident_id: IncidentId, person: CardPerson, channel: Channel, variables: dict[str, str], *, is_drill: bool
    ) -> None:
        """Send once, within 5 s; raises when the carrier did not take it. A call asks for no keys: nothing could note who takes it."""
        ...
