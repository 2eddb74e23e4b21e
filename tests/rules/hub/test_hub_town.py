"""The demo's town is whole, the same everywhere, and its ways follow its streets."""

import itertools

import pytest

from core.geo import distance_m
from hub.demo_route import path_of, place_after, quickest_path
from hub.demo_town import COLUMNS, ROWS, build_town, town_features

TOWN = build_town(7)


def test_a_seed_gives_the_same_town():
    assert build_town(7) == TOWN


def test_another_seed_gives_another_town():
    assert build_town(8) != TOWN


@pytest.mark.parametrize("seed", range(12))
def test_every_home_reaches_every_other(seed):
    town = build_town(seed)

    assert min(quickest_path(town, town.homes[0], home).length_m for home in town.homes[1:]) > 0


def test_a_way_keeps_to_the_streets():
    path = quickest_path(TOWN, TOWN.homes[0], TOWN.homes[40])
    parts = {frozenset(part) for street in TOWN.streets for part in street.parts}
    numbers = {place: number for number, place in enumerate(TOWN.crossings)}
    crossed = [numbers[place] for place in path.places[2:-2]]

    assert all(frozenset(pair) in parts for pair in itertools.pairwise(crossed))


def test_a_way_is_no_shorter_than_the_crow_flies():
    start, end = TOWN.homes[3], TOWN.homes[50]

    assert quickest_path(TOWN, start, end).length_m >= distance_m(start.point, end.point)


def test_half_way_lies_between():
    path = path_of([TOWN.crossings[0], TOWN.crossings[1]])
    place, heading = place_after(path, path.length_m / 2)

    assert distance_m(place, path.places[0]) == pytest.approx(path.length_m / 2, rel=1e-3)
    assert 45 < heading < 135


def test_beyond_the_end_is_the_end():
    path = path_of([TOWN.crossings[0], TOWN.crossings[1]])

    assert place_after(path, 1e9)[0] == path.places[-1]


def test_the_map_has_every_kind():
    assert {kind for kind, *_ in town_features(TOWN)} == {"park", "river", "street", "main_street"}


def test_the_town_is_of_the_planned_size():
    assert len(TOWN.crossings) == COLUMNS * ROWS
