"""What does one leg cost? Distance steps, time, night and long-trip factors over its pieces, in exact fractions.

Called by `pricing`. Walks the pieces along the leg: every stretch that lies in one step and one long-trip band is priced by itself, and
equal stretches are gathered into one line.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from operator import attrgetter

import msgspec

from tracking.fares.priced import Line, LineCode, Part
from tracking.fares.rates import MM_PER_UNIT, ExactStep, minor, minor_digits, mm_of, steps_of, time_per_ms
from tracking.fares.rounding import nearest
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import Charge, Combine, Component, LongHow
from tracking.fares.way import Piece, joined, length_mm

_ZERO, _ONE = Fraction(0), Fraction(1)
_BY_DISTANCE, _BY_TIME = attrgetter("by_time", "night"), attrgetter("night", "time_price")


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """A line before rounding: `amount` in exact minor units."""

    code: LineCode
    part: Part
    amount: Fraction
    numbers: dict[str, int | str] = {}

    def line(self) -> Line:
        """Return the line with its amount rounded to the nearest minor unit; what that loses goes to the rounding line."""
        return Line(code=self.code, part=self.part, amount_minor=nearest(self.amount), numbers=self.numbers)


class _Tally:
    """Gathers amounts and measures under one key per line."""

    def __init__(self) -> None:
        self.amounts: dict[tuple[LineCode, str], Fraction] = {}
        self.measures: dict[tuple[LineCode, str], dict[str, Fraction]] = {}

    def add(self, code: LineCode, key: str, amount: Fraction, **measures: Fraction) -> None:
        at = (code, key)
        self.amounts[at] = self.amounts.get(at, _ZERO) + amount
        held = self.measures.setdefault(at, {})
        for name, value in measures.items():
            held[name] = held.get(name, _ZERO) + value


def leg_sums(tariff: Tariff, part: Part, pieces: Sequence[Piece]) -> list[Sum]:
    """Return the lines of one leg, in the order flagfall, distance, time, night, long trip; amounts exact, none negative."""
    tally = _Tally()
    _flagfall(tariff, pieces, tally)
    whole_mm, at_mm = length_mm(pieces), _ZERO
    for piece in joined(pieces, _BY_DISTANCE):
        for stretch in _stretches(tariff, at_mm, at_mm + piece.distance_mm):
            _distance(tariff, piece, stretch, whole_mm, tally)
        at_mm += piece.distance_mm
    _time(tariff, pieces, tally)
    order = list(LineCode)
    return [_sum(tariff, part, at, tally) for at in sorted(tally.amounts, key=lambda at: order.index(at[0]))]


def _sum(tariff: Tariff, part: Part, at: tuple[LineCode, str], tally: _Tally) -> Sum:
    numbers: dict[str, int | str] = {name: nearest(value) for name, value in tally.measures[at].items()}
    code, key = at
    if code is LineCode.DISTANCE:
        numbers |= _rate(tariff, steps_of(tariff)[int(key)])
    if code in (LineCode.NIGHT, LineCode.LONG_TRIP):
        numbers["factor"] = key
    if code in (LineCode.TIME, LineCode.SLOW_TIME) and key != "":
        numbers |= {"price": key, "block_s": tariff.time.block_s}
    return Sum(code=code, part=part, amount=tally.amounts[at], numbers={**numbers, "unit": tariff.unit.value})


def _rate(tariff: Tariff, step: ExactStep) -> dict[str, int | str]:
    per_major = Fraction(10 ** minor_digits(tariff.currency))
    if step.block_mm is None:
        return {"rate": _decimal(step.per_mm * MM_PER_UNIT[tariff.unit] / per_major)}
    return {"rate": _decimal(step.per_mm * step.block_mm / per_major), "block_mm": nearest(step.block_mm), "charge": step.charge.value}


def _decimal(value: Fraction) -> str:
    return format((Decimal(value.numerator) / Decimal(value.denominator)).normalize(), "f")


def _flagfall(tariff: Tariff, pieces: Sequence[Piece], tally: _Tally) -> None:
    first = steps_of(tariff)[0]
    if first.flat:
        if tariff.ladder:
            tally.add(LineCode.TABLE, "", first.flat, distance_mm=length_mm(pieces))
        else:
            tally.add(LineCode.FLAGFALL, "", first.flat, covers_mm=_covered_mm(first))
        _night(tariff, pieces[0].night, Component.FLAGFALL, first.flat, _ZERO, tally)


def _covered_mm(step: ExactStep) -> Fraction:
    return _ZERO if step.per_mm or step.to_mm is None else step.to_mm


def _stretches(tariff: Tariff, start_mm: Fraction, end_mm: Fraction) -> Iterator[tuple[int, Fraction, Fraction]]:
    edges = sorted({start_mm, end_mm, *(edge for edge in _edges(tariff) if start_mm < edge < end_mm)})
    steps = steps_of(tariff)
    for low, high in pairwise(edges):
        place = next(at for at, step in enumerate(steps) if step.to_mm is None or low < step.to_mm)
        yield place, low, high


def _edges(tariff: Tariff) -> list[Fraction]:
    bands = () if tariff.long is None else tariff.long.bands
    texts = [edge for band in bands for edge in (band.from_, band.to) if edge is not None]
    return [step.from_mm for step in steps_of(tariff)] + [mm_of(edge, tariff.unit) for edge in texts]


def _distance(tariff: Tariff, piece: Piece, stretch: tuple[int, Fraction, Fraction], whole_mm: Fraction, tally: _Tally) -> None:
    place, low, high = stretch
    step = steps_of(tariff)[place]
    amount = _by_distance(step, low, high)
    if piece.by_time:
        tally.add(LineCode.SLOW_TIME, "", amount, ms=piece.ms * (high - low) / piece.distance_mm)
    elif step.per_mm:
        tally.add(LineCode.DISTANCE, str(place), amount, distance_mm=high - low)
    entered = step.flat if place and low == step.from_mm else _ZERO
    if entered:
        tally.add(LineCode.TABLE if tariff.ladder else LineCode.FLAGFALL, "" if tariff.ladder else str(place), entered)
    component = Component.TIME if piece.by_time else Component.DISTANCE
    night = _night(tariff, piece.night, component, amount + entered, high - low, tally)
    _long(tariff, amount + entered, night, (low, high), whole_mm, tally)


def _by_distance(step: ExactStep, low: Fraction, high: Fraction) -> Fraction:
    if step.block_mm is None:
        return (high - low) * step.per_mm
    return _blocks(low - step.from_mm, high - step.from_mm, step.block_mm, step.charge) * step.block_mm * step.per_mm


def _blocks(low: Fraction, high: Fraction, block: Fraction, charge: Charge) -> Fraction:
    # Started blocks are counted where they begin, completed ones where they end: so a cut in between neither loses nor doubles one.
    if charge is Charge.STARTED:
        return Fraction(ceil(high / block) - ceil(low / block))
    if charge is Charge.COMPLETED:
        return Fraction(floor(high / block) - floor(low / block))
    return (high - low) / block


def _night(tariff: Tariff, factor: Decimal, on: Component, base: Fraction, distance_mm: Fraction, tally: _Tally) -> Fraction:
    if tariff.night is None or factor == 1 or on not in tariff.night.on or not base:
        return _ONE
    tally.add(LineCode.NIGHT, str(factor), base * (Fraction(factor) - 1), distance_mm=distance_mm, base_minor=base)
    return Fraction(factor)


def _long(tariff: Tariff, base: Fraction, night: Fraction, span: tuple[Fraction, Fraction], whole_mm: Fraction, tally: _Tally) -> None:
    factor = _long_factor(tariff, span[0], whole_mm)
    if factor == 1 or not base:
        return
    times = night if tariff.combine is Combine.MULTIPLY else _ONE
    tally.add(
        LineCode.LONG_TRIP, str(factor), base * times * (Fraction(factor) - 1), distance_mm=span[1] - span[0], base_minor=base * times
    )


def _long_factor(tariff: Tariff, low_mm: Fraction, whole_mm: Fraction) -> Decimal:
    long = tariff.long
    if long is None or tariff.trip not in long.trips:
        return Decimal(1)
    for band in long.bands:
        from_mm = mm_of(band.from_, tariff.unit)
        to_mm = None if band.to is None else mm_of(band.to, tariff.unit)
        if long.how is LongHow.GRADUATED and from_mm <= low_mm and (to_mm is None or low_mm < to_mm):
            return band.factor
        if long.how is LongHow.WHOLE and from_mm < whole_mm and (to_mm is None or whole_mm <= to_mm):
            return band.factor
    return Decimal(1)


def _time(tariff: Tariff, pieces: Sequence[Piece], tally: _Tally) -> None:
    code = LineCode.SLOW_TIME if tariff.time.below is not None else LineCode.TIME
    block_ms, at_ms = Fraction(tariff.time.block_s * 1000), _ZERO
    # Blocks run on over the fast stretches between, so slow ones may be joined across them.
    for piece in joined((piece for piece in pieces if piece.is_slow), _BY_TIME):
        amount = _time_amount(tariff, piece, at_ms, block_ms)
        at_ms += piece.ms
        tally.add(code, str(piece.time_price), amount, ms=Fraction(piece.ms))
        _night(tariff, piece.night, Component.TIME, amount, _ZERO, tally)


def _time_amount(tariff: Tariff, piece: Piece, at_ms: Fraction, block_ms: Fraction) -> Fraction:
    if tariff.time.charge is Charge.EXACT:
        return piece.ms * time_per_ms(tariff, piece.time_price)
    return _blocks(at_ms, at_ms + piece.ms, block_ms, tariff.time.charge) * minor(piece.time_price, tariff.currency)
