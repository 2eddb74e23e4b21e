"""What does the console show of an incident? One card, made of the incident alone; the log is read when a card is opened."""

from enum import StrEnum
from typing import Any

import msgspec

from core.clock import to_ms
from safety.incident import Act, Flag, Incident, State, allowed
from safety.row_check import Difference

_DESK_ACTS = (Act.CLAIM, Act.RESPOND, Act.HAND_OVER, Act.RESOLVE, Act.REVIEW)


class Contact(StrEnum):
    """How may the desk reach who needs help, to begin with?"""

    SILENT = "silent"
    """Not at all by her phone: somebody may stand beside it."""
    TEXT = "text"
    """By a text that says nothing to others, before any call."""
    CALL = "call"
    """By a call: it is practice."""


class IncidentCard(msgspec.Struct, frozen=True, kw_only=True):
    """One incident on the console. Times are milliseconds since 1970; `can` lists the desk's acts that fit its state."""

    id: str
    site_id: str
    code: str
    state: str
    severity: int
    version: int
    tier: int
    lap: int
    technician_id: str | None
    visit_id: str | None
    raised_by: str
    raised_at_ms: int
    owner_id: str | None
    offered_to: str | None
    lease_until_ms: int | None
    flags: list[str]
    resolution: str | None
    reopens: str | None
    can: list[str]
    contact: Contact
    """How she may be reached to begin with: the desk's first step must look the same after either PIN, so it does not depend on them."""
    is_sounding: bool
    """True while the console must ring: nobody owns it and it is not the hub's own daily drill."""


class Incidents(msgspec.Struct, frozen=True):
    """Open incidents, gravest and oldest first."""

    items: list[IncidentCard]


class Timeline(msgspec.Struct, frozen=True):
    """One incident with its whole log. `broken_at`: the first event that was changed afterwards, null while the chain is whole.

    `differs`: where the incident itself says something else than its log, so that somebody changed it past the hub.
    """

    incident: IncidentCard
    events: list[dict[str, Any]]
    broken_at: int | None
    differs: list[Difference]


def card(incident: Incident) -> IncidentCard:
    """Return the card of an incident."""
    return IncidentCard(
        id=incident.id,
        site_id=incident.site_id,
        code=incident.code,
        state=incident.state.value,
        severity=incident.severity,
        version=incident.version,
        tier=incident.tier,
        lap=incident.lap,
        technician_id=incident.technician_id,
        visit_id=incident.visit_id,
        raised_by=incident.raised_by,
        raised_at_ms=to_ms(incident.raised_at),
        owner_id=incident.owner_id,
        offered_to=incident.offered_to,
        lease_until_ms=None if incident.lease_until is None else to_ms(incident.lease_until),
        flags=sorted(flag.value for flag in incident.flags),
        resolution=None if incident.resolution is None else incident.resolution.value,
        reopens=incident.reopens,
        can=[act.value for act in _DESK_ACTS if act in allowed(incident.state)],
        contact=contact_of(incident),
        is_sounding=not incident.is_canary
        and incident.state in (State.RAISED, State.NOTIFYING, State.EXHAUSTED, State.CANCEL_REQUESTED),
    )


def contact_of(incident: Incident) -> Contact:
    """Return how she may be reached to begin with. By the visit and practice alone: no PIN and no act of the desk changes it."""
    if Flag.DRILL in incident.flags:
        return Contact.CALL
    return Contact.TEXT if incident.visit_id is None else Contact.SILENT
