"""Fares are said in Chinese and English, with money as it is written there."""

import msgspec
import pytest

from core.geo import LatLon, distance_m
from tests.rules.fares.test_fares_bill import metered
from tracking.fares.built_in import built_in_tariffs
from tracking.fares.metered import Grade
from tracking.fares.priced import Line, LineCode, Part
from tracking.fares.pricing import price
from tracking.fares.quote import cell_centre
from tracking.fares.tariff_words import explain
from tracking.fares.way import Trip, plain_trip
from tracking.fares.words import EN, ZH, distance, duration, grade, language_of, money, rate, sentence


@pytest.mark.parametrize(
    ("amount_minor", "currency", "zh", "en"),
    [
        (2340, "CNY", "¥23.40", "CN¥23.40"),
        (2340, "JPY", "JP¥2,340", "¥2,340"),
        (2340, "KWD", "KWD2.340", "KWD2.340"),
        (-5, "EUR", "-€0.05", "-€0.05"),
    ],
)
def test_money_has_the_digits_of_its_currency(amount_minor, currency, zh, en):
    said = tuple("".join(money(amount_minor, currency, language).split()) for language in (ZH, EN))

    assert said == (zh, en)


def test_a_rate_keeps_all_its_digits():
    assert rate("2.355", "CNY", ZH) == "¥2.355"
    assert rate("3", "JPY", EN) == "¥3"


def test_distances_and_durations_are_short():
    assert distance(12_340_000, "km", EN) == "12.34 km"
    assert distance(16_093_440, "mile", ZH) == "10 英里"
    assert [duration(ms, EN) for ms in (5_000, 60_000, 245_000, 7_260_000)] == ["5 s", "1 min", "4 min 05 s", "2 h 01 min"]


def test_every_code_has_words_in_both_languages():
    numbers = {"distance_mm": 1, "rate": "1", "factor": "1.2", "limit_minor": 1, "bps": 5000, "zh": "a", "en": "b", "metered_minor": 2}
    for code in LineCode:
        for part in Part:
            line = Line(code=code, part=part, amount_minor=1, numbers=numbers)
            assert sentence(line, "CNY", ZH)
            assert sentence(line, "CNY", EN)
    assert all(grade(each, language) for each in Grade for language in (ZH, EN))


def test_every_built_in_tariff_is_explained_and_priced_in_words():
    for tariff in built_in_tariffs().values():
        assert all(explain(tariff, language) for language in (ZH, EN))
        for trip in (plain_trip(28_000_000, 1_772_604_000_000, 5_000_000), Trip(slices=metered().slices, carries=(("airport", 1),))):
            for line in price(tariff, trip).lines:
                assert sentence(line, tariff.currency, EN)


def test_a_line_says_what_it_is_for():
    line = Line(code=LineCode.DISTANCE, part=Part.BACK, amount_minor=2090, numbers={"distance_mm": 11_000_000, "rate": "1.9", "unit": "km"})

    assert sentence(line, "CNY", EN) == "11 km at CN¥1.90 / km (way back)"
    to_the_metre = msgspec.structs.replace(line, part=Part.THERE, numbers={**line.numbers, "distance_mm": 25_194_356})
    assert sentence(to_the_metre, "CNY", EN) == "25.194 km at CN¥1.90 / km"
    assert sentence(line, "CNY", ZH) == "里程费 11 公里, ¥1.90 / 公里 (返程)"


def test_any_chinese_is_chinese():
    assert [language_of(tag) for tag in ("zh-CN", "zh_Hant", "en", "de", None)] == [ZH, ZH, EN, EN, EN]


@pytest.mark.parametrize("place", [LatLon(39.9, 116.4), LatLon(-33.9, 151.2), LatLon(0, 0), LatLon(89.99, 10), LatLon(-90, 179.999)])
def test_a_cell_is_about_a_kilometre(place):
    centre = cell_centre(place)

    assert distance_m(centre, LatLon(max(-89.0, min(89.0, place.lat)), place.lon)) < 800
    assert -180 <= centre.lon <= 180
