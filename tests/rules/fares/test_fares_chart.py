"""A tariff's price over distance is drawn as it is."""

import xml.etree.ElementTree as ET

import pytest

from tracking.fares.built_in import built_in_tariffs
from tracking.fares.tariff_chart import chart_svg, curves


@pytest.mark.parametrize("name", sorted(built_in_tariffs()))
def test_every_tariff_is_drawn_as_well_formed_svg(name):
    tariff = built_in_tariffs()[name]

    for language in ("zh", "en"):
        root = ET.fromstring(chart_svg(tariff, language))
        lines = [each for each in root.iter() if each.tag.endswith("polyline")]
        assert len(lines) == (1 if tariff.night is None else 2)


def test_the_night_is_dearer_than_the_day_and_both_rise():
    day, night = curves(built_in_tariffs()["cn-beijing-taxi-2013"])

    prices = [[minor for _, minor in curve.points] for curve in (day, night)]
    assert prices[1][-1] > prices[0][-1]
    assert all(one == sorted(one) for one in prices)


def test_a_ladder_keeps_its_steps():
    day, night = curves(built_in_tariffs()["cn-beijing-metro"])

    held = dict(day.points)
    assert (held[6_000_000], held[6_000_001]) == (300, 400)
    assert night is None
