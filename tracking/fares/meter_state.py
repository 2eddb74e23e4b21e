"""What does the meter remember of a trip, and by which limits does it judge? Whole numbers, bounded, written whole into a checkpoint."""

from copy import copy
from enum import StrEnum

import msgspec

from tracking.fares.meter_fix import MeterFix
from tracking.fares.metered import Gap

ALGORITHM = "porchlight-meter/3"
"""Named in every digest: any change of a constant or a rule that can move one millimetre takes the next number."""


class Rejected(StrEnum):
    """Why a fix was left out of the meter."""

    INACCURATE = "inaccurate"
    """Its own accuracy is worse than the gate."""
    MOCKED = "mocked"
    """The phone says that an app has set the position."""
    NOT_LATER = "not_later"
    """Another fix of the same or of a later time was metered before it."""
    TOO_FAST = "too_fast"
    """Nobody gets from the fix before to this one in the time between."""
    SPIKE = "spike"
    """The way went out and back within two fixes."""
    OTHER_DEVICE = "other_device"
    """Another of her devices meters this leg: this one is evidence."""
    IMPOSSIBLE = "impossible"
    """It is no position on Earth."""


class MeterRules(msgspec.Struct, frozen=True, kw_only=True):
    """The meter's limits in mm, ms and mm/s. The defaults are those of a taxi, bus or scooter in a town."""

    gate_mm: int = 50_000
    """Fixes of a worse accuracy are left out."""
    default_accuracy_mm: int = 8_000
    """Taken where a fix does not say: phones in the open report 4 to 12 m."""
    limit_mmps: int = 40_000
    """144 km/h: nobody goes to a visit faster."""
    leg_mm: int = 18_000
    """The shortest leg that is counted while moving."""
    slow_leg_mm: int = 25_000
    """The same at the pace of someone on foot, whose position wanders more within a leg."""
    rest_leg_mm: int = 40_000
    """The shortest leg that ends a rest."""
    gap_ms: int = 60_000
    """Longer without a fix, and what lies between is bridged and marked."""
    gap_mm: int = 500_000
    """The same for a longer step."""
    silence_ms: int = 300_000
    """At one place, silence up to this long is a wait; longer, it is evidence of nothing."""


RULES = MeterRules()


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The sums as they stood when the track jumped away, to return to if it jumps back."""

    fix: MeterFix
    distance_mm: int
    moving_ms: int
    slow_ms: int
    waiting_ms: int
    slices: int


class Leg(msgspec.Struct, array_like=True, gc=False):
    """The open leg: its anchor (1e-7 degrees), and what her speed says of it."""

    lat_e7: int
    lon_e7: int
    accuracy_mm: int
    start_ms: int
    said_mm: int = 0
    """Integral of reported speed over this leg."""
    said_ms: int = 0
    """Part of the leg's time that the integral covers."""
    end_x: int = 0
    end_y: int = 0
    end_ms: int = 0
    end_accuracy_mm: int = 0
    """Where the newest fix lies, in mm east and north of the anchor."""


class MeterState(msgspec.Struct, array_like=True):
    """All that the meter remembers of a trip."""

    distance_mm: int = 0
    moving_ms: int = 0
    slow_ms: int = 0
    waiting_ms: int = 0
    fixes: int = 0
    """Fixes that passed every test."""
    slices: int = 0
    rejected: dict[str, int] = {}
    gaps: list[Gap] = []
    last: MeterFix | None = None
    """The newest accepted fix."""
    held: MeterFix | None = None
    """The one after it, waiting for its successor."""
    frozen: MeterFix | None = None
    """The first of a run of fixes at exactly the held one's position."""
    doubt: MeterFix | None = None
    doubts: int = 0
    is_cut: bool = False
    """True while mocked fixes lie behind the held one."""
    before_jump: Snapshot | None = None
    leg: Leg | None = None
    is_resting: bool = True
    pace_mmps: int = 0
    """Her usual speed while moving; 0 until known."""
    back_x: int = 0
    back_y: int = 0
    back_mm: int = 0
    """The closed leg before the open one; 0 mm where there is none."""
    back_noise_mm: int = 0
    back_start_ms: int = 0
    zigzag_mm: int = 0
    """What pairs of legs were longer than the one line over both."""
    expected_mm: int = 0
    """What of that the stated accuracies explain."""
    spoke_ms: int = 0
    spoke_cmps: int = -1
    """The newest reported speed and when; -1 unknown."""
    aid_said_mm: int = 0
    aid_leg_mm: int = 0
    """What speed and what positions made of the same legs: do they agree?"""
    bridged_mm: int = 0
    """Straight lines counted over silences."""
    cut_mm: int = 0
    """Straight lines over false stretches, not counted."""
    bend_mm: int = 0
    """Counted for bends that legs cut."""
    excess_mm: int = 0
    """Taken off for noise."""
    sparse_mm: int = 0
    """Counted on legs whose fixes lie more than 7 s apart, times the tens of seconds beyond: what corners may be missing."""
    vague_mm: int = 0
    """Counted on legs whose accuracy is worse than 10 m, times the tens of metres beyond."""
    left: MeterFix | None = None
    """The first of a run of fixes at exactly one position that ended with the one before the held."""


def start_leg(lat_e7: int, lon_e7: int, accuracy_mm: int, at_ms: int) -> Leg:
    """Return a leg that begins, and so far ends, at this position."""
    return Leg(lat_e7, lon_e7, accuracy_mm, at_ms, end_ms=at_ms, end_accuracy_mm=accuracy_mm)


def own_copy(state: MeterState) -> MeterState:
    """Return a state that shares nothing that is changed in place: only the leg is; `rejected` and `gaps` are replaced, never changed."""
    copied = copy(state)
    if state.leg is not None:
        copied.leg = copy(state.leg)
    return copied


def count_rejected(state: MeterState, why: Rejected) -> None:
    """Count a fix left out."""
    state.rejected = {**state.rejected, why: state.rejected.get(why, 0) + 1}


def take_back_rejected(state: MeterState, why: Rejected) -> None:
    """Count one fix less of those left out: it was true after all."""
    fewer = {**state.rejected, why: state.rejected.get(why, 0) - 1}
    state.rejected = {reason: count for reason, count in fewer.items() if count > 0}
