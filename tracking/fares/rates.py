"""What are a tariff's rates as exact numbers? Decimal texts and units turned into fractions of the minor unit per millimetre and
millisecond.

Called by `pricing`, `tariff_check` and `tariff_words`. Nothing is rounded here: a mile, a third of a block and a sub-fen rate all stay
exact.
"""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import msgspec
from babel.numbers import get_currency_precision

from tracking.fares.tariff import Step, Tariff
from tracking.fares.tariff_terms import Charge, DistanceUnit, TimeMode

MM_PER_UNIT = {DistanceUnit.KM: 1_000_000, DistanceUnit.MILE: 1_609_344}
"""Both exact; the international mile of 1959 is 1,609.344 m."""


class ExactStep(msgspec.Struct, frozen=True, kw_only=True):
    """Distance beyond `from_mm` up to `to_mm`: `flat` minor units on entering, then `per_mm`; `block_mm` None for by share."""

    from_mm: Fraction
    to_mm: Fraction | None
    flat: Fraction
    per_mm: Fraction
    block_mm: Fraction | None
    charge: Charge


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has: CNY 2, JPY 0, KWD 3 (ISO 4217, from Babel's CLDR)."""
    return int(get_currency_precision(currency))


def minor(amount: Decimal, currency: str) -> Fraction:
    """Return an amount of major units as exact minor units: 2.345 CNY is 234 1/2 fen."""
    return Fraction(amount) * int(10 ** minor_digits(currency))


def mm_of(distance: Decimal, unit: DistanceUnit) -> Fraction:
    """Return exact millimetres of a distance in the tariff's unit."""
    return Fraction(distance) * MM_PER_UNIT[unit]


@lru_cache(maxsize=256)
def steps_of(tariff: Tariff) -> tuple[ExactStep, ...]:
    """Return the distance steps; each rung of a ladder becomes a step that adds the difference to the rung before."""
    return _ladder_steps(tariff) if tariff.ladder else tuple(_exact(tariff, step) for step in tariff.steps)


@lru_cache(maxsize=256)
def crossover_mm_per_ms(tariff: Tariff) -> Fraction | None:
    """Return the speed below which time counts instead of distance in mode S: time tariff over distance tariff; None for other modes.

    Source: MID 2014/32/EU Annex IX. The distance tariff is that of the first step with a price per unit.
    """
    if tariff.time.mode is not TimeMode.S:
        return None
    rate = next((step.per_mm for step in steps_of(tariff) if step.per_mm > 0), None)
    return None if rate is None else time_per_ms(tariff, tariff.time.price) / rate


@lru_cache(maxsize=1024)
def time_per_ms(tariff: Tariff, price: Decimal) -> Fraction:
    """Return exact minor units per millisecond for a `price` per block of the tariff's time component."""
    return minor(price, tariff.currency) / (tariff.time.block_s * 1000)


def slow_below_mm_per_ms(tariff: Tariff) -> Fraction:
    """Return the speed below which time is slow, in millimetres a millisecond; 0 where the tariff names none."""
    return mm_of(tariff.time.below or Decimal(0), tariff.unit) / 3_600_000


def _exact(tariff: Tariff, step: Step) -> ExactStep:
    return ExactStep(
        from_mm=mm_of(step.from_, tariff.unit),
        to_mm=None if step.to is None else mm_of(step.to, tariff.unit),
        flat=minor(step.flat, tariff.currency),
        per_mm=minor(step.per_unit, tariff.currency) / MM_PER_UNIT[tariff.unit],
        block_mm=None if step.block is None else mm_of(step.block, tariff.unit),
        charge=step.charge,
    )


def _ladder_steps(tariff: Tariff) -> tuple[ExactStep, ...]:
    found: list[ExactStep] = []
    below = Fraction(0)
    for rung in tariff.ladder:
        price = minor(rung.price, tariff.currency)
        every_mm = None if rung.every is None else mm_of(rung.every, tariff.unit)
        found.append(
            ExactStep(
                from_mm=mm_of(rung.from_, tariff.unit),
                to_mm=None if rung.to is None else mm_of(rung.to, tariff.unit),
                flat=price - below,
                per_mm=Fraction(0) if every_mm is None else minor(rung.add or Decimal(0), tariff.currency) / every_mm,
                block_mm=every_mm,
                charge=Charge.STARTED,
            )
        )
        below = price
    return tuple(found)
