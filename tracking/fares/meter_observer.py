"""What does the meter show while she drives? A provisional reading, kept in the journey's checkpoint so that a restart changes nothing.

Registered with the journey as `METER`. It puts fixes in order within ten seconds; what comes
later than that is counted and left to the settlement. The billed figure is never this one.
"""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from tracking.fares.meter import finish, take
from tracking.fares.meter_certainty import certainty
from tracking.fares.meter_fix import MeterFix, meter_fix
from tracking.fares.meter_state import RULES, MeterState, own_copy
from tracking.fares.metered import Grade
from tracking.fares.metering_device import MeteringDevice, meters
from tracking.fix import Fix
from tracking.journey import JourneyState, Observer
from tracking.ports import OpenVisit
from visits.stage import Stage

WINDOW_MS = 10_000
"""Fixes wait this long for those before them."""
WINDOW_FIXES = 32
"""And no more than this many wait."""
_BEFORE, _DEPARTED = frozenset({Stage.CREATED, Stage.ASSIGNED}), Stage.DEPARTED
_GATE_DM = RULES.gate_mm // 100


class MeterReading(msgspec.Struct, frozen=True, kw_only=True):
    """The provisional state of the meter, for her page and, where the site allows, the customer's: mm and ms; settlement may differ."""

    at_ms: int
    """Fix time of the newest metered fix."""
    distance_mm: int
    low_mm: int
    high_mm: int
    grade: Grade
    moving_ms: int
    slow_ms: int
    waiting_ms: int
    gaps: int
    is_final: bool
    """True once she has arrived and nothing more is metered live."""


class MeterWatch(msgspec.Struct, array_like=True):
    """The observer's memory of one way; bounded. Start with `MeterWatch()`."""

    meter: MeterState = msgspec.field(default_factory=MeterState)
    window: tuple[MeterFix, ...] = ()
    device: MeteringDevice = msgspec.field(default_factory=MeteringDevice)
    metered_ms: int = 0
    """Fix time up to which all has been metered."""
    late: int = 0
    """Fixes that came after their time: settlement has them, the live reading has not."""
    is_running: bool = False
    is_ended: bool = False


def observe(state: MeterWatch, fix: Fix, stage: Stage) -> tuple[MeterWatch, tuple[MeterReading, ...]]:
    """Take one fix of the journey at a stage of the visit; `state` stays as it is.

    Returns: the new memory and a reading whenever the metered distance or time has moved; nothing before `departed`. The reading
    becomes final at the first fix of any later stage. Back at `assigned` (given to another technician) the meter starts anew.
    """
    before = (state.meter.distance_mm, state.meter.slices, state.is_ended)
    after = follow(_own_copy(state), (fix,), stage)
    meter = after.meter
    if not (after.is_running or after.is_ended) or (meter.distance_mm, meter.slices, after.is_ended) == before:
        return after, ()
    return after, (_reading(after, is_final=after.is_ended),)


def follow(state: MeterWatch, fixes: Sequence[Fix], stage: Stage) -> MeterWatch:
    """Come to the same memory, to the last bit, without readings: for journeys to whose readings nobody listens. Mostly changes `state`.

    `fixes`: one or more, each later than the one before.
    """
    if stage is _DEPARTED:
        if not state.is_ended:
            state.is_running = True
            _take_in(state, [_plain(fix) for fix in fixes])
    elif stage in _BEFORE:
        return MeterWatch() if state.is_running or state.is_ended else state
    elif state.is_running:
        _end(state)
    return state


def _own_copy(state: MeterWatch) -> MeterWatch:
    """Return a copy that may be changed."""
    return MeterWatch(
        meter=own_copy(state.meter), window=state.window, device=MeteringDevice(state.device.device_id, state.device.heard_ms),
        metered_ms=state.metered_ms, late=state.late, is_running=state.is_running, is_ended=state.is_ended,
    )


def _plain(fix: Fix) -> MeterFix:
    """Return the journey's fix in fixed point."""
    key = (fix.device_id, fix.device_epoch, fix.seq)
    return meter_fix(fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.mocked, key)


def _take_in(state: MeterWatch, fixes: Sequence[MeterFix]) -> None:
    """Put fixes into the window and meter those whose turn has come."""
    window = state.window
    if fixes[0].at_ms > (window[-1].at_ms if window else state.metered_ms):
        _meter_due(state, (*window, *fixes))
        return
    for fix in fixes:
        if fix.at_ms > state.metered_ms:
            _meter_due(state, _in_turn(state.window, fix))
        else:
            state.late += 1


def _meter_due(state: MeterWatch, waiting: tuple[MeterFix, ...]) -> None:
    """Meter those of the waiting fixes that are older than the window or too many for it."""
    due_ms, due = waiting[-1].at_ms - WINDOW_MS, max(len(waiting) - WINDOW_FIXES, 0)
    while waiting[due].at_ms <= due_ms:
        due += 1
    state.window = waiting[due:]
    _meter(state, waiting[:due])


def _turn(fix: MeterFix) -> tuple[int, tuple[str, int, int]]:
    """Return the order of metering."""
    return (fix.at_ms, fix.key)


def _in_turn(window: tuple[MeterFix, ...], fix: MeterFix) -> tuple[MeterFix, ...]:
    """Return the window with the fix in its place; as it is where the fix repeats another."""
    place = bisect_left(window, _turn(fix), key=_turn)
    is_known = place < len(window) and _turn(window[place]) == _turn(fix)
    return window if is_known else (*window[:place], fix, *window[place:])


def _meter(state: MeterWatch, due: tuple[MeterFix, ...]) -> None:
    """Meter the due fixes, which are in order."""
    for fix in due:
        if fix.at_ms > state.metered_ms:
            state.metered_ms = fix.at_ms
        if meters(state.device, fix, _GATE_DM):
            take(state.meter, fix)


def _end(state: MeterWatch) -> None:
    """Meter what waits and close the last leg: the reading is final."""
    _meter(state, state.window)
    finish(state.meter)
    state.window, state.is_running, state.is_ended = (), False, True


def _reading(state: MeterWatch, *, is_final: bool) -> MeterReading:
    """Return the reading as it stands."""
    meter = state.meter
    low_mm, high_mm, grade = certainty(meter)
    return MeterReading(
        at_ms=state.metered_ms, distance_mm=meter.distance_mm, low_mm=low_mm, high_mm=high_mm, grade=grade, moving_ms=meter.moving_ms,
        slow_ms=meter.slow_ms, waiting_ms=meter.waiting_ms, gaps=len(meter.gaps), is_final=is_final,
    )


def reading_in(checkpoint: bytes) -> MeterReading | None:
    """Return the reading that a journey's checkpoint holds, None where nothing was metered yet. Raises: `msgspec.DecodeError`."""
    raw = msgspec.msgpack.decode(checkpoint, type=JourneyState).observers.get(METER.name)
    state = None if raw is None else msgspec.msgpack.decode(raw, type=MeterWatch)
    if state is None or not (state.is_running or state.is_ended):
        return None
    return _reading(state, is_final=state.is_ended)


def _fresh(visit: OpenVisit) -> MeterWatch:
    """Return the memory before any fix: the device that speaks first meters, as in the settlement."""
    return MeterWatch()


METER = Observer(name="meter/2", state_type=MeterWatch, start=_fresh, observe=observe, follow=follow)
"""To be registered with the journey; a new algorithm whose state reads differently takes a new name."""
