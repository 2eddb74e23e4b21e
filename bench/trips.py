"""What would a phone have reported on a way whose length is known? A seeded simulator of trips with noise, losses and jumps.

Roads are shortest ways over real OpenStreetMap shapes where extracts are at hand, else a synthetic town. Position errors are a
first-order autocorrelated walk (2-D rms sigma, time constant 30 s) plus white noise of 0.35 sigma: this reproduces the reference's raw
summing (+30 % at 1 Hz and sigma 8 m, 2.5 km in ten minutes at rest). Truth is measured with an independent series for WGS-84.
"""

import heapq
import math
import random
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import msgspec

from bench.osm_roads import Place, read_roads
from tracking.fares.meter_fix import MeterFix, meter_fix

START_MS = 1_750_000_000_000
ERROR_TIME_S = 30.0
WHITE_SHARE = 0.35
JUMP_M = (100.0, 400.0)
STEP_S = 0.5


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: how the way goes and how it is recorded."""

    name: str
    interval_s: float = 1.0
    sigma_m: float = 8.0
    lost_share: float = 0.0
    jump_share: float = 0.0
    tunnel_m: float = 0.0
    wait_s: float = 0.0
    walking: bool = False
    standing_s: float = 0.0
    speed: bool = False
    accuracy: bool = True


class Trip(msgspec.Struct, frozen=True):
    """A simulated recording and the true length of its way."""

    fixes: list[MeterFix]
    truth_m: float
    still_s: float


CASES = (
    Case(name="1 s, sigma 3", sigma_m=3),
    Case(name="1 s, sigma 8"),
    Case(name="1 s, sigma 15", sigma_m=15),
    Case(name="2 s, sigma 8", interval_s=2),
    Case(name="5 s, sigma 3", interval_s=5, sigma_m=3),
    Case(name="5 s, sigma 8", interval_s=5),
    Case(name="5 s, sigma 15", interval_s=5, sigma_m=15),
    Case(name="1 s, sigma 8, 10 min wait", wait_s=600),
    Case(name="5 s, sigma 8, 10 min wait", interval_s=5, wait_s=600),
    Case(name="5 s, sigma 8, 30 % lost", interval_s=5, lost_share=0.3),
    Case(name="5 s, sigma 8, 800 m tunnel", interval_s=5, tunnel_m=800),
    Case(name="1 s, sigma 8, 1 % jumps", jump_share=0.01),
    Case(name="5 s, sigma 8, 1 % jumps", interval_s=5, jump_share=0.01),
    Case(name="10 s, sigma 8", interval_s=10),
    Case(name="15 s, sigma 8", interval_s=15),
    Case(name="30 s, sigma 8", interval_s=30),
    Case(name="1 s, sigma 8, walking", walking=True),
    Case(name="5 s, sigma 8, walking", interval_s=5, walking=True),
    Case(name="1 s, sigma 8, no accuracy", accuracy=False),
    Case(name="1 s, sigma 8, speed", speed=True),
    Case(name="5 s, sigma 8, speed", interval_s=5, speed=True),
    Case(name="5 s, sigma 8, 1 % jumps, speed", interval_s=5, jump_share=0.01, speed=True),
    Case(name="standing 600 s, 1 s, sigma 8", standing_s=600),
    Case(name="standing 600 s, 5 s, sigma 8", standing_s=600, interval_s=5),
    Case(name="standing 600 s, 1 s, sigma 15", standing_s=600, sigma_m=15),
)
"""Every case of the trial."""


def metres_a_degree(lat: float) -> tuple[float, float]:
    """Return metres for a degree of (latitude, longitude) on WGS-84 by the usual cosine series (error below 0.1 m)."""
    phi = math.radians(lat)
    north = 111132.92 - 559.82 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi) - 0.0023 * math.cos(6 * phi)
    east = 111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
    return north, east


def leg_m(a: Place, b: Place) -> float:
    """Return the metres of a short leg."""
    north, east = metres_a_degree((a[0] + b[0]) / 2)
    return math.hypot((b[0] - a[0]) * north, (b[1] - a[1]) * east)


class Town:
    """A road graph from which ways can be drawn."""

    def __init__(self, roads: list[list[Place]]) -> None:
        self.edges: dict[Place, list[tuple[Place, float]]] = defaultdict(list)
        for road in roads:
            for a, b in pairwise(road):
                if a != b:
                    length = leg_m(a, b)
                    self.edges[a].append((b, length))
                    self.edges[b].append((a, length))
        self.places = sorted(self.edges)

    def way(self, chance: random.Random, least_m: float, most_m: float) -> list[Place]:
        """Return a shortest way of a length in the range between two random places."""
        for _ in range(200):
            start = chance.choice(self.places)
            before, lengths = self._reached(start, most_m)
            ends = [place for place, length in lengths.items() if length >= least_m]
            if ends:
                place, way = chance.choice(ends), []
                while place != start:
                    way.append(place)
                    place = before[place]
                return [start, *reversed(way)]
        raise ValueError(f"The town has no way of {least_m:.0f} m. Use a larger extract.")

    def _reached(self, start: Place, most_m: float) -> tuple[dict[Place, Place], dict[Place, float]]:
        """Return the tree of shortest ways from a place (Dijkstra)."""
        before: dict[Place, Place] = {}
        lengths = {start: 0.0}
        queue = [(0.0, start)]
        while queue:
            length, place = heapq.heappop(queue)
            if length > lengths[place]:
                continue
            for other, step in self.edges[place]:
                total = length + step
                if total <= most_m and total < lengths.get(other, math.inf):
                    lengths[other], before[other] = total, place
                    heapq.heappush(queue, (total, other))
        return before, lengths


def synthetic_town(chance: random.Random) -> Town:
    """Return a bent grid of streets, blocks of 70 to 180 m, about 3 km on a side."""
    north, east = metres_a_degree(48.0)
    rows, columns = [0.0], [0.0]
    while rows[-1] < 3000:
        rows.append(rows[-1] + chance.uniform(70, 180))
    while columns[-1] < 3000:
        columns.append(columns[-1] + chance.uniform(70, 180))
    spots = [
        [(48.0 + (y + 15 * math.sin(x / 260)) / north, 11.5 + (x + 15 * math.sin(y / 310)) / east) for x in columns] for y in rows
    ]
    return Town([*spots, *[list(line) for line in zip(*spots, strict=True)]])


def towns(maps: Path | None, chance: random.Random) -> list[Town]:
    """Return a town for each extract of the folder and one synthetic; only the synthetic where there is none."""
    found = sorted(maps.glob("*.osm.pbf")) if maps is not None and maps.is_dir() else []
    return [*[Town(read_roads(path)) for path in found], synthetic_town(chance)]


def build(case: Case, town: Town, chance: random.Random) -> Trip:
    """Return one trip of a case."""
    if case.standing_s:
        place = chance.choice(town.places)
        moves = [(0.0, 0.0)] * int(case.standing_s / STEP_S)
        return Trip(_recorded(case, [place, place], moves, chance), 0.0, case.standing_s)
    way = town.way(chance, 1000, 2000) if case.walking else town.way(chance, 3000, 8000)
    total_m = sum(leg_m(a, b) for a, b in pairwise(way))
    moves = _driven(case, total_m, chance)
    still_s = STEP_S * sum(speed < 0.1 for _, speed in moves)
    return Trip(_recorded(case, way, moves, chance), total_m, still_s)


def _driven(case: Case, total_m: float, chance: random.Random) -> list[tuple[float, float]]:
    """Return (metres along the way, speed) every half second: cruising, stopping about every 450 m, one long wait where asked."""
    slowest, fastest, between_m = (1.1, 1.6, 300.0) if case.walking else (6.0, 14.0, 450.0)

    def cruise() -> float:
        return chance.uniform(slowest, fastest)

    def gap() -> float:
        return chance.expovariate(1 / between_m) + 30

    along = speed = 0.0
    target, stop_at, still_s = cruise(), gap(), chance.uniform(0, 10)
    wait_at = total_m * chance.uniform(0.2, 0.8) if case.wait_s else math.inf
    moves = []
    while along < total_m:
        moves.append((along, speed))
        ahead = min(stop_at, wait_at, total_m) - along
        if still_s > 0:
            still_s, speed = still_s - STEP_S, 0.0
            continue
        brake = math.sqrt(2 * 2.0 * max(0.0, ahead)) + 0.3
        speed = min(speed + 1.5 * STEP_S, target, brake)
        along += speed * STEP_S
        if along >= wait_at:
            wait_at, still_s = math.inf, case.wait_s
        elif along >= stop_at:
            stop_at, still_s, target = along + gap(), chance.uniform(3, 45), cruise()
    return [*moves, *[(total_m, 0.0)] * int(chance.uniform(0, 20) / STEP_S)]


def _recorded(case: Case, way: list[Place], moves: list[tuple[float, float]], chance: random.Random) -> list[MeterFix]:
    """Return what the phone wrote down."""
    sums = [0.0]
    for a, b in pairwise(way):
        sums.append(sums[-1] + leg_m(a, b))
    axis_m = case.sigma_m / math.sqrt(2)
    keep = math.exp(-case.interval_s / ERROR_TIME_S)
    fresh = axis_m * math.sqrt(1 - keep * keep)
    walk_n, walk_e = chance.gauss(0, axis_m), chance.gauss(0, axis_m)
    tunnel_at = chance.uniform(0.2, 0.6) * sums[-1] if case.tunnel_m else math.inf
    fixes, segment = [], 0
    stride = round(case.interval_s / STEP_S)
    for seq, step in enumerate(range(0, len(moves), stride)):
        along, _ = moves[step]
        while segment < len(sums) - 2 and sums[segment + 1] < along:
            segment += 1
        walk_n, walk_e = keep * walk_n + chance.gauss(0, fresh), keep * walk_e + chance.gauss(0, fresh)
        if chance.random() < case.lost_share or tunnel_at <= along < tunnel_at + case.tunnel_m:
            continue
        error_n = walk_n + chance.gauss(0, axis_m * WHITE_SHARE)
        error_e = walk_e + chance.gauss(0, axis_m * WHITE_SHARE)
        if chance.random() < case.jump_share:
            size, turn = chance.uniform(*JUMP_M), chance.uniform(0, 2 * math.pi)
            error_n, error_e = error_n + size * math.cos(turn), error_e + size * math.sin(turn)
        fixes.append(_fix(case, way, sums, segment, moves, step, (error_n, error_e), seq, chance))
    return fixes


def _fix(
    case: Case, way: list[Place], sums: list[float], segment: int, moves: list[tuple[float, float]], step: int,
    error: tuple[float, float], seq: int, chance: random.Random,
) -> MeterFix:
    """Return one fix with its errors and readings; the speed is late by a second, 1 % high, noisy and missing in a fifth."""
    (lat_a, lon_a), (lat_b, lon_b) = way[segment], way[segment + 1]
    length = sums[segment + 1] - sums[segment]
    share = (moves[step][0] - sums[segment]) / length if length else 0.0
    north, east = metres_a_degree(lat_a)
    speed = None
    if case.speed and chance.random() > 0.2:
        speed = max(0.0, moves[max(0, step - 2)][1] * 1.01 + chance.gauss(0, 0.3))
    return meter_fix(
        START_MS + round(step * STEP_S * 1000), lat_a + share * (lat_b - lat_a) + error[0] / north,
        lon_a + share * (lon_b - lon_a) + error[1] / east,
        case.sigma_m * chance.uniform(0.8, 1.2) if case.accuracy else None, speed, False, ("sim", 1, seq),
    )
