"""What safety needs from others: the log, people to tell, positions, a poke. Joined in `hub/wiring.py`."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from core.caller import Role
from core.ids import DispatcherId, IncidentId, RecipientId, SiteId, TechnicianId, VisitId
from core.timers import Timer
from core.unit_of_work import Tx
from notifications.recipient import Recipient
from safety.evidence import Event
from safety.incident import Incident
from safety.ladder import Group, Ladder, Rung
from safety.sos_tap import Position, Receipt, SosTap


class Responder(msgspec.Struct, frozen=True, kw_only=True):
    """One person to tell: her entry among the recipients, and her desk account where she has one."""

    recipient_id: RecipientId
    dispatcher_id: DispatcherId | None = None
    is_contact: bool = False
    knows_place: bool = True
    """False for a contact whom she has not confirmed for 90 days: he learns that help is coming, not where she is."""
    then: tuple[RecipientId, ...] = ()
    """Who is called when nobody answers her phone; the ladder sets it for a rung."""


class TapRaced(Exception):
    """Another road committed the same tap while this one was under way: read its receipt."""


Also = Callable[[Tx, IncidentId], Awaitable[None]]
"""What is written in the transaction that raises an incident; may be asked twice where two roads race."""


class Incidents(Protocol):
    """Incidents, triggers and the event log, every method inside the caller's transaction."""

    async def receipt_of(self, tx: Tx, tap: SosTap) -> Receipt | None:
        """Return the receipt of a tap that is already known, None for a new one; from here on presses of its person go one at a time.

        What another road committed while this one waited for its turn may be missed here; it is found by `standing_of`, and the same tap
        raises `TapRaced` where it is written.
        """
        ...

    async def open_of(self, tx: Tx, who: str) -> Incident | None:
        """Return the open incident of a person, locked for this transaction."""
        ...

    async def standing_of(self, tx: Tx, who: str, ended_since: datetime) -> tuple[Incident | None, Incident | None]:
        """Return the open incident of a person and the one of hers that ended last, if after `ended_since`; both locked.

        Call `receipt_of` first: before her first press there is no row to lock.
        """
        ...

    async def get(self, tx: Tx, incident_id: IncidentId) -> Incident:
        """Return the incident, locked for this transaction; raises `NotFound`."""
        ...

    async def add(self, tx: Tx, incident: Incident, events: Sequence[Event], tap: SosTap, timer: Timer) -> None:
        """Write a new incident, its first events, one or more, as its trigger the tap that opened it, at the first event's time, and the
        timer by which somebody goes on with it, as `Timers.set`.

        Raises `TapRaced` when the incident, or a trigger with the tap's key, is there already.
        """
        ...

    async def save(self, tx: Tx, incident: Incident, events: Sequence[Event]) -> None:
        """Write the changed incident and append its events, hashed and numbered in the order given."""
        ...

    async def add_trigger(self, tx: Tx, tap: SosTap, incident_id: IncidentId, at: datetime) -> None:
        """Write a further trigger of an incident; raises `TapRaced` when its key (who, tap_id) is there already."""
        ...

    async def events(self, tx: Tx, incident_id: IncidentId) -> list[Event]:
        """Return the log of an incident in order."""
        ...

    async def begun_at(self, tx: Tx, incident_id: IncidentId) -> datetime | None:
        """Return when the first event of an incident was written, None where there is no such log."""
        ...

    async def raised_since(self, tx: Tx, whos: Sequence[str], since: datetime) -> Sequence[Incident]:
        """Return the incidents of these people raised since `since`, oldest first, with those still open whatever their age."""
        ...

    async def pressed(self, tx: Tx, incident_id: IncidentId, most: int) -> tuple[int, Event]:
        """Return how many presses the incident holds, counted up to `most`, and the newest event of its log."""
        ...

    async def new_code(self, tx: Tx, site_id: SiteId, incident_id: IncidentId) -> str:
        """Return a code of four digits that no other open incident of the site has; the digits that a phone can press."""
        ...


class Footing(msgspec.Struct, frozen=True, kw_only=True):
    """What a ladder stands on: the site's rungs, and whether anyone is on duty.

    `on_duty`: the people of `Group.ON_DUTY` where somebody is, as `Responders.of` gives them; None where they are to be asked for.
    """

    ladder: Ladder
    is_manned: bool
    on_duty: Sequence[Responder] | None = None


class Responders(Protocol):
    """Who can be told and who is on duty."""

    async def of(self, tx: Tx, site_id: SiteId, group: Group, incident: Incident) -> Sequence[Responder]:
        """Return the people of a group for this incident, without the person in danger herself and without blocked pairs."""
        ...

    async def footing(self, tx: Tx, site_id: SiteId) -> Footing:
        """Return the site's ladder and whether anyone is on duty."""
        ...


class Alerts(Protocol):
    """Writes the notices of a rung into the outbox, in the caller's transaction."""

    async def tell(
        self, tx: Tx, incident: Incident, rung: Rung, people: Sequence[Responder], ringing: set[RecipientId],
        unwritten: Sequence[Event] = (),
    ) -> int:  # fmt: skip
        """Enqueue one notice a person and channel; return how many were new. `unwritten`: see `VisitWords.of_incident`.

        `ringing`: whose phones are called at this moment; nobody is called twice, and who is called here is added.
        """
        ...

    async def withdraw(self, tx: Tx, incident: Incident) -> None:
        """Take back what was not sent yet, because somebody answered."""
        ...

    async def nobody_to_tell(self, tx: Tx, incident: Incident, rung: Rung) -> None:
        """Raise an operator alarm, because a rung has no people."""
        ...

    async def hasty_resolution(self, tx: Tx, incident: Incident) -> None:
        """Tell the site's supervisors that a false alarm was called within a minute."""
        ...


class LastKnown(Protocol):
    """Where someone was last, from the live positions; best effort: away means unknown."""

    async def position_of(self, site_id: SiteId, technician_id: TechnicianId) -> Position | None:
        """Return the newest known position, None when none is known or Redis is away. Answers within 0.2 s."""
        ...


class People(Protocol):
    """Where in her day someone is, for a tap."""

    async def visit_now(self, tx: Tx, technician_id: TechnicianId) -> VisitId | None:
        """Return the visit she is on, from departed to left, None without one."""
        ...


class Pokes(Protocol):
    """Tells every worker that something changed in SQL; best effort, a sweep stands behind it."""

    def poke(self, site_id: SiteId, topic: str, about: str) -> None:
        """Hand on a poke; never waits, never raises."""
        ...


class VisitWords(Protocol):
    """The words an alarm is told with."""

    async def of_incident(self, tx: Tx, incident: Incident, unwritten: Sequence[Event] = ()) -> dict[str, str]:
        """Return the variables of the `sos` templates: `name` of who needs help, `place` and `floor` (empty when unknown); without a place
        `coordinates` of the press, where it brought any.

        `unwritten`: the press of an incident that is told before both are written, as the first rung is.
        """
        ...


class SilentAlarms(Protocol):
    """What a PIN raises where nothing that her phone shows is open. Met by `duress_flow`, joined with her site in `hub/`."""

    async def duress(self, technician_id: TechnicianId, reason: str, also: Also | None = None) -> None:
        """Raise the alarm for her in silence, marked as duress, and do `also` in the same transaction."""
        ...

    async def wrong_pins(self, technician_id: TechnicianId, also: Also | None = None) -> None:
        """Tell the desk in half a minute that somebody tries PINs on her phone, and do `also` in the same transaction."""
        ...


class Duties(Protocol):
    """Who is on duty, per site."""

    async def begin(
        self, tx: Tx, site_id: SiteId, dispatcher_id: DispatcherId, sound_ok_at: datetime, now: datetime, *, is_lead: bool
    ) -> None:
        """Put her on duty; a second time moves the sound test and nothing else."""
        ...

    async def end(self, tx: Tx, site_id: SiteId, dispatcher_id: DispatcherId, now: datetime) -> None:
        """Take her off duty; fine when she was not on."""
        ...

    async def on_duty(self, tx: Tx, site_id: SiteId) -> Sequence[DispatcherId]:
        """Return who is on duty, longest first."""
        ...

    async def owned_open(self, tx: Tx, dispatcher_id: DispatcherId) -> int:
        """Return how many open incidents she owns."""
        ...

    async def people_working(self, tx: Tx, site_id: SiteId) -> int:
        """Return how many technicians of the site are on shift."""
        ...


class OpenSignal(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident that people are told of, as following her signal needs it. `was_lost`: as the log says last."""

    incident_id: IncidentId
    technician_id: TechnicianId
    version: int
    was_lost: bool


class IncidentReader(Protocol):
    """Reading of incidents, without locks."""

    async def raised_since(self, tx: Tx, whos: Sequence[str], since: datetime) -> Sequence[Incident]:
        """Return the incidents of these people raised since `since`, oldest first, with those still open whatever their age."""
        ...

    async def events(self, tx: Tx, incident_id: IncidentId) -> list[Event]:
        """Return the log of an incident in order."""
        ...

    async def find(self, tx: Tx, incident_id: IncidentId) -> Incident | None:
        """Return the incident, None when there is none."""
        ...

    async def open_at(self, tx: Tx, site_id: SiteId) -> list[Incident]:
        """Return the open incidents of a site, gravest and oldest first."""
        ...

    async def open_signals(self, tx: Tx, site_id: SiteId) -> list[OpenSignal]:
        """Return the technicians' open incidents of a site but for unanswered questions; two statements, however many there are."""
        ...

    async def changed_since(self, tx: Tx, site_id: SiteId, number: int) -> tuple[list[Incident], int]:
        """Return incidents with events after the per-site `number`, and the newest number."""
        ...


class DeskAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatcher's account in force."""

    sites: frozenset[SiteId]
    roles: frozenset[Role]


class DeskAccounts(Protocol):
    """Who works at the desk. Met by visits."""

    async def account(self, tx: Tx, dispatcher_id: DispatcherId) -> DeskAccount | None:
        """Return the account, None when there is none or it was blocked."""
        ...


class RecipientsById(Protocol):
    """Reads recipients. Met by notifications."""

    async def by_ids(self, tx: Tx, ids: Collection[RecipientId]) -> Mapping[RecipientId, Recipient]:
        """Return those of `ids` that are known, numbers unsealed."""
        ...
