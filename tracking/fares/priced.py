"""What is a price made of? Lines with a code and numbers; the words for them are in `words`.

Made by `pricing` and `policy`, stored in quotes and receipts. Amounts are whole minor units; the lines of a price always add up to its
total.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from tracking.fares.tariff_terms import TripShape


class LineCode(StrEnum):
    """What a line is for."""

    FLAGFALL = "flagfall"
    """Due at the start of a leg."""
    TABLE = "table"
    """Due by a table of distances."""
    DISTANCE = "distance"
    """Due for distance."""
    SLOW_TIME = "slow_time"
    """Due for driving slowly or standing."""
    TIME = "time"
    """Due for time."""
    NIGHT = "night"
    """Surcharge by night."""
    LONG_TRIP = "long_trip"
    """Surcharge on a long way."""
    EXTRA = "extra"
    """A fixed extra."""
    FREE_RADIUS = "free_radius"
    """Distance that is not charged."""
    MINIMUM = "minimum"
    """Raised to the least that is due."""
    CAP = "cap"
    """Lowered to the most that is due."""
    ROUNDING = "rounding"
    """What rounding added or took, so that the lines add up."""
    SAME_PLACE = "same_place"
    """From and to are the same place: no way, no fare."""
    SHARE = "share"
    """Only a share of the fare is due."""
    FEE = "fee"
    """A fixed sum for a visit that did not take place."""
    METER_CAPPED = "meter_capped"
    """The meter read more than the customer's limit; she pays the limit."""
    PROMISE_KEPT = "promise_kept"
    """The customer pays no more than she accepted; the platform bears the rest."""
    WAIVED = "waived"
    """The technician gives up the fare."""


class Part(StrEnum):
    """To which part of the trip a line belongs."""

    THERE = "there"
    """The way to the customer."""
    BACK = "back"
    """The way back."""
    TRIP = "trip"
    """The trip as a whole."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `amount_minor` (negative where it lowers the price) and the `numbers` that explain it: whole numbers or decimal texts."""

    code: LineCode
    part: Part
    amount_minor: int
    numbers: dict[str, int | str] = {}


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A price: `total_minor` = sum of `lines`. `technician_minor`.

    What the way is worth to her, more where the platform bears a free radius.
    """

    tariff_id: str
    tariff_hash: str
    currency: str
    shape: TripShape
    distance_mm: int
    total_minor: int
    technician_minor: int
    lines: tuple[Line, ...]


def with_line(priced: Priced, line: Line) -> Priced:
    """Return the price with one more line, its total moved by the line's amount; a line of 0 is left out."""
    if line.amount_minor == 0:
        return priced
    return msgspec.structs.replace(priced, lines=(*priced.lines, line), total_minor=priced.total_minor + line.amount_minor)


def sum_minor(lines: Sequence[Line]) -> int:
    """Return the sum of lines in minor units."""
    return sum(line.amount_minor for line in lines)
