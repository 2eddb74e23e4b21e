"""Fixes of made-up journeys, and strategies for arbitrary ones."""

import math
import random
from collections.abc import Iterable

import msgspec
from hypothesis import strategies as st

from tracking.fares.meter_fix import MeterFix, meter_fix

START_MS = 1_750_000_000_000
LAT, LON = 31.23, 121.47
NORTH_M, EAST_M = 110_860.0, 95_280.0
"""Metres for a degree at this latitude, to a few centimetres a kilometre."""


def at(
    second: float, x_m: float, y_m: float, *, accuracy_m: float | None = 5.0, speed_mps: float | None = None, mocked: bool = False,
    device: str = "phone", seq: int | None = None,
) -> MeterFix:
    """One fix, metres east and north of the start."""
    key = (device, 7, round(second * 10) if seq is None else seq)
    return meter_fix(START_MS + round(second * 1000), LAT + y_m / NORTH_M, LON + x_m / EAST_M, accuracy_m, speed_mps, mocked, key)


def straight(seconds: int, speed_mps: float = 10.0, *, step_s: int = 1, from_s: int = 0, x_m: float = 0.0) -> list[MeterFix]:
    """A drive due east without noise."""
    return [at(from_s + second, x_m + second * speed_mps, 0.0) for second in range(0, seconds + 1, step_s)]


def noisy(fixes: Iterable[MeterFix], sigma_m: float, seed: int = 1) -> list[MeterFix]:
    """The same with first-order autocorrelated noise (30 s) and a third of it white."""
    chance, axis_m = random.Random(seed), sigma_m / math.sqrt(2)
    drift = [chance.gauss(0, axis_m), chance.gauss(0, axis_m)]
    keep = math.exp(-1 / 30)
    out = []
    for fix in fixes:
        drift = [keep * part + chance.gauss(0, axis_m * math.sqrt(1 - keep * keep)) for part in drift]
        north_m, east_m = (part + chance.gauss(0, axis_m / 3) for part in drift)
        lat_e7, lon_e7 = fix.lat_e7 + round(north_m / NORTH_M * 1e7), fix.lon_e7 + round(east_m / EAST_M * 1e7)
        out.append(msgspec.structs.replace(fix, lat_e7=lat_e7, lon_e7=lon_e7, accuracy_dm=round(sigma_m * 10)))
    return out


def _fix(second: int, lat_e7: int, lon_e7: int, accuracy_dm: int | None, speed: int | None, mocked: bool, device: str) -> MeterFix:
    return MeterFix(START_MS + second * 500, lat_e7, lon_e7, accuracy_dm, speed, mocked, (device, 1, second))


any_fix = st.builds(
    _fix, st.integers(0, 4_000), st.integers(312_000_000, 312_060_000), st.integers(1_214_000_000, 1_214_060_000),
    st.none() | st.integers(0, 900), st.none() | st.integers(0, 4_000), st.just(False),
    st.sampled_from(["phone", "tablet"]),
)
"""A fix somewhere in a town within half an hour."""

wild_fix = st.builds(
    _fix, st.integers(-10, 200_000), st.integers(-2_000_000_000, 2_000_000_000), st.integers(-4_000_000_000, 4_000_000_000),
    st.none() | st.integers(0, 10_000_000), st.none() | st.integers(0, 100_000_000), st.booleans(),
    st.sampled_from(["phone", "tablet", ""]),
)
"""A fix from anywhere, on Earth or not."""


@st.composite
def walks(draw: st.DrawFn, most: int = 50) -> list[MeterFix]:
    """A wandering drive: steps of up to 40 m in 1 to 90 s, sometimes mocked, sometimes leaping."""
    second = x_m = y_m = 0.0
    fixes = []
    for _ in range(draw(st.integers(0, most))):
        second += draw(st.sampled_from([1, 1, 1, 5, 15, 90, 400]))
        leap = 3_000 if draw(st.integers(0, 30)) == 0 else 1
        x_m += leap * draw(st.floats(-5, 40))
        y_m += draw(st.floats(-20, 20))
        fixes.append(at(second, x_m, y_m, accuracy_m=draw(st.sampled_from([None, 4, 8, 80])), mocked=draw(st.integers(0, 25)) == 0))
    return fixes
