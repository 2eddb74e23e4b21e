"""The live verdict moves the marker only for fixes that can be believed, and never moves it back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon, moved
from tracking.fix import Fix, Lane, Reason
from tracking.fix_verdict import NO_MARK, Mark, judge

NOW_MS = 1_772_442_000_000
HERE = LatLon(31.2, 121.5)
LAST = Fix("dev", 7, 10, "tech", NOW_MS - 10_000, NOW_MS - 10_000, NOW_MS - 9_900, HERE.lat, HERE.lon, 10.0, 5.0)


def after(seconds: float, metres: float, **changes: object) -> Fix:
    place = moved(HERE, 90.0, metres)
    at_ms = LAST.at_ms + int(seconds * 1000)
    fix = msgspec.structs.replace(LAST, seq=LAST.seq + 1, at_ms=at_ms, device_at_ms=at_ms, lat=place.lat, lon=place.lon)
    return msgspec.structs.replace(fix, **changes)


@pytest.mark.parametrize(
    ("fix", "reasons"),
    [
        (after(10, 80), ()),
        (after(-5, 80), (Reason.STALE,)),
        (LAST, (Reason.DUPLICATE,)),
        (msgspec.structs.replace(LAST, seq=99), (Reason.DUPLICATE,)),
        (after(25, 80), (Reason.FUTURE,)),
        (after(10, 80, accuracy_m=900.0), (Reason.INACCURATE,)),
        (after(10, 80, accuracy_m=None), ()),
        (after(1, 2000), (Reason.JUMP,)),
        (after(10, 80, mocked=True), (Reason.MOCKED,)),
        (msgspec.structs.replace(LAST, seq=11, at_ms=LAST.at_ms + 2000), (Reason.FROZEN,)),
        (msgspec.structs.replace(LAST, seq=11, at_ms=LAST.at_ms + 2000, speed_mps=0.0), ()),
        (after(1, 9000, mocked=True, accuracy_m=300.0), (Reason.INACCURATE, Reason.MOCKED, Reason.JUMP)),
    ],
)
def test_all_reasons_are_kept(fix: Fix, reasons: tuple[Reason, ...]) -> None:
    judged, mark = judge(Mark(LAST), fix, NOW_MS)
    assert judged.reasons == reasons
    assert judged.lane == (Lane.LEDGER_ONLY if reasons else Lane.LIVE)
    assert mark.last == (LAST if reasons else fix)


def test_the_first_fix_of_a_technician_is_live() -> None:
    assert judge(NO_MARK, LAST, NOW_MS)[0].lane is Lane.LIVE


def test_three_fixes_that_agree_overrule_a_wrong_one() -> None:
    mark, lanes = Mark(LAST), []
    for second in (1, 2, 3):
        judged, mark = judge(mark, after(second, 5000 + 10 * second), NOW_MS)
        lanes.append(judged.lane)
    assert lanes == [Lane.LEDGER_ONLY, Lane.LEDGER_ONLY, Lane.LIVE]


def test_three_jumps_in_different_directions_overrule_nothing() -> None:
    mark = Mark(LAST)
    for second, metres in ((1, 5000), (2, -9000), (3, 20_000)):
        _, mark = judge(mark, after(second, metres), NOW_MS)
    assert mark.last == LAST


@given(st.lists(st.tuples(st.integers(-100, 30), st.integers(0, 3000), st.booleans()), max_size=30))
def test_the_marker_never_moves_back_in_time(steps: list[tuple[int, int, bool]]) -> None:
    mark = Mark(LAST)
    for number, (seconds, metres, mocked) in enumerate(steps):
        before = mark.last.at_ms if mark.last else 0
        judged, mark = judge(mark, after(seconds, metres, mocked=mocked, seq=100 + number), NOW_MS)
        assert mark.last is not None
        assert mark.last.at_ms > before if judged.lane is Lane.LIVE else mark.last.at_ms == before
