"""What do plain filters make of the same fixes? Raw summing, and "spike test + anchor 25 m", to stand beside the meter in one run."""

from itertools import pairwise

from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_ground import length_mm

_ANCHOR_MM = 25_000


def apart_mm(a: MeterFix, b: MeterFix) -> int:
    """Return the millimetres between two fixes."""
    return length_mm(a.lat_e7, a.lon_e7, b.lat_e7, b.lon_e7)


def raw_m(fixes: list[MeterFix]) -> float:
    """Return the sum of all steps, in metres."""
    return sum(apart_mm(a, b) for a, b in pairwise(fixes)) / 1000


def spike_anchor_m(fixes: list[MeterFix]) -> float:
    """Return metres by the plain filter: gate 50 m, one-fix spike test, a leg counted at 25 m from its anchor."""
    usable = [fix for fix in fixes if fix.accuracy_dm is None or fix.accuracy_dm <= 500]
    if not usable:
        return 0.0
    total_mm, anchor, kept, held = 0, usable[0], None, usable[0]
    for fix in usable[1:]:
        if kept is not None and _is_spike(kept, held, fix):
            held = fix
            continue
        if apart_mm(anchor, held) >= _ANCHOR_MM:
            total_mm, anchor = total_mm + apart_mm(anchor, held), held
        kept, held = held, fix
    if apart_mm(anchor, held) >= _ANCHOR_MM:
        total_mm += apart_mm(anchor, held)
    return total_mm / 1000


def _is_spike(before: MeterFix, held: MeterFix, after: MeterFix) -> bool:
    """Tell whether the way nearly reverses at the held fix, out of the noise and fast."""
    there_mm, back_mm, direct_mm = apart_mm(before, held), apart_mm(held, after), apart_mm(before, after)
    noise_mm = 8_000 if held.accuracy_dm is None else held.accuracy_dm * 100
    is_fast = there_mm > 15 * (held.at_ms - before.at_ms) or back_mm > 15 * (after.at_ms - held.at_ms)
    return (
        is_fast and 2 * direct_mm < there_mm + back_mm and min(there_mm, back_mm) > 4 * noise_mm
        and there_mm + back_mm - direct_mm > 6 * noise_mm + 20_000
    )
