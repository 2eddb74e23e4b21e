"""Is this tariff whole? What a tariff file may not say, each with the place and the cure.

Called by `tariff_file` after the file has been read into a `Tariff`. Refused are holes, overlaps, negative figures, figures that cannot
be paid in the currency, and rules that would make a longer way cheaper.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.numbers import list_currencies

from tracking.fares.calendar_rule import dates_hold
from tracking.fares.local_clock import Window, overlap, window_of
from tracking.fares.rates import minor
from tracking.fares.tariff import Band, Extra, Long, Night, Rung, Step, Tariff, TimePrice
from tracking.fares.tariff_lines import Path
from tracking.fares.tariff_terms import Charge, LongHow, NightClock, TimeMode

MAX_DECIMALS = 6
"""A millionth of the major unit: finer than any published rate, coarse enough to be a typing mistake beyond."""
MAX_FIGURE = Decimal(1_000_000_000)


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong: where, what, and what to write instead; `line` is filled in by `tariff_file`."""

    path: Path
    what: str
    cure: str
    line: int = 0


def problems_of(tariff: Tariff) -> list[Problem]:
    """Return everything that is wrong with a tariff, in the order of the file; an empty list is a good tariff."""
    if bad := list(_figures(msgspec.to_builtins(tariff, builtin_types=(Decimal,)), ())):
        return bad
    return [problem for check in _CHECKS for problem in check(tariff)]


def _figures(value: object, path: Path) -> Iterator[Problem]:
    if isinstance(value, Decimal):
        yield from _figure(value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _figures(item, (*path, key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _figures(item, (*path, place))


def _figure(value: Decimal, path: Path) -> Iterator[Problem]:
    if not value.is_finite() or abs(value) > MAX_FIGURE:
        yield Problem(path, f"{value} is no figure that can be paid or driven.", "Write a plain number such as 2.30 in quotes.")
    elif value < 0:
        yield Problem(path, f"{value} is negative.", "Write 0 or more. A discount is a lower price, not a negative one.")
    elif -int(value.normalize().as_tuple().exponent) > MAX_DECIMALS:
        yield Problem(path, f"{value} has more than {MAX_DECIMALS} decimals.", "Round the rate to a millionth.")


def _head(tariff: Tariff) -> Iterator[Problem]:
    if tariff.currency not in list_currencies():
        yield Problem(("currency",), f"{tariff.currency} is no ISO 4217 currency.", "Write a code such as CNY, EUR or USD.")
    try:
        ZoneInfo(tariff.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem(("zone",), f"{tariff.zone!r} is no time zone.", "Write an IANA name such as Asia/Shanghai.")
    if not tariff.source.strip():
        yield Problem(("source",), "The tariff names no source.", "Say where the figures come from, or that they are the site's own.")
    for place, hours in enumerate(tariff.hours):
        if window_of(hours) is None:
            yield Problem(("hours", place), f"{hours!r} are no hours.", "Write them as 05:30-23:00.")


def _distance(tariff: Tariff) -> Iterator[Problem]:
    if bool(tariff.steps) == bool(tariff.ladder):
        yield Problem(
            (), "The tariff needs steps or a ladder, and not both.", "Write [[steps]] for prices by distance, or [[ladder]] for a table."
        )
    yield from _joined(tariff.steps, "steps", starts_at_zero=True)
    yield from _joined(tariff.ladder, "ladder", starts_at_zero=True)
    for place, step in enumerate(tariff.steps):
        if step.block is not None and step.block <= 0:
            yield Problem(("steps", place, "block"), "A block of no length never ends.", "Write the block's length, or leave it out.")
        if step.block is None and step.charge is not Charge.EXACT:
            yield Problem(("steps", place, "charge"), "Charging by block needs a block.", 'Add block = "0.5", or write charge = "exact".')
    yield from _rungs(tariff.ladder)


def _rungs(ladder: Sequence[Rung]) -> Iterator[Problem]:
    for place, (one, two) in enumerate(pairwise(ladder), start=1):
        if two.price < one.price:
            yield Problem(("ladder", place, "price"), "A longer way costs less than a shorter one.", f"Write {one.price} or more.")
    for place, rung in enumerate(ladder):
        if (rung.every is None) != (rung.add is None) or rung.every == 0:
            yield Problem(
                ("ladder", place),
                "`every` and `add` go together and `every` is more than 0.",
                'Write both, such as every = 20, add = "1.00".',
            )


def _joined(parts: Sequence[Step | Rung | Band], name: str, *, starts_at_zero: bool) -> Iterator[Problem]:
    if not parts:
        return
    if starts_at_zero and parts[0].from_ != 0:
        yield Problem((name, 0, "from"), f"A hole: nothing is said from 0 to {parts[0].from_}.", "Let the first begin at 0.")
    for place, part in enumerate(parts):
        if part.to is not None and part.to <= part.from_:
            yield Problem(
                (name, place, "to"), f"A negative step: it goes from {part.from_} to {part.to}.", f"Write a `to` above {part.from_}."
            )
    for place, (one, two) in enumerate(pairwise(parts), start=1):
        yield from _joint(one, two, (name, place, "from"))
    if parts[-1].to is not None:
        yield Problem((name, len(parts) - 1, "to"), f"A hole: nothing is said beyond {parts[-1].to}.", "Leave `to` out of the last one.")


def _joint(one: Step | Rung | Band, two: Step | Rung | Band, path: Path) -> Iterator[Problem]:
    if one.to is None or two.from_ < one.to:
        end = "without end" if one.to is None else f"to {one.to}"
        yield Problem(
            path, f"An overlap: the one before goes {end}, this one begins at {two.from_}.", "Let each begin where the one before ends."
        )
    elif two.from_ > one.to:
        yield Problem(path, f"A hole: nothing is said from {one.to} to {two.from_}.", f"Write from = {one.to}.")


def _time(tariff: Tariff) -> Iterator[Problem]:
    time = tariff.time
    if (time.mode is TimeMode.SLOW) != (time.below is not None):
        yield Problem(
            ("time", "below"),
            "`below` goes with mode slow and with no other.",
            "Write below = 12 for mode slow; mode S derives its own speed.",
        )
    if time.mode is TimeMode.S:
        yield from _single(tariff, time)
    yield from _apart(time.windows, ("time", "windows"))


def _single(tariff: Tariff, time: TimePrice) -> Iterator[Problem]:
    if not any(step.per_unit > 0 for step in tariff.steps):
        yield Problem(
            ("time", "mode"), "Mode S needs a price per distance to weigh time against.", 'Add a step with per_unit, or write mode = "D".'
        )
    if time.windows or time.charge is not Charge.EXACT:
        yield Problem(
            ("time", "mode"), "Mode S weighs time against distance, so it knows neither blocks nor windows.", "Put the block into the step."
        )


def _night(tariff: Tariff) -> Iterator[Problem]:
    night: Night | None = tariff.night
    if night is None:
        return
    if not night.windows or not night.on:
        yield Problem(("night",), "A night needs windows and something that it acts on.", 'Add [[night.windows]] and on = ["distance"].')
    if night.lead_min and night.clock is not NightClock.START_MINUS_LEAD:
        yield Problem(("night", "lead_min"), "`lead_min` goes with clock start_minus_lead only.", "Leave it out, or choose that clock.")
    yield from _factors([window.factor for window in night.windows], ("night", "windows"))
    yield from _apart(night.windows, ("night", "windows"))


def _long(tariff: Tariff) -> Iterator[Problem]:
    long: Long | None = tariff.long
    if long is None:
        return
    if not long.bands:
        yield Problem(("long",), "Long trips need bands.", "Add [[long.bands]], or leave [long] out.")
    yield from (
        msgspec.structs.replace(problem, path=("long", *problem.path)) for problem in _joined(long.bands, "bands", starts_at_zero=False)
    )
    yield from _factors([band.factor for band in long.bands], ("long", "bands"))
    for place, (one, two) in enumerate(pairwise(long.bands), start=1):
        if long.how is LongHow.WHOLE and two.factor < one.factor:
            yield Problem(("long", "bands", place, "factor"), "A longer way would cost less.", f"Write {one.factor} or more.")


def _factors(factors: Sequence[Decimal], path: Path) -> Iterator[Problem]:
    for place, factor in enumerate(factors):
        if factor < 1:
            yield Problem(
                (*path, place, "factor"),
                f"Factor {factor} is below 1.",
                "Write the cheaper price as the base, the dearer one with a factor.",
            )


def _apart(windows: Sequence[Window], path: Path) -> Iterator[Problem]:
    for (_, one), (place, two) in combinations(enumerate(windows), 2):
        if overlap(one, two):
            yield Problem(
                (*path, place),
                f"An overlap: {one.from_}-{one.to} and {two.from_}-{two.to} share time.",
                "Let one end where the other begins.",
            )


def _extras(tariff: Tariff) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, extra in enumerate(tariff.extras):
        if extra.code in seen:
            yield Problem(("extras", place, "code"), f"{extra.code} is named twice.", "Give each extra its own code.")
        seen.add(extra.code)
        yield from _extra(extra, ("extras", place))


def _extra(extra: Extra, path: Path) -> Iterator[Problem]:
    if extra.hours is not None and window_of(extra.hours) is None:
        yield Problem((*path, "hours"), f"{extra.hours!r} are no hours.", "Write them as 23:30-06:00.")
    for place, dates in enumerate(extra.dates):
        if dates_hold(dates) is None:
            yield Problem(
                (*path, "dates", place), f"{dates!r} are no dates.", "Write 2027-02-05/2027-02-08, or 05-01/05-02 for every year."
            )


def _sums(tariff: Tariff) -> Iterator[Problem]:
    if tariff.currency not in list_currencies():
        return
    unit = minor(tariff.rounding.unit, tariff.currency)
    if unit < 1 or unit.denominator != 1:
        yield Problem(
            ("rounding", "unit"), f"{tariff.rounding.unit} cannot be paid in {tariff.currency}.", "Round to a whole smallest coin or more."
        )
        return
    for name, sum_ in (("minimum", tariff.minimum), ("cap", tariff.cap)):
        if sum_ is not None and minor(sum_, tariff.currency) % unit:
            yield Problem((name,), f"{sum_} is no multiple of the rounding unit {tariff.rounding.unit}.", "Choose a multiple of it.")
    if tariff.minimum is not None and tariff.cap is not None and tariff.minimum > tariff.cap:
        yield Problem(("minimum",), "The minimum is above the cap.", f"Write {tariff.cap} or less.")


_CHECKS = (_head, _distance, _time, _night, _long, _extras, _sums)
