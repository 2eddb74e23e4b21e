"""What lies under the dots of the demo? The invented town as GeoJSON, written where the hub looks for a site's own streets."""

import geojson

from core.geo import LatLon, moved
from hub.demo_town import Home, Town, town_features

DECIMALS = 6
RIVER_WIDTH_M = 52
HOUSE_M = 11.0
"""Half of a house's side."""


def basemap_of(town: Town) -> bytes:
    """Return the town as a GeoJSON FeatureCollection; each feature says its `kind`, streets and parks their `name`."""
    features = [_feature(kind, name, shape, places) for kind, name, shape, places in town_features(town)]
    houses = [_polygon("building", "", _house(home)) for home in town.homes]
    text: str = geojson.dumps(geojson.FeatureCollection([*features, *houses]), separators=(",", ":"))
    return text.encode()


def _feature(kind: str, name: str, shape: str, places: tuple[LatLon, ...]) -> geojson.Feature:
    if shape == "area":
        return _polygon(kind, name, places)
    properties = {"kind": "water", "width_m": RIVER_WIDTH_M} if kind == "river" else {"kind": kind, "name": name}
    return geojson.Feature(geometry=geojson.LineString([_lonlat(place) for place in places], precision=DECIMALS), properties=properties)


def _polygon(kind: str, name: str, ring: tuple[LatLon, ...]) -> geojson.Feature:
    properties = {"kind": kind, "name": name} if name else {"kind": kind}
    return geojson.Feature(geometry=geojson.Polygon([[_lonlat(place) for place in ring]], precision=DECIMALS), properties=properties)


def _house(home: Home) -> tuple[LatLon, ...]:
    corners = tuple(moved(home.point, bearing, HOUSE_M * 1.414) for bearing in (45.0, 315.0, 225.0, 135.0))
    return (*corners, corners[0])


def _lonlat(place: LatLon) -> tuple[float, float]:
    return place.lon, place.lat
