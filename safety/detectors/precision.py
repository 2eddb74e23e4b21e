"""How often is a detector right? Counted from how the incidents ended that it led to, or, in the shadow, from what happened soon after.

Confirmed: a `real_*` resolution. False: she said that all is well, or the desk resolved it as false, unfounded or the device's fault.
Everything else is undecided and counts in neither. Shadow hits asked nobody: one is confirmed where an incident of the same person was
raised within the hour after it and resolved as real, and false where the hour passed without one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from safety.check_in import Watch
from safety.detectors.detection import Watching
from safety.incident import Resolution, State

SHADOW_CONFIRMED_WITHIN = timedelta(hours=1)
_REAL = frozenset({Resolution.REAL_POLICE, Resolution.REAL_MEDICAL, Resolution.REAL_HELPER, Resolution.REAL_DEESCALATED})
_FALSE = frozenset({Resolution.FALSE_ACCIDENTAL, Resolution.FALSE_DETECTOR, Resolution.DEVICE_FAULT, Resolution.UNFOUNDED})


class Verdict(StrEnum):
    """What became of a hit."""

    CONFIRMED = "confirmed"
    """There was something."""
    FALSE = "false"
    """There was nothing."""
    UNDECIDED = "undecided"
    """Nobody knows yet, or nobody made sure."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A detection with what became of it: state and resolution of its incident; for a shadow those of the first one within the hour."""

    watch: Watch
    mode: Watching
    entered_at: datetime
    state: State | None = None
    resolution: Resolution | None = None


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one detector in one mode. `precision`: confirmed of all decided, 0 to 1; None while nothing is decided."""

    watch: Watch
    mode: Watching
    hits: int
    confirmed: int
    false: int
    undecided: int
    precision: float | None


def verdict_of(hit: Hit, now: datetime) -> Verdict:
    """Return what became of a hit."""
    if hit.resolution in _REAL:
        return Verdict.CONFIRMED
    if hit.resolution in _FALSE or hit.state is State.DISMISSED:
        return Verdict.FALSE
    is_over = now - hit.entered_at > SHADOW_CONFIRMED_WITHIN
    return Verdict.FALSE if hit.mode is Watching.SHADOW and hit.state is None and is_over else Verdict.UNDECIDED


def tally(hits: Sequence[Hit], now: datetime) -> tuple[Precision, ...]:
    """Return the record of each detector and mode that hit anything, in the order of `Watch`."""
    kinds = sorted({(hit.watch, hit.mode) for hit in hits}, key=lambda kind: (list(Watch).index(kind[0]), list(Watching).index(kind[1])))
    return tuple(_precision(watch, mode, [hit for hit in hits if (hit.watch, hit.mode) == (watch, mode)], now) for watch, mode in kinds)


def _precision(watch: Watch, mode: Watching, hits: Sequence[Hit], now: datetime) -> Precision:
    count = _counted(verdict_of(hit, now) for hit in hits)
    decided = count[Verdict.CONFIRMED] + count[Verdict.FALSE]
    return Precision(
        watch=watch, mode=mode, hits=len(hits), confirmed=count[Verdict.CONFIRMED], false=count[Verdict.FALSE],
        undecided=count[Verdict.UNDECIDED], precision=round(count[Verdict.CONFIRMED] / decided, 3) if decided else None,
    )  # fmt: skip


def _counted(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    count = dict.fromkeys(Verdict, 0)
    for verdict in verdicts:
        count[verdict] += 1
    return count
