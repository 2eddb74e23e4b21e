"""How does one drive through the demo's town? Along its streets, by the quickest way; and where is one after so many metres?

Pure. The quickest way is Dijkstra's over the crossings, main streets being cheaper by a quarter.
"""

import bisect
import heapq
import itertools

import msgspec

from core.geo import LatLon, bearing_deg, distance_m
from hub.demo_town import Home, Town


class Path(msgspec.Struct, frozen=True):
    """A way as places, with the metres from its start to each of them, ascending."""

    places: tuple[LatLon, ...]
    metres: tuple[float, ...]

    @property
    def length_m(self) -> float:
        """Return its whole length in metres."""
        return self.metres[-1]


def path_of(places: list[LatLon]) -> Path:
    """Return the path along `places`, at least one; equal neighbours are joined."""
    kept = [place for place, before in zip(places, [None, *places], strict=False) if place != before]
    steps = [distance_m(one, other) for one, other in itertools.pairwise(kept)]
    return Path(tuple(kept), tuple(itertools.accumulate(steps, initial=0.0)))


def quickest_path(town: Town, start: Home, end: Home) -> Path:
    """Return the way from door to door along the streets."""
    if start.part == end.part:
        return path_of([start.point, start.foot, end.foot, end.point])
    main = {frozenset(part) for street in town.streets if street.is_main for part in street.parts}
    costs: dict[int, float] = {}
    before: dict[int, int] = {}
    waiting: list[tuple[float, int, int]] = [(distance_m(start.foot, town.crossings[node]), node, -1) for node in start.part]
    heapq.heapify(waiting)
    while waiting:
        cost, node, came_from = heapq.heappop(waiting)
        if node in costs:
            continue
        costs[node], before[node] = cost, came_from
        for neighbour, metres in town.ways[node]:
            heapq.heappush(waiting, (cost + metres * (0.75 if frozenset((node, neighbour)) in main else 1.0), neighbour, node))
    last = min(end.part, key=lambda node: costs[node] + distance_m(town.crossings[node], end.foot))
    nodes = [last]
    while before[nodes[-1]] != -1:
        nodes.append(before[nodes[-1]])
    return path_of([start.point, start.foot, *(town.crossings[node] for node in reversed(nodes)), end.foot, end.point])


def place_after(path: Path, metres: float) -> tuple[LatLon, float]:
    """Return the place `metres` (clamped to the path) from its start and the heading there, degrees clockwise from north."""
    metres = min(max(metres, 0.0), path.length_m)
    step = min(max(bisect.bisect_right(path.metres, metres) - 1, 0), len(path.places) - 2)
    if step < 0:
        return path.places[0], 0.0
    one, other = path.places[step], path.places[step + 1]
    share = (metres - path.metres[step]) / (path.metres[step + 1] - path.metres[step])
    return LatLon(one.lat + (other.lat - one.lat) * share, one.lon + (other.lon - one.lon) * share), bearing_deg(one, other)
