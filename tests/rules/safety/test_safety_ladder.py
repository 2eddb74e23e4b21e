from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from notifications.notice import Channel
from safety.ladder import DEFAULT, MOST_THEN, Group, Rung, after_her, checked, due, those_beside
from safety.ladder_file import read_ladder
from tests.doubles.fake_clock import START


def at(seconds):
    return START + timedelta(seconds=seconds)


def test_the_first_rung_is_due_at_once_and_the_next_at_fifteen_seconds():
    first = due(DEFAULT, START, 0, START)

    assert [rung.after_s for rung in first.rungs] == [0]
    assert (first.next_step, first.next_at) == (1, at(15))


def test_after_an_outage_every_missed_rung_is_told():
    late = due(DEFAULT, START, 1, at(130))

    assert [rung.after_s for rung in late.rungs] == [15, 60, 120]
    assert late.next_at == at(180)


def test_an_exhausted_ladder_tells_everyone_again_every_minute():
    end = due(DEFAULT, START, 4, at(180))

    assert end.is_exhausted
    assert end.rungs == DEFAULT.rungs
    assert end.next_at == at(240)
    assert due(DEFAULT, START, end.next_step, at(240)).is_exhausted


def test_with_nobody_on_duty_the_calls_start_at_once():
    assert [rung.after_s for rung in due(DEFAULT, START, 0, START, is_unmanned=True).rungs] == [0, 15]


def test_a_lost_signal_brings_each_rung_forward_by_one():
    hurried = due(DEFAULT, START, 0, START, is_hurried=True)

    assert [rung.after_s for rung in hurried.rungs] == [0, 15]
    assert hurried.next_at == at(15)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30), st.booleans(), st.booleans())
def test_a_ladder_never_goes_quiet(seconds, is_hurried, is_unmanned):
    step = 0
    for second in sorted(seconds):
        now_due = due(DEFAULT, START, step, at(second), is_hurried=is_hurried, is_unmanned=is_unmanned)
        assert now_due.next_step >= step
        assert now_due.next_at <= at(second) + timedelta(seconds=60)
        step = now_due.next_step


def test_a_call_goes_on_within_its_tier_and_leaves_the_next_tier_to_the_ladder():
    first, lead, second, _third = DEFAULT.rungs

    assert those_beside(DEFAULT, first) == (Group.ON_DUTY,)
    assert those_beside(DEFAULT, lead) == (Group.ON_DUTY, Group.DUTY_LEAD)
    assert those_beside(DEFAULT, second) == (Group.ALL_DISPATCHERS,)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.sampled_from("abcdefgh"))
def test_nobody_is_followed_by_herself_or_by_anybody_twice(people, person):
    then = after_her(person, people)

    assert len(then) == min(MOST_THEN, len(set(people) - {person}))
    assert len(set(then)) == len(then)
    assert person not in then


def only(channel, group=Group.ON_DUTY):
    return Rung(after_s=0, tier=0, groups=(group,), channels=(channel,))


def rung_of(rung, **change):
    return msgspec.structs.replace(rung, **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rungs": ()}, "someone has to be told at once"),
        ({"rungs": DEFAULT.rungs[1:]}, "someone has to be told at once"),
        ({"rungs": (DEFAULT.rungs[0], DEFAULT.rungs[2], DEFAULT.rungs[1])}, "Rungs rise"),
        ({"rungs": (rung_of(DEFAULT.rungs[0], tier=1), *DEFAULT.rungs[2:])}, "tier 1 where tier 0"),
        ({"rungs": (DEFAULT.rungs[0], rung_of(DEFAULT.rungs[3], tier=7))}, "tier 7 where tier 1"),
        ({"rungs": (rung_of(DEFAULT.rungs[0], tier=-1),)}, "tier -1 where tier 0"),
        ({"exhausted_after_s": 10**12}, "are the most"),
        ({"rungs": (Rung(after_s=0, tier=0, groups=(), channels=()),)}, "tells nobody"),
        ({"rungs": (only(Channel.WEBHOOK),)}, "take webhook out"),
        ({"rungs": (only(Channel.CONSOLE),)}, "wakes nobody"),
        ({"rungs": (only(Channel.CONSOLE), only(Channel.SMS, Group.CONTACTS))}, "wakes nobody"),
        ({"exhausted_after_s": 100}, "after the last rung"),
        ({"repeat_s": 5}, "10 to 600"),
    ],
)
def test_a_ladder_with_a_hole_is_refused(change, words):
    with pytest.raises(BadInput, match=words):
        checked(msgspec.structs.replace(DEFAULT, **change))


def test_a_file_that_holds_the_ladder_is_read():
    assert read_ladder(msgspec.json.encode(DEFAULT).decode()) == DEFAULT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no ladder: Input data was truncated"),
        ('{"rungs": 5}', "Start from what"),
        ('{"rungs": [{"after_s": 0, "tier": 0, "groups": ["desk"], "channels": ["sms"]}]}', "Groups are on_duty, duty_lead"),
        ('{"rungs": [{"after_s": 0, "tier": 0, "groups": ["on_duty"], "channels": ["sms"], "after": 5}], "n": 1}', "no after, no n. Is"),
        ('{"rungs": []}', "someone has to be told at once"),
    ],
)
def test_a_file_that_holds_none_is_refused_with_a_cure(text, words):
    with pytest.raises(BadInput, match=words):
        read_ladder(text)
