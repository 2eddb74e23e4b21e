"""The simulator knows the length of what it draws, and the meter holds its promises on a few synthetic trips of each kind."""

import random

import pytest

from bench.fares import CASES, _row
from bench.plain_filters import raw_m, spike_anchor_m
from bench.trips import Case, build, leg_m, synthetic_town
from core.geo import LatLon, distance_m
from tracking.fares.meter_fix import meter_fix

TOWN = synthetic_town(random.Random(5))


def test_the_simulators_measure_agrees_with_the_sphere() -> None:
    there, here = (48.0, 11.5), (48.004, 11.507)

    assert abs(leg_m(there, here) / distance_m(LatLon(*there), LatLon(*here)) - 1) < 0.005


def test_a_trip_without_noise_is_as_long_as_the_truth() -> None:
    trip = build(Case(name="clean", sigma_m=0), TOWN, random.Random(3))

    assert abs(raw_m(trip.fixes) / trip.truth_m - 1) < 0.01


def test_the_same_seed_draws_the_same_trip() -> None:
    assert build(CASES[1], TOWN, random.Random(9)) == build(CASES[1], TOWN, random.Random(9))


def test_the_plain_filter_drops_a_spike() -> None:
    fixes = [meter_fix(1000 * n, 48.0, 11.5 + n * 0.0002, 5.0, None) for n in range(30)]
    spiked = [*fixes[:15], meter_fix(15_000, 48.002, 11.503, 5.0, None), *fixes[16:]]

    assert abs(spike_anchor_m(spiked) - spike_anchor_m(fixes)) < 30


@pytest.mark.parametrize("case", [case for case in CASES if not case.name.startswith(("10 s", "15 s", "30 s"))], ids=lambda case: case.name)
def test_dense_trips_are_within_a_few_percent_and_mostly_inside_their_range(case: Case) -> None:
    row = _row(case, [build(case, TOWN, random.Random(number)) for number in range(6)])

    assert row.covered > 0.8
    assert abs(row.meter.mean) < (20 if case.standing_s else 4)
    assert row.meter.rms <= max(1.1 * row.spike_anchor_25.rms, 1.5)
