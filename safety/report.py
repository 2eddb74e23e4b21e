"""What happened, for those who were not there? The report of an incident, made from its log alone: nobody writes it, nobody can leave out.

Response times are measured against 10 s, 40 s (BS 8484:2016: 80 % and 98.5 % of alarms answered) and 120 s (common practice for a tier).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from safety.evidence import Event, EventKind, first_break
from safety.incident import Incident
from safety.response_times import TARGETS_S, alarmed_at, answer_of

_REACHING_HER = (EventKind.CALLED, EventKind.RESPONDED, EventKind.HELPERS_TOLD)


class Deviation(StrEnum):
    """Where the desk did not do what it should."""

    ANSWERED_LATE = "answered_late"
    """Nobody claimed it within 120 s."""
    NEVER_CLAIMED = "never_claimed"
    """Nobody ever claimed it."""
    LEASE_LAPSED = "lease_lapsed"
    """An owner fell silent and lost it."""
    EXHAUSTED = "exhausted"
    """The whole ladder went unanswered."""
    CLOSED_IN_HASTE = "closed_in_haste"
    """A false alarm was called within a minute."""
    NOBODY_ON_DUTY = "nobody_on_duty"
    """The desk was empty when it began."""
    CHAIN_BROKEN = "chain_broken"
    """The log was changed afterwards."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One rung: when, whom, by what."""

    at: datetime
    tier: int
    channels: Sequence[str]
    people: Sequence[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. `*_s` are seconds since it became an alarm (`alarmed_at`), None where it never happened; `within`: targets met."""

    incident_id: str
    code: str
    raised_at: datetime
    alarmed_at: datetime
    device_at: datetime | None
    answered_s: float | None
    acted_s: float | None
    resolved_s: float | None
    within: dict[str, bool]
    told: Sequence[Told]
    timeline: Sequence[dict[str, Any]]
    deviations: Sequence[Deviation]
    resolution: str | None
    is_signed: bool


def report_of(incident: Incident, events: Sequence[Event]) -> Report:
    """Return the report of an incident from its log, in order."""
    answered_s, acted_s = answer_of(incident, events).answered_s, _first_s(incident, events, _REACHING_HER)
    return Report(
        incident_id=incident.id,
        code=incident.code,
        raised_at=incident.raised_at,
        alarmed_at=alarmed_at(incident, events),
        device_at=incident.device_at,
        answered_s=answered_s,
        acted_s=acted_s,
        resolved_s=_first_s(incident, events, (EventKind.RESOLVED,)),
        within={f"{target}_s": answered_s is not None and answered_s <= target for target in TARGETS_S},
        told=[_told(event) for event in events if event.kind is EventKind.TOLD],
        timeline=[msgspec.to_builtins(event) for event in events],
        deviations=_deviations(incident, events, answered_s),
        resolution=None if incident.resolution is None else incident.resolution.value,
        is_signed=any(event.kind is EventKind.REVIEWED for event in events),
    )


def _first_s(incident: Incident, events: Sequence[Event], kinds: Sequence[EventKind]) -> float | None:
    since = alarmed_at(incident, events)
    return next(((event.at - since).total_seconds() for event in events if event.kind in kinds), None)


def _told(event: Event) -> Told:
    return Told(at=event.at, tier=event.data["tier"], channels=event.data["channels"], people=event.data["people"])


def _deviations(incident: Incident, events: Sequence[Event], answered_s: float | None) -> list[Deviation]:
    kinds = [event.kind for event in events]
    held = {
        Deviation.ANSWERED_LATE: answered_s is not None and answered_s > TARGETS_S[-1],
        Deviation.NEVER_CLAIMED: answered_s is None and not incident.is_open,
        Deviation.LEASE_LAPSED: EventKind.LAPSED in kinds,
        Deviation.EXHAUSTED: EventKind.EXHAUSTED in kinds,
        Deviation.CLOSED_IN_HASTE: any(event.data.get("hasty") for event in events if event.kind is EventKind.RESOLVED),
        Deviation.NOBODY_ON_DUTY: any(event.data.get("is_manned") is False for event in events if event.kind is EventKind.TOLD),
        Deviation.CHAIN_BROKEN: first_break(incident.id, events, incident.last_hash) is not None,
    }
    return [deviation for deviation, holds in held.items() if holds]
