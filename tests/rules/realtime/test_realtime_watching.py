"""A slow watcher costs one value a key, and whoever joins late or misses something ends with the same picture."""

import json

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from realtime.close_code import RECONNECT, SENTENCES, STAY_AWAY, CloseCode, may_reconnect
from realtime.mailbox import Kept, Mailbox
from realtime.rooms import Rooms
from realtime.watching import ItemSet, NewestFix, Numbering
from realtime.wire import raw_item
from tracking.fix import Fix

KEYS = st.sampled_from("abcdef")


class MailboxMachine(RuleBasedStateMachine):
    """A mailbox beside the truth it reports: whoever reads it to the end knows the truth."""

    @initialize(capacity=st.integers(1, 4))
    def open(self, capacity):
        self.capacity = capacity
        self.box = Mailbox(capacity)
        self.truth: dict[str, int] = {}
        self.seen: dict[str, int] = {}
        self.count = 0

    @rule(key=KEYS)
    def put(self, key):
        self.count += 1
        self.truth[key] = self.count
        was_due = self.box.snapshot_due
        kept = self.box.put(key, self.count)
        assert (kept is Kept.COVERED) == was_due

    @rule()
    def demand(self):
        self.box.demand_snapshot()

    @rule()
    def read_one(self):
        if self.box.take_snapshot():
            self.seen = dict(self.truth)
        elif (taken := self.box.take()) is not None:
            assert taken[1] > self.seen.get(taken[0], 0)
            self.seen[taken[0]] = taken[1]

    @rule()
    def read_to_the_end(self):
        if self.box.take_snapshot():
            self.seen = dict(self.truth)
        self.seen.update(self.box.take_all())
        assert self.seen == self.truth

    @invariant()
    def is_bounded(self):
        if hasattr(self, "box"):
            assert len(self.box) <= self.capacity


TestMailbox = MailboxMachine.TestCase


def test_an_overflow_asks_for_a_snapshot_once():
    box = Mailbox(1)

    assert [box.put("a", 1), box.put("a", 2), box.put("b", 3), box.put("a", 4)] == [
        Kept.NEW,
        Kept.COALESCED,
        Kept.OVERFLOWED,
        Kept.COVERED,
    ]
    assert (box.take_snapshot(), box.take_snapshot(), box.take()) == (True, False, None)


@given(st.lists(st.tuples(st.booleans(), KEYS, st.integers(0, 2))))
def test_rooms_open_with_the_first_and_close_with_the_last(steps):
    rooms: Rooms[str, int] = Rooms()
    truth: dict[str, list[int]] = {}
    for is_join, key, watcher in steps:
        inside = truth.setdefault(key, [])
        if is_join:
            assert rooms.join(key, watcher) == (not inside)
            inside += [] if watcher in inside else [watcher]
        else:
            closes = inside == [watcher]
            assert rooms.leave(key, watcher) == closes
            truth[key] = [one for one in inside if one != watcher]

    assert {key: rooms.watchers(key) for key in rooms.keys()} == {key: tuple(inside) for key, inside in truth.items() if inside}  # noqa: SIM118


def fix_at(at_ms: int, device: str = "d", seq: int = 0) -> Fix:
    return Fix(device, 1, seq, "t", at_ms, at_ms, at_ms, 48.0, 11.0)


fixes = st.builds(fix_at, st.integers(0, 5), st.sampled_from("xy"), st.integers(0, 3))


@given(st.lists(fixes, min_size=1), st.randoms())
def test_the_newest_fix_is_the_same_whatever_comes_twice_or_late(sent, chance):
    copies = sent + sent
    chance.shuffle(copies)
    newest = NewestFix()
    shown = [fix.order for fix in copies if newest.offer(fix)]

    assert newest.fix.order == max(fix.order for fix in sent)
    assert shown == sorted(set(shown))


items = st.dictionaries(KEYS, st.integers(0, 3))


def encoded(values: dict[str, int]) -> dict:
    return {key: raw_item({"id": key, "n": value}) for key, value in values.items()}


def decoded(values: dict) -> dict[str, int]:
    return {key: json.loads(bytes(raw))["n"] for key, raw in values.items()}


@given(items, st.lists(st.tuples(items, st.lists(KEYS), st.booleans())))
def test_an_old_snapshot_and_its_deltas_make_the_new_snapshot(first, steps):
    hub, console = ItemSet(), dict(first)
    hub.replace(encoded(first))
    for put, drop, is_whole in steps:
        change = hub.replace(encoded(put)) if is_whole else hub.apply(encoded(put), drop)
        console.update(decoded(change.put))
        for key in change.drop:
            del console[key]

    assert console == decoded(hub.items)


@given(items)
def test_saying_the_same_again_is_no_change(values):
    kept = ItemSet()
    kept.replace(encoded(values))

    assert not kept.replace(encoded(values))
    assert not kept.apply(encoded(values), ["unknown"])


def test_numbers_begin_anew_with_each_snapshot():
    numbering = Numbering(40)

    assert [numbering.snapshot(), numbering.next(), numbering.next(), numbering.snapshot(), numbering.next()] == [
        (40, 0),
        (40, 1),
        (40, 2),
        (41, 0),
        (41, 1),
    ]


def test_every_close_code_says_whether_to_come_back():
    assert set(SENTENCES) == set(CloseCode)
    for code in CloseCode:
        assert may_reconnect(code) == (code in RECONNECT)
        assert code in RECONNECT or code in STAY_AWAY or code == 1009
    assert all(may_reconnect(code) for code in (1001, 1006, 1011, 1012, 1013))
