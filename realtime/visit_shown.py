"""What of a visit goes to its watchers? The customer's position and words, as frames' contents, from state, newest fix and time.

Whether a position may leave is `tracking.customer_view.view`'s decision alone; this file asks it and dresses the answer as GeoJSON.
"""

import math

import msgspec

from realtime.ports import VisitState
from realtime.wire_values import Point, PositionFeature, PositionProperties
from tracking.customer_view import Audience, Hidden, Level, Subject, view
from tracking.fix import Fix

DECIMALS = 6
"""11 cm at the equator. Source: RFC 7946, section 11.2, says that more says nothing."""
GAP_S = 60.0
"""A silence longer than this is told with the next position: the line between the two points is a guess."""
_CUSTOMER = Audience.CUSTOMER
_PARTS = 10**DECIMALS


class ShownPosition(msgspec.Struct, frozen=True):
    """The answer: `feature` None where nothing may be shown and `hidden` why; `ended`: even the words are over."""

    feature: PositionFeature | None
    hidden: Hidden | None = None
    ended: bool = False


def subject_of(state: VisitState, verified_at_ms: int) -> Subject:
    """Return what `customer_view` must know of a visit. `verified_at_ms`: when `state` was read."""
    return Subject(
        stage=state.stage,
        departed_at_ms=state.departed_at_ms,
        departed_from=state.departed_from,
        closed_at_ms=state.closed_at_ms,
        verified_at_ms=verified_at_ms,
    )


def shown_position(
    state: VisitState, subject: Subject, now_ms: int, fix: Fix | None, gap_s: float | None = None
) -> ShownPosition:
    """Return what the holder of the link may see at `now_ms`. `subject`: that of `state`; `gap_s`: silence before `fix`."""
    shown = view(_CUSTOMER, subject, now_ms, fix)
    if shown.fix is None or not state.position_allowed:
        return ShownPosition(None, shown.hidden, shown.level is Level.NOTHING)
    return ShownPosition(feature_of(shown.fix, gap_s))


def feature_of(fix: Fix, gap_s: float | None = None) -> PositionFeature:
    """Return a fix as GeoJSON, longitude first, 6 decimals; raises `ValueError` for numbers that are not finite, which JSON cannot say."""
    if not (math.isfinite(fix.lat) and math.isfinite(fix.lon)):
        raise ValueError(f"Fix {fix.seq} has a position that is not finite: it should never have been stored.")
    return PositionFeature(
        geometry=Point([round(fix.lon * _PARTS) / _PARTS, round(fix.lat * _PARTS) / _PARTS]),
        properties=PositionProperties(
            at_ms=fix.at_ms,
            accuracy_m=fix.accuracy_m,
            heading_deg=fix.heading_deg,
            speed_mps=fix.speed_mps,
            gap_s=gap_s if gap_s is not None and gap_s > GAP_S else None,
        ),
    )
