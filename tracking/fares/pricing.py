"""What does this way cost by this tariff? Exact to the last digit, then rounded as the tariff says, once.

Called by `quote_flow`, `receipt_flow`, the provisional reading and `porchlight fare check`; hands to `priced`. Pure: the same trip and
tariff give the same lines on every machine. All arithmetic is in fractions; only the finished lines are whole minor units.

Source: MID 2014/32/EU Annex IX asks for fares exact to the last digit shown; the sensor has its own budget (see `metered`).
"""

from enum import StrEnum
from fractions import Fraction

import msgspec

from tracking.fares.calendar_rule import applies
from tracking.fares.local_clock import is_within, local, window_of
from tracking.fares.metered import Slice
from tracking.fares.priced import Line, LineCode, Part, Priced, sum_minor
from tracking.fares.pricing_leg import Sum, leg_sums
from tracking.fares.rates import minor, mm_of
from tracking.fares.rounding import nearest, rounded
from tracking.fares.tariff import Extra, Tariff, tariff_hash
from tracking.fares.tariff_terms import Component, Mode, NightClock, Per, RoundAt, TripShape
from tracking.fares.way import Trip, length_mm, pieces_of, scaled, without_first

_ZERO = Fraction(0)


class Refusal(StrEnum):
    """Why a tariff does not serve a trip."""

    NO_TRANSIT = "no_transit"
    """No bus or metro runs then, or none runs for the way back."""
    MODE_NOT_NOW = "mode_not_now"
    """This way of travelling is not offered at that time."""
    NOT_YET_VALID = "not_yet_valid"
    """The tariff begins later."""


def refusal(tariff: Tariff, start_ms: int, back_ms: int | None = None) -> Refusal | None:
    """Return why a trip that starts at `start_ms` and whose way back starts at `back_ms` is not served; None when it is.

    A way back that is not charged must still be possible: she has to get home.
    """
    if local(start_ms, tariff.zone).date() < tariff.valid_from:
        return Refusal.NOT_YET_VALID
    windows = [window for hours in tariff.hours if (window := window_of(hours)) is not None]
    asked = [start_ms] if back_ms is None else [start_ms, back_ms]
    if not windows or all(any(is_within(at_ms, window, tariff.zone) for window in windows) for at_ms in asked):
        return None
    return Refusal.NO_TRANSIT if tariff.mode is Mode.TRANSIT else Refusal.MODE_NOT_NOW


def price(tariff: Tariff, trip: Trip) -> Priced:
    """Return the price of a trip by a checked tariff, line by line; never negative, never a float.

    Whether the tariff serves the trip at all is asked of `refusal` first.
    """
    priced = _priced(tariff, trip)
    if tariff.free is None or tariff.free.bearer.value != "platform":
        return priced
    paid = _priced(msgspec.structs.replace(tariff, free=None), trip)
    return msgspec.structs.replace(priced, technician_minor=paid.total_minor)


def legs_of(tariff: Tariff, trip: Trip) -> list[tuple[Part, tuple[Slice, ...], int]]:
    """Return the legs that the customer pays: which way, its slices, how often it counts."""
    there = (Part.THERE, trip.slices, 2 if tariff.trip is TripShape.ROUND_TRIP else 1)
    if tariff.trip is not TripShape.RETURN_PRICED:
        return [there]
    shift_ms = (trip.end_ms if trip.back_start_ms is None else trip.back_start_ms) - trip.start_ms
    back = tuple(msgspec.structs.replace(each, start_ms=each.start_ms + shift_ms, end_ms=each.end_ms + shift_ms) for each in trip.slices)
    return [there, (Part.BACK, back, 1)]


def _priced(tariff: Tariff, trip: Trip) -> Priced:
    sums, is_charged = _all_sums(tariff, trip)
    total = sum((each.amount for each in sums), _ZERO)
    if is_charged:
        total = _bounded(tariff, total, sums)
    total_minor = int(rounded(total, tariff.rounding, tariff.currency))
    lines = [each.line() for each in sums if each.amount or each.code is LineCode.FREE_RADIUS]
    difference = total_minor - sum_minor(lines)
    if difference:
        lines.append(Line(code=LineCode.ROUNDING, part=Part.TRIP, amount_minor=difference))
    return Priced(
        tariff_id=tariff.id,
        tariff_hash=tariff_hash(tariff),
        currency=tariff.currency,
        shape=tariff.trip,
        distance_mm=trip.distance_mm,
        total_minor=total_minor,
        technician_minor=total_minor,
        lines=tuple(lines),
    )


def _all_sums(tariff: Tariff, trip: Trip) -> tuple[list[Sum], bool]:
    sums: list[Sum] = []
    is_charged = False
    for part, slices, times in legs_of(tariff, trip):
        leg, leg_is_charged = _leg(tariff, trip, part, slices, times)
        is_charged = is_charged or leg_is_charged
        sums += leg
    if is_charged:
        sums += [
            each for extra in tariff.extras if extra.per is not Per.LEG for each in _extra(tariff, trip, extra, Part.TRIP, trip.start_ms)
        ]
    return sums, is_charged


def _leg(tariff: Tariff, trip: Trip, part: Part, slices: tuple[Slice, ...], times: int) -> tuple[list[Sum], bool]:
    pieces = scaled(pieces_of(tariff, slices, night_at_ms=_night_at_ms(tariff, trip, part, slices)), times)
    free_mm = _ZERO if tariff.free is None else mm_of(tariff.free.distance, tariff.unit) * times
    if free_mm and length_mm(pieces) <= free_mm:
        return [_free(tariff, part, length_mm(pieces))], False
    sums = leg_sums(tariff, part, without_first(pieces, free_mm) if free_mm else pieces)
    sums += [each for extra in tariff.extras if extra.per is Per.LEG for each in _extra(tariff, trip, extra, part, slices[0].start_ms)]
    if free_mm:
        sums.append(_free(tariff, part, free_mm))
    return _rounded_leg(tariff, part, sums), True


def _night_at_ms(tariff: Tariff, trip: Trip, part: Part, slices: tuple[Slice, ...]) -> int:
    night = tariff.night
    if night is None or night.clock is not NightClock.START_MINUS_LEAD or part is Part.BACK:
        return slices[0].start_ms
    return (trip.start_ms if trip.appointment_ms is None else trip.appointment_ms) - night.lead_min * 60_000


def _rounded_leg(tariff: Tariff, part: Part, sums: list[Sum]) -> list[Sum]:
    if tariff.rounding.at is RoundAt.LINE:
        return [msgspec.structs.replace(each, amount=rounded(each.amount, tariff.rounding, tariff.currency)) for each in sums]
    if tariff.rounding.at is RoundAt.TOTAL:
        return sums
    exact = sum((each.amount for each in sums), _ZERO)
    return [*sums, Sum(code=LineCode.ROUNDING, part=part, amount=rounded(exact, tariff.rounding, tariff.currency) - exact)]


def _extra(tariff: Tariff, trip: Trip, extra: Extra, part: Part, at_ms: int) -> list[Sum]:
    count = trip.carried(extra.needs) if extra.needs else 1
    count = count if extra.per is Per.PIECE else min(count, 1)
    if not count or not applies(extra, at_ms, tariff.zone):
        return []
    amount = minor(extra.amount, tariff.currency) * count
    base = Sum(
        code=LineCode.EXTRA,
        part=part,
        amount=amount,
        numbers={"extra": extra.code, "count": count, "zh": extra.title.zh, "en": extra.title.en},
    )
    return [base, *_night_on_extra(tariff, trip, base, at_ms)]


def _night_on_extra(tariff: Tariff, trip: Trip, base: Sum, at_ms: int) -> list[Sum]:
    if tariff.night is None or Component.EXTRAS not in tariff.night.on:
        return []
    judged_ms = at_ms if tariff.night.clock is not NightClock.START_MINUS_LEAD else _night_at_ms(tariff, trip, Part.THERE, trip.slices)
    factor = next((window.factor for window in tariff.night.windows if is_within(judged_ms, window, tariff.zone)), None)
    if factor is None:
        return []
    return [
        Sum(
            code=LineCode.NIGHT,
            part=base.part,
            amount=base.amount * (Fraction(factor) - 1),
            numbers={"factor": str(factor), "on": "extras"},
        )
    ]


def _free(tariff: Tariff, part: Part, free_mm: Fraction) -> Sum:
    bearer = "" if tariff.free is None else tariff.free.bearer.value
    return Sum(
        code=LineCode.FREE_RADIUS,
        part=part,
        amount=_ZERO,
        numbers={"distance_mm": nearest(free_mm), "bearer": bearer, "unit": tariff.unit.value},
    )


def _bounded(tariff: Tariff, total: Fraction, sums: list[Sum]) -> Fraction:
    least = _ZERO if tariff.minimum is None else minor(tariff.minimum, tariff.currency)
    if total < least:
        sums.append(Sum(code=LineCode.MINIMUM, part=Part.TRIP, amount=least - total, numbers={"limit_minor": int(least)}))
        total = least
    most = total if tariff.cap is None else minor(tariff.cap, tariff.currency)
    if total > most:
        sums.append(Sum(code=LineCode.CAP, part=Part.TRIP, amount=most - total, numbers={"limit_minor": int(most)}))
        total = most
    return total
