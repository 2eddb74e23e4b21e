"""What the technician's own safety needs from others: contacts with numbers, her visits, her colleagues. Joined in `hub/`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from core.caller import Caller
from core.ids import RecipientId, SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from safety.contact import Contact
from safety.incident import Incident
from safety.sos_tap import Position


class Contacts(Protocol):
    """Emergency contacts."""

    async def of(self, tx: Tx, technician_id: TechnicianId, now: datetime) -> Sequence[Contact]:
        """Return her contacts that are not removed at `now`, oldest first."""
        ...

    async def add(self, tx: Tx, contact: Contact) -> None:
        """Write a new one."""
        ...

    async def save(self, tx: Tx, contact: Contact) -> None:
        """Write what changed."""
        ...


class ContactFace(msgspec.Struct, frozen=True):
    """Name and masked number of a contact."""

    name: str
    number_masked: str


class ContactBook(Protocol):
    """Numbers of contacts. Met by notifications' recipients."""

    async def add(self, tx: Tx, site_id: SiteId, technician_id: TechnicianId, name: str, number: str, language: str) -> RecipientId:
        """Write a contact's number; raises `BadInput` in words for one that cannot exist."""
        ...

    async def faces(self, tx: Tx, ids: Sequence[RecipientId]) -> Mapping[RecipientId, ContactFace]:
        """Return how contacts are shown to her."""
        ...


class Extensions(Protocol):
    """Lengthens a visit. Met by visits."""

    async def extend(self, caller: Caller, visit_id: VisitId, minutes: int) -> None:
        """Add minutes to the service; raises as visits do."""
        ...


class SignsOfLife(Protocol):
    """Hears that she said that all is well. Met by `watch_flow.WatchFlow`."""

    async def all_is_well(self, tx: Tx, visit_id: VisitId, answer_id: str) -> None:
        """Count the answer as a sign of life, in its own transaction."""
        ...


class Helper(msgspec.Struct, frozen=True, kw_only=True):
    """A colleague who could come: how far by the way, metres, and how long, seconds; `is_free`: she is on no visit."""

    technician_id: TechnicianId
    name: str
    distance_m: float
    travel_s: float
    is_free: bool


class Colleagues(Protocol):
    """Who could come? Met over live positions, shifts and the router."""

    async def near(self, incident: Incident, place: Position, limit: int) -> Sequence[Helper]:
        """Return on-shift colleagues who offered help, nearest first, without herself and those who must not meet this customer."""
        ...

    async def tell(self, tx: Tx, incident: Incident, technician_ids: Sequence[TechnicianId], code: str) -> Sequence[TechnicianId]:
        """Ask these colleagues by text; return whom. Who did not offer help, is off shift, must not meet this customer is passed over."""
        ...
