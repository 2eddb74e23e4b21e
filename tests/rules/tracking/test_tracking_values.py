"""Blobs come back as they were packed, routes are estimated, presence is told by ages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon
from tracking.factor_route import FactorSettings, factor_route
from tracking.fix import Fix, Judged, Lane, Reason
from tracking.packing import Batch, pack, pack_fix, unpack, unpack_fix
from tracking.presence import Heard, Presence, presence

NOW_MS = 1_772_442_000_000
fixes = st.builds(
    Fix, st.text(max_size=36), st.integers(0, 2**31), st.integers(0, 2**63 - 1), st.text(max_size=36), st.just(NOW_MS), st.just(NOW_MS),
    st.just(NOW_MS), st.floats(-90, 90), st.floats(-180, 180), st.none() | st.floats(0, 1e6), st.none() | st.floats(0, 100),
)
judged = st.builds(Judged, fixes, st.sampled_from(list(Lane)), st.lists(st.sampled_from(list(Reason)), max_size=3).map(tuple))


@given(st.builds(Batch, st.text(max_size=20), st.text(max_size=40), st.lists(st.lists(judged, max_size=4), max_size=20)))
def test_a_batch_comes_back_as_it_was(batch: Batch) -> None:
    assert unpack(pack(batch)) == batch


@given(fixes)
def test_a_fix_comes_back_as_it_was(fix: Fix) -> None:
    assert unpack_fix(pack_fix(fix)) == fix


def test_a_factor_route_is_longer_than_the_line_and_its_p90_later_than_its_p50() -> None:
    route = factor_route(LatLon(31.2, 121.5), LatLon(31.2, 121.6))
    assert route.metres == pytest.approx(1.27 * 9511, rel=0.01)
    assert 30 * 60 < route.seconds_p50 < 45 * 60
    assert route.seconds_p90 > route.seconds_p50


def test_no_way_takes_no_time() -> None:
    route = factor_route(LatLon(31.2, 121.5), LatLon(31.2, 121.5), FactorSettings(factor=1.4))
    assert (route.metres, route.seconds_p50, route.seconds_p90) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("heard_ms", "fix_ms", "expected"),
    [
        (None, None, Presence.NEVER),
        (NOW_MS - 1_000, NOW_MS - 2_000, Presence.LIVE),
        (NOW_MS - 1_000, NOW_MS - 90_000, Presence.NO_POSITION),
        (NOW_MS - 1_000, None, Presence.NO_POSITION),
        (NOW_MS - 90_000, NOW_MS - 90_000, Presence.QUIET),
        (None, NOW_MS - 400_000, Presence.LOST),
    ],
)
def test_presence_tells_link_and_position_apart(heard_ms: int | None, fix_ms: int | None, expected: Presence) -> None:
    assert presence(Heard(heard_ms, fix_ms), NOW_MS) is expected
