"""Did she really set out, and is she really there? The proofs of departure and arrival.

A low trust in a position holds back a fee or asks a dispatcher; it never holds back an alarm. Figures are settings of the site; their
defaults follow what couriers and ride services publish (see docs/decisions).
"""

from enum import StrEnum

import msgspec

from core.geo import LatLon, distance_m
from visits.site import SiteSettings


class SeenPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where she was seen when she acted: WGS-84 `point`, `accuracy_m` (None: not told), `age_s` at the act (0 or more), `mocked` as the
    phone says."""

    point: LatLon
    accuracy_m: float | None = None
    age_s: float = 0.0
    mocked: bool = False


class Departure(StrEnum):
    """Whether her setting out is proved."""

    NONE = "none"
    """She has not set out."""
    UNCONFIRMED = "departed_unconfirmed"
    """She said so, but no movement was seen yet: the travel fare is held back, nothing else."""
    CONFIRMED = "departed_confirmed"
    """She moved away from where she said so."""


class ArrivalVerdict(StrEnum):
    """What became of her saying that she is there."""

    ACCEPTED = "accepted"
    """Near enough, with a position good enough."""
    NO_POSITION = "no_position"
    """No position is known: a dispatcher has to say so with a reason."""
    OLD_POSITION = "old_position"
    """The newest position is too old to tell: wait for a fix, or ask a dispatcher."""
    VAGUE_POSITION = "vague_position"
    """The position is not accurate enough to tell: step into the open, or ask a dispatcher."""
    MOCKED_POSITION = "mocked_position"
    """The phone says that the position is made up: switch off the mock provider, or ask a dispatcher."""
    TOO_FAR = "too_far"
    """She is farther away than arriving allows: go nearer, or ask a dispatcher."""


def confirms_departure(start: LatLon, elapsed_s: float, here: LatLon, settings: SiteSettings) -> bool:
    """Tell whether being at `here`, `elapsed_s` seconds after setting out at `start`, proves that she left."""
    return elapsed_s <= settings.departure_within_s and distance_m(start, here) >= settings.departure_m


def judge_arrival(place: LatLon, seen: SeenPosition | None, settings: SiteSettings) -> ArrivalVerdict:
    """Return whether `seen` proves that she is at `place`, and if not, why. An unknown accuracy counts as too vague."""
    if seen is None:
        return ArrivalVerdict.NO_POSITION
    if seen.mocked:
        return ArrivalVerdict.MOCKED_POSITION
    if seen.age_s > settings.arrival_age_s:
        return ArrivalVerdict.OLD_POSITION
    if seen.accuracy_m is None or seen.accuracy_m > settings.arrival_accuracy_m:
        return ArrivalVerdict.VAGUE_POSITION
    if distance_m(place, seen.point) > settings.arrival_accept_m:
        return ArrivalVerdict.TOO_FAR
    return ArrivalVerdict.ACCEPTED


def departure_after_arrival(known: Departure, start: LatLon | None, seen: LatLon | None, settings: SiteSettings) -> Departure:
    """Return whether her setting out is proved once she has arrived: being `departure_m` away from `start` proves it, however late."""
    if start is not None and seen is not None and distance_m(start, seen) >= settings.departure_m:
        return Departure.CONFIRMED
    return known


def cure_of(verdict: ArrivalVerdict) -> str:
    """Return what to tell somebody whose arrival was not accepted, and what she can do."""
    return _CURES[verdict]


_CURES = {
    ArrivalVerdict.ACCEPTED: "Her position shows that she is there.",
    ArrivalVerdict.NO_POSITION: "No position of hers is known. Switch location on, or ask the desk to confirm the arrival.",
    ArrivalVerdict.OLD_POSITION: "Her newest position is too old. Wait for a new one, or ask the desk to confirm the arrival.",
    ArrivalVerdict.VAGUE_POSITION: "Her position is not accurate enough. Step into the open, or ask the desk to confirm the arrival.",
    ArrivalVerdict.MOCKED_POSITION: "The phone says that its position is made up. Switch that off, or ask the desk to confirm the arrival.",
    ArrivalVerdict.TOO_FAR: "She is too far from the place. Go nearer, or ask the desk to confirm the arrival.",
}


def suggests_arrival(distance_to_place_m: float, near_for_s: float, settings: SiteSettings) -> bool:
    """Tell whether to offer her the button "I am there": within `arrival_suggest_m` for `arrival_hold_s`."""
    return distance_to_place_m <= settings.arrival_suggest_m and near_for_s >= settings.arrival_hold_s
