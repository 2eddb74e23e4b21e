"""Which shapes do real roads have? Ways read from an OpenStreetMap extract (PBF), enough of the format for drivable roads.

Source: OpenStreetMap wiki, "PBF Format": BlobHeader, Blob (zlib), PrimitiveBlock with DenseNodes and Ways; Protocol Buffers wire
types 0 (varint) and 2 (length-delimited). No relations, no tags of nodes.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DRIVABLE = frozenset(
    b"primary secondary tertiary unclassified residential primary_link secondary_link tertiary_link trunk living_street".split()
)
Place = tuple[float, float]


def read_roads(path: Path) -> list[list[Place]]:
    """Return every drivable way of the extract as a list of (lat, lon)."""
    nodes: dict[int, Place] = {}
    ways: list[list[int]] = []
    for block in _blocks(path.read_bytes()):
        _read_block(block, nodes, ways)
    return [[nodes[ref] for ref in way if ref in nodes] for way in ways]


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield the unpacked OSMData blobs."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        header = dict(_fields(data[at + 4 : at + 4 + size]))
        at += 4 + size
        blob = dict(_fields(data[at : at + header[3]]))
        at += header[3]
        if header[1] == b"OSMData":
            yield zlib.decompress(blob[3]) if 3 in blob else blob[1]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a varint and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, int or bytes)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        else:
            size, at = _varint(data, at)
            yield tag >> 3, data[at : at + size]
            at += size


def _packed(data: bytes, signed: bool = False) -> Iterator[int]:
    """Yield the varints of a packed field, zigzag-decoded where signed."""
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield (value >> 1) ^ -(value & 1) if signed else value


def _sums(data: bytes) -> Iterator[int]:
    """Yield a delta-coded list."""
    total = 0
    for step in _packed(data, signed=True):
        total += step
        yield total


def _read_block(block: bytes, nodes: dict[int, Place], ways: list[list[int]]) -> None:
    """Collect a block's nodes and drivable ways."""
    strings: list[bytes] = []
    groups: list[bytes] = []
    scale = {17: 100, 19: 0, 20: 0}
    for number, value in _fields(block):
        if number == 1:
            strings = [text for _, text in _fields(value)]
        elif number == 2:
            groups.append(value)
        elif number in scale:
            scale[number] = value
    for group in groups:
        for number, value in _fields(group):
            if number == 2:
                _read_dense(value, scale, nodes)
            elif number == 3:
                _read_way(value, strings, ways)


def _read_dense(data: bytes, scale: dict[int, int], nodes: dict[int, Place]) -> None:
    """Collect DenseNodes."""
    dense = dict(_fields(data))
    for ref, lat, lon in zip(_sums(dense[1]), _sums(dense[8]), _sums(dense[9]), strict=True):
        nodes[ref] = (1e-9 * (scale[19] + scale[17] * lat), 1e-9 * (scale[20] + scale[17] * lon))


def _read_way(data: bytes, strings: list[bytes], ways: list[list[int]]) -> None:
    """Collect a way where it is drivable."""
    way = dict(_fields(data))
    tags = {strings[key]: strings[value] for key, value in zip(_packed(way.get(2, b"")), _packed(way.get(3, b"")), strict=True)}
    if tags.get(b"highway") in DRIVABLE:
        ways.append(list(_sums(way[8])))
