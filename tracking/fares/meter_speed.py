"""What does the reported speed add? It knows short ways and rest better than positions do, where it can be believed.

Phones differ: some leave it out, some always say 0, some smooth it. It is used only after 300 m on which speed and positions agree,
and never beyond what the positions allow.
"""

from tracking.fares.meter_fix import MeterFix
from tracking.fares.meter_state import Leg, MeterState

_APART_MS = 10_000
"""Speeds farther apart say nothing of the time between."""
_CALM_CMPS = 60
"""Slower is the sensor's noise at rest."""
_PROOF_MM = 300_000


def hear(state: MeterState, leg: Leg, fix: MeterFix) -> None:
    """Add the way since the last reported speed to the leg's integral."""
    speed_cmps, at_ms, spoke_ms, spoke_cmps = fix.speed_cmps or 0, fix.at_ms, state.spoke_ms, state.spoke_cmps
    if speed_cmps < _CALM_CMPS:
        speed_cmps = 0
    if spoke_cmps >= 0 and 0 < at_ms - spoke_ms <= _APART_MS:
        since_ms = at_ms - (spoke_ms if spoke_ms > leg.start_ms else leg.start_ms)
        leg.said_mm += (spoke_cmps + speed_cmps) * since_ms // 200
        leg.said_ms += since_ms
    state.spoke_ms, state.spoke_cmps = at_ms, speed_cmps


def _covers(leg: Leg) -> bool:
    """Tell whether speed is known for nine tenths of the leg."""
    return leg.said_ms * 10 >= 9 * (leg.end_ms - leg.start_ms) > 0


def _agrees(state: MeterState) -> bool:
    """Tell whether speed and positions made the same of the legs that had both."""
    return 90 * state.aid_leg_mm < 100 * state.aid_said_mm < 115 * state.aid_leg_mm


def says_rest(state: MeterState, leg: Leg, square_mm2: int, need_mm: int) -> bool:
    """Tell whether the position wandered off while the speed says rest; believed up to twice the distance needed.

    `square_mm2`: the square of how far it is from the anchor.
    """
    said_mm = leg.said_mm
    if 4 * said_mm * said_mm >= square_mm2 or square_mm2 >= 4 * need_mm * need_mm or not _covers(leg):
        return False
    return state.aid_leg_mm < _PROOF_MM or _agrees(state)


def aided_mm(state: MeterState, leg: Leg, leg_mm: int, bend_mm: int) -> tuple[int, int]:
    """Return (leg, its bend) with a third of the weight given to speed where it is proven, inside [0.95 leg - 5 m, 1.35 leg + 10 m]."""
    if not _covers(leg):
        return leg_mm, bend_mm
    said_mm = leg.said_mm
    state.aid_said_mm += said_mm
    state.aid_leg_mm += leg_mm
    if state.aid_leg_mm < _PROOF_MM or not _agrees(state):
        return leg_mm, bend_mm
    most_mm, least_mm = leg_mm * 135 // 100 + 10_000, leg_mm * 95 // 100 - 5_000
    said_mm = max(most_mm if said_mm > most_mm else said_mm, least_mm, 0)
    return (2 * leg_mm + said_mm) // 3, 2 * bend_mm // 3
