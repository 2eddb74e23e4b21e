"""Where does the demo take place? An invented town, drawn from a seed: streets with names, a river with bridges, parks, homes.

Pure: the same seed gives the same town on every machine. It lies in the open Atlantic, so that nobody's real street is in it, and a real
map laid under it shows water.
"""

import math
import random
from collections.abc import Iterator

import msgspec

from core.geo import LatLon, distance_m, moved

CENTRE = LatLon(46.6, -14.2)
"""About 900 km west of Brittany: deep water."""
COLUMNS, ROWS = 14, 11
SPACING_M = 380.0
JITTER_M = 60.0
RIVER_COLUMN = 6
"""The river runs between this column of crossings and the next; its swing and theirs leave 40 m of bank."""
RIVER_SWING_M = 80.0
BRIDGE_ROWS = (1, 4, 6, 9)
MAIN_ROWS, MAIN_COLUMNS = (4, 6), (3, 10)
LOST_STREETS = 0.12
"""Share of minor street parts that do not exist, so that the town is no chessboard."""
HOMES = 72
_METRES_PER_DEGREE = 111_195.0
_FIRST = (
    "Lamp", "Lantern", "Heron", "Willow", "Cobbler", "Mill", "Orchard", "Ferry", "Chapel", "Juniper", "Saddler", "Quarry", "Linden",
    "Harbour", "Fiddler", "Meadow", "Copper", "Rowan", "Baker", "Signal", "Weaver", "Plover", "Candle", "Sailcloth", "Thistle",
)  # fmt: skip
_MAIN_KINDS = ("Avenue", "Road", "Parade", "Boulevard")
_MINOR_KINDS = ("Street", "Lane", "Row", "Walk", "Way", "Close")
_PARKS = ("Heronry Park", "Bandstand Green", "Orchard Gardens", "Kite Field", "Old Ropewalk")


class Home(msgspec.Struct, frozen=True):
    """A door: `address`, where it is, and the street part (two crossings) on which it lies."""

    address: str
    point: LatLon
    foot: LatLon
    part: tuple[int, int]


class Street(msgspec.Struct, frozen=True):
    """A named street; `parts`: pairs of crossings; `is_main`: wider and faster."""

    name: str
    is_main: bool
    parts: tuple[tuple[int, int], ...]


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """A whole town. `crossings` are places by number; `ways`: crossing -> its neighbours with the metres to each."""

    seed: int
    crossings: tuple[LatLon, ...]
    ways: dict[int, tuple[tuple[int, float], ...]]
    streets: tuple[Street, ...]
    river: tuple[LatLon, ...]
    parks: tuple[tuple[str, tuple[LatLon, ...]], ...]
    homes: tuple[Home, ...]


def build_town(seed: int) -> Town:
    """Return the town of `seed`; every crossing can be reached from every other."""
    chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
    crossings = tuple(
        _place(column * SPACING_M + chance.uniform(-JITTER_M, JITTER_M), row * SPACING_M + chance.uniform(-JITTER_M, JITTER_M))
        for row in range(ROWS)
        for column in range(COLUMNS)
    )
    streets = _streets(chance)
    ways = _ways(crossings, streets)
    return Town(
        seed=seed,
        crossings=crossings,
        ways=ways,
        streets=streets,
        river=tuple(_river(chance.uniform(0, math.tau))),
        parks=tuple(_parks(crossings, chance)),
        homes=tuple(_homes(crossings, streets, chance)),
    )


def town_features(town: Town) -> list[tuple[str, str, str, tuple[LatLon, ...]]]:
    """Return what a map draws, lowest first: (kind, name, shape "line" or "area", places); kinds: park, river, street, main_street."""
    features = [("park", name, "area", ring) for name, ring in town.parks]
    features.append(("river", "the Lamp", "line", town.river))
    for street in town.streets:
        kind = "main_street" if street.is_main else "street"
        features += [(kind, street.name, "line", tuple(town.crossings[node] for node in run)) for run in _runs(street.parts)]
    return features


def _place(x_m: float, y_m: float) -> LatLon:
    east, north = x_m - (COLUMNS - 1) * SPACING_M / 2, y_m - (ROWS - 1) * SPACING_M / 2
    narrowing = math.cos(math.radians(CENTRE.lat))
    return LatLon(CENTRE.lat + north / _METRES_PER_DEGREE, CENTRE.lon + east / (_METRES_PER_DEGREE * narrowing))


def _streets(chance: random.Random) -> tuple[Street, ...]:
    names = list(_FIRST)
    chance.shuffle(names)
    rows = [(row in MAIN_ROWS, [(row * COLUMNS + c, row * COLUMNS + c + 1) for c in range(COLUMNS - 1)]) for row in range(ROWS)]
    columns = [(c in MAIN_COLUMNS, [(r * COLUMNS + c, (r + 1) * COLUMNS + c) for r in range(ROWS - 1)]) for c in range(COLUMNS)]
    everywhere = [parts for _, parts in rows + columns]
    gone = _gone(everywhere, {part for is_main, parts in rows + columns if is_main for part in parts}, chance)
    made = []
    for number, (is_main, parts) in enumerate(rows + columns):
        kind = chance.choice(_MAIN_KINDS if is_main else _MINOR_KINDS)
        kept = tuple(part for part in parts if part not in gone)
        made.append(Street(f"{names[number % len(names)]} {kind}", is_main, kept))
    return tuple(made)


def _gone(streets: list[list[tuple[int, int]]], main: set[tuple[int, int]], chance: random.Random) -> set[tuple[int, int]]:
    parts = {part for street in streets for part in street}
    gone = {part for part in parts if _crosses_river(part) and part[0] // COLUMNS not in BRIDGE_ROWS}
    for part in sorted(parts - gone - main):
        if chance.random() < LOST_STREETS and not _crosses_river(part) and _is_whole(parts - gone - {part}):
            gone.add(part)
    return gone


def _crosses_river(part: tuple[int, int]) -> bool:
    return part[0] % COLUMNS == RIVER_COLUMN and part[1] == part[0] + 1


def _is_whole(parts: set[tuple[int, int]]) -> bool:
    beside: dict[int, list[int]] = {}
    for one, other in parts:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    seen, waiting = {0}, [0]
    while waiting:
        fresh = [node for node in beside.get(waiting.pop(), ()) if node not in seen]
        seen.update(fresh)
        waiting += fresh
    return len(seen) == COLUMNS * ROWS


def _ways(crossings: tuple[LatLon, ...], streets: tuple[Street, ...]) -> dict[int, tuple[tuple[int, float], ...]]:
    found: dict[int, list[tuple[int, float]]] = {}
    for street in streets:
        for one, other in street.parts:
            metres = distance_m(crossings[one], crossings[other])
            found.setdefault(one, []).append((other, metres))
            found.setdefault(other, []).append((one, metres))
    return {node: tuple(ways) for node, ways in found.items()}


def _river(phase: float) -> Iterator[LatLon]:
    middle_m = (RIVER_COLUMN + 0.5) * SPACING_M
    for step in range(-4, ROWS * 4 + 1):
        y_m = step * SPACING_M / 4
        yield _place(middle_m + RIVER_SWING_M * math.sin(phase + y_m / 900), y_m)


def _parks(crossings: tuple[LatLon, ...], chance: random.Random) -> Iterator[tuple[str, tuple[LatLon, ...]]]:
    cells = [(c, r) for c in range(COLUMNS - 1) for r in range(ROWS - 1) if c != RIVER_COLUMN]
    for name, (column, row) in zip(_PARKS, chance.sample(cells, len(_PARKS)), strict=True):
        corner = row * COLUMNS + column
        ring = [crossings[node] for node in (corner, corner + 1, corner + COLUMNS + 1, corner + COLUMNS)]
        middle = LatLon(sum(p.lat for p in ring) / 4, sum(p.lon for p in ring) / 4)
        inset = [LatLon(p.lat + (middle.lat - p.lat) * 0.12, p.lon + (middle.lon - p.lon) * 0.12) for p in ring]
        yield name, (*inset, inset[0])


def _homes(crossings: tuple[LatLon, ...], streets: tuple[Street, ...], chance: random.Random) -> Iterator[Home]:
    choices = [(street, place) for street in streets for place in range(len(street.parts)) if not _crosses_river(street.parts[place])]
    for street, place in chance.sample(choices, HOMES):
        one, other = street.parts[place]
        share = chance.uniform(0.2, 0.8)
        a, b = crossings[one], crossings[other]
        foot = LatLon(a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share)
        number = 2 + 2 * int((place + share) * 12) + chance.choice((0, 1))
        yield Home(f"{number} {street.name}", moved(foot, chance.choice((0.0, 90.0, 180.0, 270.0)), 16.0), foot, (one, other))


def _runs(parts: tuple[tuple[int, int], ...]) -> Iterator[list[int]]:
    run: list[int] = []
    for one, other in parts:
        if run and run[-1] != one:
            yield run
            run = []
        run = [*run, other] if run else [one, other]
    if run:
        yield run
