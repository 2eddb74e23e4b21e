"""The operator's own map in one PMTiles file: drawn on the small maps and on the console, from the hub alone."""

import gzip
import struct
import zlib

import pytest
from playwright.sync_api import expect

from realtime.http_pages import MapSettings
from tests.doubles.fake_hub_pages import LINK

GREEN = (40, 160, 90)


def png(colour):
    """Return a picture of 1x1 pixel."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" + bytes(colour))) + chunk(b"IEND", b"")


def archive(tile):
    """Return a PMTiles archive (version 3) with one raster tile for the whole world at zoom 0."""
    directory = gzip.compress(bytes([1, 0, 1, *varint(len(tile)), 1]))
    metadata = gzip.compress(b"{}")
    offsets = [127, len(directory), 127 + len(directory), len(metadata), 0, 0, 127 + len(directory) + len(metadata), len(tile), 1, 1, 1]
    head = b"PMTiles\x03" + struct.pack("<11Q", *offsets) + bytes([1, 2, 1, 2, 0, 0])
    head += struct.pack("<4i", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000) + bytes([0]) + struct.pack("<2i", 0, 0)
    return head + directory + metadata + tile


def varint(number):
    out = []
    while number > 127:
        out.append(number % 128 + 128)
        number //= 128
    return [*out, number]


@pytest.fixture
def map_settings(tmp_path, request):
    """The operator's file: a green world, or what the test gives."""
    path = tmp_path / "map.pmtiles"
    path.write_bytes(getattr(request, "param", archive(png(GREEN))))
    return MapSettings(pmtiles=path, attribution="Our own map")


def test_the_customers_map_shows_the_file(served, window):
    page = window.open(f"{served.url}/t/{LINK}")

    expect(page.locator(".leaflet-tile-pane img").first).to_have_js_property("naturalWidth", 1)
    expect(page.locator(".leaflet-control-attribution")).to_have_text("Our own map")
    assert window.faults == []


def test_the_consoles_map_shows_the_file(served, window):
    served.hub.desk.signed_in = True
    with_map = window.open(f"{served.url}/console", viewport={"width": 1440, "height": 900})

    expect(with_map.locator("#map .maplibregl-ctrl-attrib")).to_contain_text("Our own map")
    expect(with_map.locator("#map button.her")).not_to_have_count(0)
    assert any("map.pmtiles" in url for url in window.asked)
    assert [url for url in window.asked if not url.startswith((served.url, "data:", "blob:"))] == []
    assert window.faults == []


@pytest.mark.parametrize("map_settings", [b"", b"not a map" * 40], ids=["empty", "garbage"], indirect=True)
def test_a_file_that_cannot_be_read_leaves_the_sites_own_streets_and_everyones_marker(served, window):
    served.hub.desk.signed_in = True
    console = window.open(f"{served.url}/console", viewport={"width": 1440, "height": 900})
    customer = window.open(f"{served.url}/t/{LINK}")

    expect(console.locator("#map button.her")).to_have_count(11)
    expect(console.locator("#map-none")).to_be_hidden()
    expect(customer.locator(".leaflet-town-pane canvas").first).to_be_attached()
