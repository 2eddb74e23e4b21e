"""What did the meter find? The values that the meter hands to the pricing of a way: nothing here knows of money.

Written by `settlement` (billed) and by `meter` (provisional); read by `pricing`, `policy` and `receipt`. All whole numbers, so that the
same fixes give the same bytes on every machine.
"""

from enum import StrEnum

import msgspec


class Grade(StrEnum):
    """How far the measured distance can be trusted."""

    A = "A"
    """Certain within 3 %: bill it."""
    B = "B"
    """Certain within 6 %: bill it and say so."""
    C = "C"
    """Worse, or nothing measured: bill the quote."""


class SliceKind(StrEnum):
    """What the meter knows about one stretch of time."""

    MOVING = "moving"
    """Fixes show movement; its mean speed says whether it was slow."""
    WAITING = "waiting"
    """Fixes show that she stood still."""
    GAP = "gap"
    """No fixes: the distance is bridged, and its time is evidence of nothing, so slow time is never charged for it."""


class GapFill(StrEnum):
    """How the distance of a gap was filled."""

    CHORD = "chord"
    """The straight line between its ends: never more than was driven."""
    ROUTE = "route"
    """The road distance a router gave, within what the clock allows."""
    CUT = "cut"
    """Not filled: the stretch was cut out because its fixes were mocked or spoofed."""


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """One stretch of the way: `start_ms` <= `end_ms` (fix time), `distance_mm` >= 0.

    One per committed segment, wait or gap, ascending, not overlapping. Pricing judges slowness from distance and duration by the
    tariff's own speed limit and splits the slice at night, so a slice should not mix driving with a long wait.
    """

    start_ms: int
    end_ms: int
    distance_mm: int
    kind: SliceKind = SliceKind.MOVING


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch without usable fixes: its ends, the straight line between them, what was counted for it and by which fill."""

    start_ms: int
    end_ms: int
    chord_mm: int
    filled_mm: int
    fill: GapFill = GapFill.CHORD


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """The measured way between `departed` and `arrived` of one visit.

    `low_mm` <= `distance_mm` <= `high_mm` holds the truth in 95 of 100 trips. `moving_ms + waiting_ms` plus the gaps is the duration;
    `slow_ms` is the part of `moving_ms` below walking-to-jogging pace, for display only. `digest`: SHA-256 in hexadecimal over the
    canonical input, the algorithm's version and the result. `rejected`: count of fixes left out, by reason.
    """

    distance_mm: int
    low_mm: int
    high_mm: int
    grade: Grade
    start_ms: int
    end_ms: int
    moving_ms: int
    slow_ms: int
    waiting_ms: int
    fixes: int
    digest: str
    algorithm: str
    device_id: str | None = None
    gaps: tuple[Gap, ...] = ()
    slices: tuple[Slice, ...] = ()
    rejected: dict[str, int] = {}
