"""How far was the way that is billed? The stored raw fixes between `departed` and `arrived`, judged again from the start.

Live verdicts depend on the order of arrival, so they are ignored: fixes are put in one order, duplicates dropped, one device metered.
The same fixes in any order with any duplicates on any machine give the same millimetres and the same digest. Pure; called by the
receipt's flow, `fare meter` and `fare replay`.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from tracking.fares.meter import finish, take
from tracking.fares.meter_certainty import certainty
from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_gap import note_gap
from tracking.fares.meter_state import ALGORITHM, RULES, MeterRules, MeterState, Rejected, count_rejected
from tracking.fares.meter_time import book_wait
from tracking.fares.metered import Gap, GapFill, Metered, Slice
from tracking.fares.metering_device import MeteringDevice, meters

_END_SILENCE_MS = 20_000
"""So long after departing, or before arriving, no fix is due yet; what is longer is marked and makes the distance less certain."""


def settle_distance(
    fixes: Iterable[MeterFix], departed_ms: int | None = None, arrived_ms: int | None = None, *, rules: MeterRules = RULES
) -> Metered:
    """Return the billed way.

    Args:
        fixes: raw fixes of the technician's devices, any order, duplicates allowed; those outside the leg are ignored.
        departed_ms, arrived_ms: the leg, fix time, both ends included; None takes the first or last fix.
    Returns: what was measured; without fixes, with one, or with none that passes: 0 mm, grade C.
    Cost: about 6 microseconds and 150 bytes a fix.
    """
    ordered = in_order(fixes, departed_ms, arrived_ms)
    state, slices, device_id = _replayed(ordered, rules)
    start_ms, end_ms = _ends(ordered, departed_ms, arrived_ms)
    silent_ms = _close_ends(state, slices, ordered, start_ms, end_ms)
    low_mm, high_mm, grade = certainty(state, silent_ms)
    metered = Metered(
        distance_mm=state.distance_mm, low_mm=low_mm, high_mm=high_mm, grade=grade, start_ms=start_ms, end_ms=end_ms,
        moving_ms=state.moving_ms, slow_ms=state.slow_ms, waiting_ms=state.waiting_ms, fixes=state.fixes, digest="", algorithm=ALGORITHM,
        device_id=device_id, gaps=tuple(sorted(state.gaps, key=lambda gap: (gap.start_ms, gap.end_ms))), slices=tuple(slices),
        rejected=dict(sorted(state.rejected.items())),
    )
    return msgspec.structs.replace(metered, digest=digest_of(ordered, rules, metered))


def in_order(fixes: Iterable[MeterFix], departed_ms: int | None, arrived_ms: int | None) -> list[MeterFix]:
    """Return the leg's fixes by (time, device, epoch, seq), each identity once; among different contents of one the smallest."""
    low_ms = -(1 << 62) if departed_ms is None else departed_ms
    high_ms = 1 << 62 if arrived_ms is None else arrived_ms
    kept: list[MeterFix] = []
    before: tuple[int, tuple[str, int, int]] | None = None
    for fix in sorted((fix for fix in fixes if low_ms <= fix.at_ms <= high_ms), key=_order):
        identity = (fix.at_ms, fix.key)
        if identity != before:
            kept.append(fix)
            before = identity
    return kept


def _order(fix: MeterFix) -> tuple[int, tuple[str, int, int], int, int, int, int, bool]:
    """Return the total order of fixes, content last."""
    accuracy_dm = -1 if fix.accuracy_dm is None else fix.accuracy_dm
    speed_cmps = -1 if fix.speed_cmps is None else fix.speed_cmps
    return (fix.at_ms, fix.key, fix.lat_e7, fix.lon_e7, accuracy_dm, speed_cmps, fix.mocked)


def _replayed(ordered: list[MeterFix], rules: MeterRules) -> tuple[MeterState, list[Slice], str | None]:
    """Run the meter over the leg."""
    state, slices, device = MeterState(), list[Slice](), MeteringDevice()
    first_device: str | None = None
    gate_dm = rules.gate_mm // 100
    for fix in ordered:
        if meters(device, fix, gate_dm):
            take(state, fix, slices, rules)
            if first_device is None and state.held is not None:
                first_device = state.held.key[0]
        else:
            count_rejected(state, Rejected.OTHER_DEVICE)
    finish(state, slices, rules)
    return state, slices, first_device or None


def _ends(ordered: list[MeterFix], departed_ms: int | None, arrived_ms: int | None) -> tuple[int, int]:
    """Return the leg's start and end."""
    start_ms = departed_ms if departed_ms is not None else (ordered[0].at_ms if ordered else arrived_ms or 0)
    end_ms = arrived_ms if arrived_ms is not None else (ordered[-1].at_ms if ordered else start_ms)
    return start_ms, max(start_ms, end_ms)


def _close_ends(state: MeterState, slices: list[Slice], ordered: list[MeterFix], start_ms: int, end_ms: int) -> int:
    """Account for the time before the first and after the last slice, and return how much of it is silence, in ms."""
    if not slices:
        return _close_end(state, slices, ordered, start_ms, end_ms)
    tail_ms = _close_end(state, slices, ordered, slices[-1].end_ms, end_ms)
    first_ms, was = slices[0].start_ms, len(slices)
    lead_ms = _close_end(state, slices, ordered, start_ms, first_ms)
    if len(slices) > was:
        slices.insert(0, slices.pop())
    return lead_ms + tail_ms


def _close_end(state: MeterState, slices: list[Slice], ordered: list[MeterFix], start_ms: int, end_ms: int) -> int:
    """Book a short end as a wait, a longer one as a gap without distance (cut out where its fixes were mocked); return its silence."""
    if end_ms - start_ms <= _END_SILENCE_MS:
        book_wait(state, start_ms, end_ms, slices)
        return 0
    is_false = Rejected.MOCKED in state.rejected and any(fix.mocked and start_ms <= fix.at_ms <= end_ms for fix in ordered)
    fill = GapFill.CUT if is_false else GapFill.CHORD
    note_gap(state, Gap(start_ms=start_ms, end_ms=end_ms, chord_mm=0, filled_mm=0, fill=fill), slices)
    return end_ms - start_ms


def digest_of(ordered: list[MeterFix], rules: MeterRules, metered: Metered) -> str:
    """Return the SHA-256, in hexadecimal, of a JSON array: the algorithm, its limits, the ordered input, the result without digest.

    Whole numbers and text only, in the order of the structs' fields, so that anyone can write the same bytes again.
    """
    bare = msgspec.structs.replace(metered, digest="")
    return hashlib.sha256(msgspec.json.encode((ALGORITHM, rules, ordered, bare))).hexdigest()
