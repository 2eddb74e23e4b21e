"""Acks wait a little when the last one was a moment ago, and never get lost or doubled."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.unread_acks import MANY, UnreadAcks
from realtime.wire import Refused


def test_the_first_ack_is_due_at_once_and_the_next_after_the_gap():
    acks = UnreadAcks(gap_ms=200, bound=10)
    acks.store([1])

    assert acks.due_ms is not None
    assert acks.due_ms <= 1_000
    assert acks.take(7, 1_000).ranges == [[1, 1]]

    acks.store([2])
    acks.store([3])

    assert acks.due_ms == 1_200
    assert acks.take(7, 1_200).ranges == [[2, 3]]
    assert acks.due_ms is None
    assert not acks


def test_a_refusal_does_not_wait():
    acks = UnreadAcks(gap_ms=200, bound=10)
    acks.store([1])
    acks.take(7, 1_000)

    acks.refuse([Refused(seq=2, reason="malformed", detail="Send a number.")])

    assert acks.due_ms == 0


def test_a_frame_of_many_fixes_does_not_wait_and_the_next_lone_one_does():
    acks = UnreadAcks(gap_ms=200, bound=1_000)
    acks.store([1])
    acks.take(7, 1_000)

    acks.store(list(range(2, 2 + MANY)))

    assert acks.is_urgent
    assert acks.due_ms == 0
    acks.take(7, 1_001)
    acks.store([99])
    assert not acks.is_urgent
    assert acks.due_ms == 1_201


@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=5), max_size=20), st.integers(1, 5))
def test_what_is_stored_is_told_once_and_whole(batches, bound):
    acks = UnreadAcks(gap_ms=200, bound=bound)
    for batch in batches:
        acks.store(batch)

    told = {seq for first, last in acks.take(1, 0).ranges for seq in range(first, last + 1)}

    assert told == {seq for batch in batches for seq in batch}
    assert acks.take(1, 1).ranges == []
    assert acks.highest == max((max(batch) for batch in batches), default=-1)
