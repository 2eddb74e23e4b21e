"""A phone deletes exactly what was acknowledged, and sends the newest first."""

from hypothesis import given
from hypothesis import strategies as st

from hub.device_outbox import DeviceOutbox
from realtime.wire import Ack, Refused


def filled(count: int) -> DeviceOutbox:
    outbox = DeviceOutbox()
    for number in range(count):
        outbox.put(number, 48.0, 11.0, None, None, None)
    return outbox


def test_the_newest_goes_first():
    assert [row.seq for row in filled(5).take(3)] == [5, 4, 3]


def test_sent_is_not_gone():
    outbox = filled(5)
    outbox.take(5)

    assert len(outbox) == 5


def test_a_cut_makes_everything_unsent():
    outbox = filled(5)
    outbox.take(5)
    outbox.cut()

    assert len(outbox.take(10)) == 5


def test_refused_fixes_are_deleted_and_counted():
    outbox = filled(2)
    outbox.on_ack(Ack(device_epoch=1, refused=[Refused(seq=1, reason="off_shift"), Refused(seq=None, reason="malformed")]))

    assert (len(outbox), outbox.refused) == (1, {"off_shift": 1})


@given(st.sets(st.integers(1, 30)))
def test_exactly_what_is_named_goes(named):
    outbox = filled(30)
    outbox.on_ack(Ack(device_epoch=1, ranges=[[seq, seq] for seq in named]))
    outbox.cut()

    assert {row.seq for row in outbox.take(99)} == set(range(1, 31)) - named
