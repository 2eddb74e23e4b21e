"""A journey sees each fix once and in order; arrival is suggested after twenty seconds nearby; offsets tell every kind of loss."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.geo import LatLon, moved
from tracking.approach import OBSERVERS, Arrived, Progress
from tracking.fares.meter_observer import METER
from tracking.fix import Fix, Judged, Lane, Reason
from tracking.journey import Journey, JourneyState, Observer, Told, stage_at
from tracking.ledger import BEGINNING, Entry, Offset, StreamState, advanced, booked, follows, mended
from tracking.ports import OpenVisit
from visits.stage import Stage

NOW_MS = 1_772_442_000_000
PLACE = LatLon(31.2, 121.5)
VISIT = OpenVisit(
    visit_id="v1", site_id="s", technician_id="t1", stage=Stage.DEPARTED, place=PLACE, window_start_ms=NOW_MS, window_end_ms=NOW_MS,
    departed_at_ms=NOW_MS - 60_000,
)


def fix(second: int, metres: float, **changes: object) -> Judged:
    place = moved(PLACE, 0.0, metres)
    at_ms = NOW_MS + second * 1000
    made = Fix("d", 7, second % 2**31, "t1", at_ms, at_ms, at_ms, place.lat, place.lon, 10.0)
    return Judged(msgspec.structs.replace(made, **changes), Lane.LIVE)


def told(journey: Journey, *fixes: Judged) -> list[object]:
    return [output for each in journey.take(fixes) for output in each.outputs]


def by_observer(told: Sequence[Told]) -> dict[str, list[object]]:
    return {name: [output for each in told if each.name == name for output in each.outputs] for name in {each.name for each in told}}


def arrivals(*fixes: Judged, visit: OpenVisit = VISIT) -> list[int]:
    return [out.at_ms - NOW_MS for out in told(Journey(visit, OBSERVERS), *fixes) if isinstance(out, Arrived)]


def test_arrival_is_suggested_once_after_twenty_seconds_nearby() -> None:
    assert arrivals(*[fix(second, 405 - 10 * second) for second in range(60)]) == [46_000]


@pytest.mark.parametrize(
    "fixes",
    [
        [fix(second, 100) for second in range(19)],
        [fix(second, 160) for second in range(60)],
        [fix(second, 100, mocked=True) for second in range(60)],
        [fix(second, 100, accuracy_m=150.0) for second in range(60)],
        [fix(second, 100 if second % 15 else 300) for second in range(60)],
        [fix(0, 100), fix(120, 100)],
    ],
)
def test_passing_by_vague_mocked_and_broken_stays_suggest_nothing(fixes: list[Judged]) -> None:
    assert arrivals(*fixes) == []


def test_arrival_is_not_suggested_before_departure_or_after_arrival() -> None:
    for stage in (Stage.ASSIGNED, Stage.ARRIVED, Stage.IN_SERVICE):
        waiting = msgspec.structs.replace(VISIT, stage=stage, departed_at_ms=None)
        assert arrivals(*[fix(second, 10) for second in range(60)], visit=waiting) == []


def test_progress_is_told_at_most_every_fifteen_seconds() -> None:
    journey = Journey(VISIT, OBSERVERS)
    progress = [out for out in told(journey, *[fix(second, 5000 - second) for second in range(60)]) if isinstance(out, Progress)]
    assert [out.at_ms - NOW_MS for out in progress] == [0, 15_000, 30_000, 45_000]


def test_the_stage_is_that_of_the_fixes_own_time() -> None:
    visit = msgspec.structs.replace(VISIT, stage=Stage.IN_SERVICE, departed_at_ms=1000, arrived_at_ms=5000)
    assert [stage_at(visit, at) for at in (999, 1000, 4999, 5000)] == [Stage.ASSIGNED, Stage.DEPARTED, Stage.DEPARTED, Stage.IN_SERVICE]


def _observe_seen(state: list[int], fix: Fix, stage: Stage) -> tuple[list[int], list[int]]:
    return [*state, fix.at_ms], [fix.at_ms]


SEEN = Observer(name="seen", state_type=list[int], start=lambda _: [], observe=_observe_seen)


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(0, 40))
def test_whatever_comes_each_fix_is_seen_at_most_once_in_order_across_checkpoints(seconds: list[int], cut: int) -> None:
    journey, outputs = Journey(VISIT, [SEEN]), []
    for number, second in enumerate(seconds):
        if number == cut:
            journey = Journey(VISIT, [SEEN], journey.packed())
        outputs += told(journey, fix(second, 1000))
    assert outputs == sorted(set(outputs)) == journey.state_of("seen")
    assert journey.seen + journey.late == len(seconds)


any_judged = st.builds(
    lambda second, tenth, metres, reasons: Judged(
        msgspec.structs.replace(fix(second, metres).fix, at_ms=NOW_MS + second * 1000 + tenth * 100), Lane.LIVE, reasons
    ),
    st.integers(0, 90), st.integers(0, 9), st.sampled_from([0, 100, 140, 160, 400]), st.sampled_from([(), (), (), (Reason.FUTURE,)]),
)


@given(st.lists(any_judged, max_size=40), st.booleans(), st.lists(st.integers(1, 12), min_size=40, max_size=40), st.booleans())
def test_many_fixes_at_once_come_to_the_same_as_one_by_one(fixes: list[Judged], is_ordered: bool, sizes: list[int], is_heard: bool) -> None:
    """Whatever is late, repeated, from the future or of another stage, and whether or not anybody listens."""
    visit = msgspec.structs.replace(VISIT, stage=Stage.ARRIVED, departed_at_ms=NOW_MS + 20_000, arrived_at_ms=NOW_MS + 70_000)
    observers = [each if is_heard else each.unheard() for each in (*OBSERVERS, METER, SEEN)]
    fixes = sorted(fixes, key=lambda one: one.fix.order) if is_ordered else fixes
    single, many = Journey(visit, observers), Journey(visit, observers)
    for size in sizes:
        some, fixes = fixes[:size], fixes[size:]
        assert by_observer(many.take(some)) == by_observer([each for one in some for each in single.take([one])])
        assert many.is_unsaved == single.is_unsaved
        assert many.packed() == single.packed()


def test_a_checkpoint_says_what_its_type_says() -> None:
    journey = Journey(VISIT, [SEEN])
    told(journey, fix(1, 1000), fix(2, 1000), fix(1, 1000))
    state = msgspec.msgpack.decode(journey.packed(), type=JourneyState)
    assert (state.last, state.seen, state.late) == (fix(2, 1000).fix.order, 2, 1)
    assert msgspec.msgpack.decode(state.observers["seen"]) == [NOW_MS + 1000, NOW_MS + 2000]


def test_an_observer_that_nobody_hears_only_follows() -> None:
    def follow(state: list[int], fixes: Sequence[Fix], stage: Stage) -> list[int]:
        state += [fix.at_ms for fix in fixes]
        return state

    journey = Journey(VISIT, [msgspec.structs.replace(SEEN, follow=follow).unheard()])
    assert told(journey, fix(1, 1000), fix(2, 1000)) == []
    assert journey.state_of("seen") == [NOW_MS + 1000, NOW_MS + 2000]
    assert SEEN.unheard() is SEEN


def test_a_fix_from_the_future_does_not_shut_out_the_present() -> None:
    journey = Journey(VISIT, [SEEN])
    future = Judged(fix(9_999, 10).fix, Lane.LEDGER_ONLY, (Reason.FUTURE,))
    assert told(journey, future, fix(1, 10)) == [NOW_MS + 1000]


def test_an_observer_added_later_begins_afresh_beside_a_checkpoint() -> None:
    journey = Journey(VISIT, [SEEN])
    journey.take([fix(1, 10)])
    both = Journey(VISIT, [*OBSERVERS, SEEN], journey.packed())
    assert both.state_of("seen") == [NOW_MS + 1000]
    assert both.state_of("nearness").near_since_ms is None


OFFSET = Offset(site_id="s", shard=0, version=5, epoch="e1", entry_id="100-0", total=50, stored=48, duplicates=2)


def test_an_entry_in_parts_is_passed_when_its_last_part_is() -> None:
    entry = Entry("101-0", b"", 10, 60)
    half = booked(advanced(OFFSET, entry, 4), 4, 3)
    assert (half.entry_id, half.skip, half.total, half.stored, half.duplicates, half.version) == ("100-0", 4, 54, 51, 3, 6)
    assert follows(half, entry)
    whole = advanced(half, entry, 6)
    assert (whole.entry_id, whole.skip, whole.total) == ("101-0", 0, 60)


@pytest.mark.parametrize(
    ("state", "seen_total", "first", "following", "expected"),
    [
        (StreamState("e1", 50, "100-0"), 50, None, None, (0, 0, "100-0", 50)),
        (StreamState("e1", 60, "101-0"), 60, None, Entry("101-0", b"", 10, 60), (0, 0, "100-0", 50)),
        (StreamState("e1", 70, "102-0"), 70, None, Entry("102-0", b"", 5, 70), (15, 0, "100-0", 65)),
        (StreamState("e2", 5, "200-0"), 53, None, Entry("200-0", b"", 5, 5), (3, 1, BEGINNING, 0)),
        (StreamState("e1", 40, "90-0"), 50, Entry("90-0", b"", 5, 40), None, (0, 1, BEGINNING, 35)),
        (StreamState(), 50, None, None, (0, 0, "100-0", 50)),
    ],
)
def test_every_kind_of_break_is_told_apart(
    state: StreamState, seen_total: int, first: Entry | None, following: Entry | None, expected: tuple[int, int, str, int]
) -> None:
    after = mended(OFFSET, state, seen_total, first, following)
    assert (after.lost, after.restarts, after.entry_id, after.total) == expected


def test_a_new_ledger_begins_where_the_stream_does_and_counts_no_loss() -> None:
    fresh = Offset(site_id="s", shard=0)
    after = mended(fresh, StreamState("e1", 60, "101-0"), 0, Entry("101-0", b"", 10, 60), Entry("101-0", b"", 10, 60))
    assert (after.epoch, after.total, after.lost, after.restarts, after.version) == ("e1", 50, 0, 0, 1)
