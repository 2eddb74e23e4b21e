"""What did a detector see? One detection: what was waited for, in which mode, from which fixes; kept whether or not anybody was asked.

A detector may page only in mode `on`; in the shadow it notes what it would have done, so that its precision is known before it wakes
anybody (`precision.py`). A detection lasts until the condition is left, by a threshold of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from core.geo import LatLon
from core.ids import IncidentId, SiteId, TechnicianId, VisitId
from safety.check_in import Watch
from safety.detectors.silence import Capability
from visits.stage import Stage


class Watching(StrEnum):
    """What a detector may do at a site."""

    OFF = "off"
    """It does not look."""
    SHADOW = "shadow"
    """It looks and notes what it would have done; nobody is asked, reminded or told."""
    ON = "on"
    """It asks her, and without an answer the alarm is raised."""


DEFAULT_MODES: Mapping[Watch, Watching] = {watch: Watching.SHADOW if watch is Watch.SILENCE else Watching.ON for watch in Watch}
"""Deadlines are agreed and ask at once; silence is guessed from a phone's behaviour and proves itself in the shadow first."""


class UsedFix(msgspec.Struct, frozen=True, kw_only=True):
    """A fix that a detector judged by: identity, time in ms since 1970, degrees WGS-84, accuracy in metres.

    `lat` and `lon` are None once the fix itself has been forgotten. `heard_ms`: when any phone of hers last said anything at all; indoors a
    phone may be well and have no fix.
    """

    device_id: str
    seq: int
    at_ms: int
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    heard_ms: int | None = None

    @property
    def place(self) -> LatLon:
        """Return where it was; raises `ValueError` once that has been forgotten."""
        if self.lat is None or self.lon is None:
            raise ValueError("The place of this fix has been forgotten: its days are over.")
        return LatLon(self.lat, self.lon)

    @property
    def last_ms(self) -> int:
        """Return when she was last heard of, by a fix or otherwise."""
        return max(self.at_ms, self.heard_ms or 0)


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """One hit. `entered_at`: when its threshold was crossed; `left_at`: None while it lasts; `facts`: thresholds and what was measured."""

    id: str
    site_id: SiteId
    watch: Watch
    visit_id: VisitId
    technician_id: TechnicianId
    stage: Stage
    mode: Watching
    entered_at: datetime
    left_at: datetime | None = None
    incident_id: IncidentId | None = None
    facts: dict[str, Any] = {}
    fixes: tuple[UsedFix, ...] = ()


def mode_of(modes: Mapping[Watch, Watching], watch: Watch, capability: Capability = Capability.UNKNOWN) -> Watching:
    """Return what `watch` may do. Check-ins stand in for silence where the phone cannot send in the background.

    A phone that declared so is silent with every dark screen: its check-ins are then watched at least as closely as silence would be.
    """
    mode = modes.get(watch, DEFAULT_MODES[watch])
    if watch is not Watch.CHECK_IN or capability is not Capability.FOREGROUND_ONLY:
        return mode
    order = list(Watching)
    return max(mode, modes.get(Watch.SILENCE, DEFAULT_MODES[Watch.SILENCE]), key=order.index)
