"""Is she there, and how is she getting on? The first observers: nearness to the address, and the inputs of the arrival estimate."""

import msgspec

from core.geo import LatLon, distance_m, surely_beyond
from tracking.fix import Fix
from tracking.journey import Observer
from tracking.ports import OpenVisit
from visits.stage import Stage

NEAR_M = 150.0
NEAR_MS = 20_000
NEAR_ACCURACY_M = 100.0
"""A fix vaguer than this says nothing about a circle of 150 m."""
GAP_MS = 60_000
"""After a silence this long nearness begins anew: nobody knows what lay between."""
PROGRESS_MS = 15_000
_DEPARTED = Stage.DEPARTED


class Arrived(msgspec.Struct, frozen=True):
    """She has been within 150 m of the address for 20 s: offer her the button. Told once a journey."""

    at_ms: int
    distance_m: float


class Progress(msgspec.Struct, frozen=True):
    """Where she is on her way, at most every 15 s: input of the arrival estimate."""

    at_ms: int
    place: LatLon
    distance_m: float
    speed_mps: float | None


class NearState(msgspec.Struct, frozen=True, array_like=True):
    """`near_since_ms`: when she came near, None while she is not; `last_ms`: last fix that could tell, while near; `told`: said already."""

    place: LatLon
    near_since_ms: int | None = None
    last_ms: int = 0
    told: bool = False


class ProgressState(msgspec.Struct, frozen=True, array_like=True):
    """`told_ms`: time of the fix that was told last."""

    place: LatLon
    told_ms: int = 0


def _start_near(visit: OpenVisit) -> NearState:
    return NearState(visit.place)


def observe_near(state: NearState, fix: Fix, stage: Stage) -> tuple[NearState, tuple[Arrived, ...]]:
    """Suggest arrival after 20 s within 150 m, on the way only; vague and mocked fixes neither help nor hurt."""
    if state.told or stage is not _DEPARTED or fix.mocked or (fix.accuracy_m or 0.0) > NEAR_ACCURACY_M:
        return state, ()
    distance = NEAR_M + 1 if surely_beyond(state.place, fix, NEAR_M) else distance_m(state.place, fix)
    if distance > NEAR_M:
        return state if state.near_since_ms is None else NearState(state.place), ()
    goes_on = state.near_since_ms is not None and fix.at_ms - state.last_ms <= GAP_MS
    since_ms = state.near_since_ms if goes_on and state.near_since_ms is not None else fix.at_ms
    is_there = fix.at_ms - since_ms >= NEAR_MS
    return NearState(state.place, since_ms, fix.at_ms, is_there), (Arrived(fix.at_ms, distance),) if is_there else ()


def _start_progress(visit: OpenVisit) -> ProgressState:
    return ProgressState(visit.place)


def observe_progress(state: ProgressState, fix: Fix, stage: Stage) -> tuple[ProgressState, tuple[Progress, ...]]:
    """Tell how far she is, on the way only, at most every 15 s of fix time."""
    if stage is not _DEPARTED or fix.mocked or fix.at_ms - state.told_ms < PROGRESS_MS:
        return state, ()
    progress = Progress(fix.at_ms, fix.place, distance_m(state.place, fix), fix.speed_mps)
    return ProgressState(state.place, fix.at_ms), (progress,)


NEARNESS = Observer(name="nearness", state_type=NearState, start=_start_near, observe=observe_near)
PROGRESS = Observer(name="progress", state_type=ProgressState, start=_start_progress, observe=observe_progress)
OBSERVERS = (NEARNESS, PROGRESS)
