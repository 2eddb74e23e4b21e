"""Which words may a tariff use? The terms of the tariff model, each with its meaning.

Used by `tariff` and all that prices by it. Source of the words: OIML R 21 and MID 2014/32/EU Annex IX (modes S and D, cross-over speed).
"""

from enum import StrEnum


class Mode(StrEnum):
    """By what she travels."""

    TAXI = "taxi"
    """A taxi or a ride ordered by app."""
    TRANSIT = "transit"
    """Bus or metro: only while they run, for the way back too."""
    FLAT = "flat"
    """One price whatever the distance."""
    DISTANCE = "distance"
    """Her own vehicle, paid by distance."""


class Confidence(StrEnum):
    """How well the source of a tariff's figures is known."""

    LOW = "low"
    """One source that contradicts itself or cannot be checked."""
    MEDIUM = "medium"
    """One plausible source."""
    HIGH = "high"
    """Several sources agree, or the site's own price."""


class DistanceUnit(StrEnum):
    """The unit in which a tariff writes distances and speeds."""

    KM = "km"
    """1,000 m."""
    MILE = "mile"
    """1,609.344 m exactly, the international mile of 1959."""


class TripShape(StrEnum):
    """Which ways the customer pays."""

    ONE_WAY = "one_way"
    """The way there."""
    ROUND_TRIP = "round_trip"
    """The way there, its distance and time counted twice, with one flagfall."""
    RETURN_PRICED = "return_priced"
    """The way there and the way back, each priced as its own leg by its own start."""


class Component(StrEnum):
    """A part of the price that a night factor may act on."""

    FLAGFALL = "flagfall"
    """What is due at the start."""
    DISTANCE = "distance"
    """What is due for distance."""
    TIME = "time"
    """What is due for time."""
    EXTRAS = "extras"
    """Fixed extras."""


class TimeMode(StrEnum):
    """How time is charged."""

    NONE = "none"
    """Not at all."""
    S = "S"
    """Single application (MID): below the cross-over speed time counts instead of distance."""
    D = "D"
    """Double application (MID): distance and time both count, over the whole leg."""
    SLOW = "slow"
    """Distance always counts, and time too while slower than `below`: the usual rule of Chinese cities."""


class Charge(StrEnum):
    """How a block of time or distance that is not full is charged."""

    EXACT = "exact"
    """By its share."""
    STARTED = "started"
    """Every started block counts whole."""
    COMPLETED = "completed"
    """Only full blocks count."""


class NightClock(StrEnum):
    """Which moment decides whether it is night."""

    START_MINUS_LEAD = "start_minus_lead"
    """The appointment's start less a lead time, for the whole trip."""
    LEG_START = "leg_start"
    """The start of each leg, for the whole leg."""
    SPLIT = "split"
    """Every stretch by its own time: a leg that crosses the boundary is divided there."""


class Combine(StrEnum):
    """What a night factor and a long-trip factor do together."""

    ADD = "add"
    """Each surcharge is a share of the base price: 20 % and 50 % make 70 %."""
    MULTIPLY = "multiply"
    """One acts on the other: 20 % and 50 % make 80 %."""


class LongHow(StrEnum):
    """On what a long-trip factor acts."""

    GRADUATED = "graduated"
    """On the distance inside its band only."""
    WHOLE = "whole"
    """On all distance, once the leg is that long."""


class Bearer(StrEnum):
    """Who bears the free radius."""

    PLATFORM = "platform"
    """The technician is paid for it, the customer is not charged."""
    TECHNICIAN = "technician"
    """Nobody is charged and nobody is paid."""


class Per(StrEnum):
    """How often an extra is due."""

    TRIP = "trip"
    """Once."""
    LEG = "leg"
    """For each leg."""
    PIECE = "piece"
    """As often as the trip says, such as pieces of luggage."""


class RoundHow(StrEnum):
    """To which side a price is rounded."""

    HALF_UP = "half_up"
    """To the nearer side, a half upwards."""
    HALF_EVEN = "half_even"
    """To the nearer side, a half to the even multiple."""
    UP = "up"
    """Upwards always."""
    DOWN = "down"
    """Downwards always."""


class RoundAt(StrEnum):
    """At which step a price is rounded."""

    LINE = "line"
    """Every line by itself."""
    LEG = "leg"
    """The sum of each leg."""
    TOTAL = "total"
    """The total, once."""
