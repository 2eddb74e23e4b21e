"""Shifted Chinese datums turn into WGS-84 and back, as two independent implementations do."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon, distance_m
from tracking.datum import Datum, from_wgs84, to_wgs84


def test_vectors_of_five_cities_agree_both_ways(shared_data: Path) -> None:
    for vector in json.loads((shared_data / "gcj02_vectors.json").read_text())["vectors"]:
        places = {datum: LatLon(vector[datum.value]["lat"], vector[datum.value]["lon"]) for datum in Datum}
        for datum in Datum:
            there = from_wgs84(places[Datum.WGS84], datum)
            assert (there.lat, there.lon) == pytest.approx((places[datum].lat, places[datum].lon), abs=2e-7)
            back = to_wgs84(places[datum], datum)
            assert (back.lat, back.lon) == pytest.approx((places[Datum.WGS84].lat, places[Datum.WGS84].lon), abs=3e-7)


def test_outside_china_gcj02_is_wgs84() -> None:
    vienna = LatLon(48.2082, 16.3738)
    assert to_wgs84(vienna, Datum.GCJ02) == vienna


@given(st.floats(20, 50), st.floats(80, 130), st.sampled_from([Datum.GCJ02, Datum.BD09]))
def test_there_and_back_is_where_it_was(lat: float, lon: float, datum: Datum) -> None:
    place = LatLon(lat, lon)
    assert distance_m(place, to_wgs84(from_wgs84(place, datum), datum)) < 0.01
