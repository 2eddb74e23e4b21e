"""The same fare by another road: slow, plain rational arithmetic, sharing no code with the pricing beyond the tariff's own values.

Looks at the wall clock minute by minute, and asks of every cell, step and band how much of it they have in common.
"""

import itertools
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tracking.fares.metered import Slice, SliceKind
from tracking.fares.tariff import Tariff
from tracking.fares.way import Trip

DIGITS = {"CNY": 2, "EUR": 2, "JPY": 0, "KWD": 3}
UNIT_MM = {"km": 1_000_000, "mile": 1_609_344}
MINUTE_MS = 60_000


def oracle_minor(tariff: Tariff, trip: Trip) -> int:
    """Return the total in minor units."""
    one = Fraction(10 ** DIGITS[tariff.currency])
    ways = [(trip.slices, 2 if tariff.trip.value == "round_trip" else 1, False)]
    if tariff.trip.value == "return_priced":
        back = trip.back_start_ms if trip.back_start_ms is not None else trip.slices[-1].end_ms
        by = back - trip.slices[0].start_ms
        ways.append(([Slice(s.start_ms + by, s.end_ms + by, s.distance_mm, s.kind) for s in trip.slices], 1, True))
    total, charged = Fraction(0), False
    for slices, times, is_back in ways:
        cells = _cells(tariff, trip, slices, times, is_back)
        free = Fraction(tariff.free.distance) * UNIT_MM[tariff.unit.value] * times if tariff.free else Fraction(0)
        if free and sum(c["mm"] for c in cells) <= free:
            continue
        charged = True
        leg = _leg(tariff, _trim(cells, free))
        total += _round(leg * one, tariff, one) / one if tariff.rounding.at.value == "leg" else leg
    if charged:
        total = max(total, Fraction(tariff.minimum or 0))
        total = total if tariff.cap is None else min(total, Fraction(tariff.cap))
    return int(_round(total * one, tariff, one))


def _cells(tariff, trip, slices, times, is_back):
    cells = []
    for s in slices:
        marks = [s.start_ms] + [m for m in range(s.start_ms // MINUTE_MS * MINUTE_MS, s.end_ms, MINUTE_MS) if m > s.start_ms] + [s.end_ms]
        for a, b in itertools.pairwise(marks):
            mm = Fraction(s.distance_mm) * (b - a) / (s.end_ms - s.start_ms) if s.end_ms > s.start_ms else Fraction(s.distance_mm)
            cells.append(_cell(tariff, trip, slices, is_back, s.kind, a, b - a, mm))
    return [{**c, "mm": c["mm"] * times, "ms": c["ms"] * times} for c in cells]


def _cell(tariff, trip, slices, is_back, kind, at, ms, mm):
    clock = tariff.night.clock.value if tariff.night else "split"
    moment = at if clock == "split" else slices[0].start_ms
    if clock == "start_minus_lead" and not is_back:
        moment = (trip.appointment_ms or slices[0].start_ms) - tariff.night.lead_min * MINUTE_MS
    night = (
        next((Fraction(w.factor) for w in tariff.night.windows if _in(moment, w, tariff.zone)), Fraction(1))
        if tariff.night
        else Fraction(1)
    )
    price = next((Fraction(w.price) for w in tariff.time.windows if _in(at, w, tariff.zone)), Fraction(tariff.time.price))
    hours = Fraction(ms, 3_600_000)
    slow, by_time = tariff.time.mode.value == "D", False
    if tariff.time.mode.value == "slow" and kind is not SliceKind.GAP:
        slow = mm < Fraction(tariff.time.below) * UNIT_MM[tariff.unit.value] * hours
    if tariff.time.mode.value == "S" and kind is not SliceKind.GAP:
        rate = next(Fraction(s.per_unit) for s in tariff.steps if s.per_unit > 0)
        worth = Fraction(tariff.time.price) * Fraction(ms, tariff.time.block_s * 1000) / rate * UNIT_MM[tariff.unit.value]
        by_time, mm = worth > mm, max(worth, mm)
    return {"mm": mm, "ms": Fraction(ms), "night": night, "price": price, "slow": slow, "by_time": by_time}


def _in(at, window, zone):
    here = datetime.fromtimestamp(at // 1000, UTC).astimezone(ZoneInfo(zone))
    text = f"{here:%H:%M}"
    if window.from_ < window.to:
        return window.from_ <= text < window.to and _day(window, here)
    return (text >= window.from_ and _day(window, here)) or (text < window.to and _day(window, here - timedelta(days=1)))


def _day(window, here):
    return not window.weekdays or f"{here:%a}".lower() in [d.value for d in window.weekdays]


def _trim(cells, free):
    out = []
    for c in cells:
        cut = min(c["mm"], free)
        free -= cut
        out.append({**c, "mm": c["mm"] - cut})
    return out


def _leg(tariff, cells):
    unit = UNIT_MM[tariff.unit.value]
    on = {x.value for x in tariff.night.on} if tariff.night else set()
    steps = _steps(tariff)
    whole = sum(c["mm"] for c in cells)
    total = steps[0]["flat"] * (cells[0]["night"] if "flagfall" in on else 1)
    at, clock = Fraction(0), Fraction(0)
    for c in cells:
        night = c["night"] if ("time" if c["by_time"] else "distance") in on else Fraction(1)
        for number, step in enumerate(steps):
            for low, high, factor in _bands(tariff, whole, unit):
                a, b = max(at, step["from"] * unit, low), min(at + c["mm"], step["to"] * unit, high)
                if a >= b:
                    continue
                base = _run(step, a / unit, b / unit) + (step["flat"] if number and a == step["from"] * unit else 0)
                total += base * night * factor if tariff.combine.value == "multiply" else base * (night + factor - 1)
        at += c["mm"]
        if c["slow"]:
            rate = _time(tariff, c, clock)
            total += rate * (c["night"] if "time" in on else 1)
            clock += c["ms"]
    return total


def _steps(tariff):
    endless = Fraction(10**9)
    if tariff.ladder:
        before, out = Fraction(0), []
        for r in tariff.ladder:
            to = endless if r.to is None else Fraction(r.to)
            out.append({"from": Fraction(r.from_), "to": to, "flat": Fraction(r.price) - before, "block": r.every and Fraction(r.every)})
            out[-1] |= {"each": Fraction(r.add or 0), "charge": "started", "per": Fraction(0)}
            before = Fraction(r.price)
        return out
    return [
        {
            "from": Fraction(s.from_),
            "to": endless if s.to is None else Fraction(s.to),
            "flat": Fraction(s.flat),
            "per": Fraction(s.per_unit),
            "block": None if s.block is None else Fraction(s.block),
            "each": Fraction(s.per_unit) * Fraction(s.block or 0),
            "charge": s.charge.value,
        }
        for s in tariff.steps
    ]


def _bands(tariff, whole, unit):
    endless = Fraction(10**15)
    long = tariff.long if tariff.long and tariff.trip in tariff.long.trips else None
    if long is None:
        return [(Fraction(0), endless, Fraction(1))]
    rows = [(Fraction(b.from_) * unit, endless if b.to is None else Fraction(b.to) * unit, Fraction(b.factor)) for b in long.bands]
    if long.how.value == "whole":
        return [(Fraction(0), endless, next((f for low, high, f in rows if low < whole <= high), Fraction(1)))]
    return [(Fraction(0), rows[0][0], Fraction(1)), *rows]


def _run(step, a, b):
    if step["block"] is None or step["charge"] == "exact":
        return (b - a) * step["per"]
    count, number = 0, 0
    while True:
        point = step["from"] + number * step["block"]
        if step["charge"] == "completed":
            point += step["block"]
            hit, over = a < point <= b, point > b
        else:
            hit, over = a <= point < b, point >= b
        if over:
            return count * step["each"]
        count += hit
        number += 1


def _time(tariff, cell, clock):
    block = Fraction(tariff.time.block_s * 1000)
    if tariff.time.charge.value == "exact":
        return cell["ms"] / block * cell["price"]
    a, b, count = clock, clock + cell["ms"], 0
    for number in range(int(b / block) + 2):
        point = number * block
        count += (a < point <= b) if tariff.time.charge.value == "completed" else (a <= point < b)
    return count * cell["price"]


def _round(amount, tariff, one):
    unit = Fraction(tariff.rounding.unit) * one
    low = amount // unit * unit
    rest, how = amount - low, tariff.rounding.how.value
    if how == "half_even":
        up = rest * 2 > unit or (rest * 2 == unit and low / unit % 2 == 1)
    else:
        up = {"up": rest > 0, "down": False, "half_up": rest * 2 >= unit}[how]
    return low + unit if up else low


_OFTEN = st.sampled_from([True, True, True, False])


def _money(most=50):
    return st.decimals(0, most, places=2).map(str)


@st.composite
def tariffs(draw, *, zones=("Asia/Shanghai", "Europe/Berlin", "America/New_York"), time_modes=("none", "S", "D", "slow"), rounding=True):
    """Give random good tariffs, as the dicts of their files."""
    raw = {
        "id": "random-tariff",
        "title": {"zh": "随机", "en": "random"},
        "currency": draw(st.sampled_from(["CNY", "EUR", "JPY", "KWD"])),
        "zone": draw(st.sampled_from(zones)),
        "valid_from": "2020-01-01",
        "source": "chance",
        "confidence": "low",
        "mode": "taxi",
        "unit": draw(st.sampled_from(["km", "mile"])),
        "trip": draw(st.sampled_from(["one_way", "round_trip", "return_priced"])),
        "combine": draw(st.sampled_from(["add", "multiply"])),
    }
    mode = draw(st.sampled_from(time_modes))
    raw |= draw(_ladders()) if mode != "S" and draw(st.booleans()) else draw(_steps_raw(mode))
    raw["time"] = draw(_times(mode))
    if draw(_OFTEN):
        raw["night"] = draw(_nights())
    if draw(_OFTEN):
        raw["long"] = draw(_longs())
    if draw(st.booleans()):
        raw["free"] = {"distance": draw(_money(4)), "bearer": "technician"}
    if rounding:
        digits = DIGITS[raw["currency"]]
        unit = draw(st.sampled_from([f"{10**-digits:.{digits}f}" if digits else "1", "1", "10"]))
        raw["rounding"] = {"unit": unit, "how": draw(st.sampled_from(["half_up", "half_even", "up", "down"]))}
        raw["rounding"]["at"] = draw(st.sampled_from(["leg", "total"]))
        if draw(st.booleans()):
            raw["minimum"] = str(draw(st.integers(0, 3)) * 10)
        if draw(st.booleans()):
            raw["cap"] = str(draw(st.integers(3, 60)) * 10)
    return raw


def _edges(draw, most=3, start=0):
    found, at = [str(start)], start
    for _ in range(draw(st.integers(0, most))):
        at = round(at + draw(st.integers(1, 80)) / 10, 1)
        found.append(str(at))
    return found


@st.composite
def _steps_raw(draw, mode):
    edges = _edges(draw)
    rows = [{"from": a, "flat": draw(_money()), "per_unit": draw(_money(9))} for a in edges]
    for row, to in zip(rows, edges[1:], strict=False):
        row["to"] = to
    for row in rows:
        if draw(st.booleans()):
            row |= {"block": str(draw(st.integers(2, 30)) / 10), "charge": draw(st.sampled_from(["started", "completed"]))}
    if mode == "S":
        rows[-1]["per_unit"] = draw(st.sampled_from(["1.90", "2.30", "0.70"]))
    return {"steps": rows}


@st.composite
def _ladders(draw):
    edges, price, rows = _edges(draw), 0, []
    for place, a in enumerate(edges):
        price += draw(st.integers(0, 900))
        rows.append({"from": a, "price": str(price / 100)} | ({"to": edges[place + 1]} if place + 1 < len(edges) else {}))
    if draw(st.booleans()):
        rows[-1] |= {"every": str(draw(st.integers(1, 7))), "add": draw(_money(3))}
    return {"ladder": rows}


@st.composite
def _times(draw, mode):
    raw = {"mode": mode, "price": draw(_money(5)), "block_s": draw(st.sampled_from([60, 240, 300, 3600, 7]))}
    if mode in ("D", "slow"):
        raw["charge"] = draw(st.sampled_from(["exact", "started", "completed"]))
        if draw(st.booleans()):
            raw["windows"] = [{"from": "07:00", "to": "09:00", "price": draw(_money(9))}]
    return raw | ({"below": "12"} if mode == "slow" else {})


@st.composite
def _nights(draw):
    clock = draw(st.sampled_from(["start_minus_lead", "leg_start", "split"]))
    on = draw(st.lists(st.sampled_from(["flagfall", "distance", "time"]), min_size=1, unique=True))
    factor = draw(st.sampled_from(["1", "1.2", "1.30", "2.5"]))
    windows = [{"from": draw(st.sampled_from(["22:00", "23:30"])), "to": draw(st.sampled_from(["02:30", "05:00"])), "factor": factor}]
    if draw(st.booleans()):
        windows.append({"from": "06:00", "to": "07:15", "factor": "1.1", "weekdays": ["mon", "sun"]})
    return {"clock": clock, "on": on, "windows": windows} | ({"lead_min": 10} if clock == "start_minus_lead" else {})


@st.composite
def _longs(draw):
    edges, factor, rows = _edges(draw, 2, start=draw(st.integers(1, 9))), 1.0, []
    for place, a in enumerate(edges):
        factor += draw(st.integers(0, 4)) / 10
        rows.append({"from": a, "factor": f"{factor:.1f}"} | ({"to": edges[place + 1]} if place + 1 < len(edges) else {}))
    trips = draw(st.sampled_from([["one_way"], ["one_way", "round_trip", "return_priced"]]))
    return {"how": draw(st.sampled_from(["graduated", "whole"])), "bands": rows, "trips": trips}


STARTS = st.sampled_from(
    [
        datetime(2026, 3, 2, 14, 50, tzinfo=UTC),
        datetime(2026, 3, 28, 22, 10, 0, 123_000, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 40, tzinfo=UTC),
        datetime(2026, 10, 24, 23, 5, tzinfo=UTC),
        datetime(2026, 11, 1, 3, 30, tzinfo=UTC),
        datetime(2026, 6, 5, 20, 59, 59, 999_000, tzinfo=UTC),
    ]
).map(lambda at: round(at.timestamp() * 1000))
"""Nights with a clock change in Berlin and New York, midnights, ordinary days."""


@st.composite
def slices_of_chance(draw, start_ms=None):
    """Give the slices of a random way."""
    at = draw(STARTS) if start_ms is None else start_ms
    found = []
    for _ in range(draw(st.integers(1, 4))):
        end = at + draw(st.one_of(st.integers(0, 3_000_000), st.sampled_from([60_000, 600_000])))
        found.append(Slice(at, end, draw(st.integers(0, 12_000_000)), draw(st.sampled_from(list(SliceKind)))))
        at = end + draw(st.sampled_from([0, 0, 5_000]))
    return tuple(found)
