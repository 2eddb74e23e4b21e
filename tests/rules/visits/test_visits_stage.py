"""The stages of a visit: every pair of stage and act is in the table or refused in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IllegalMove
from visits.stage import CLOSED, OPEN, PLACE_READABLE, UNDERWAY, Act, Stage, advance, allowed, public_stage


@given(st.sampled_from(Stage), st.sampled_from(Act))
def test_every_pair_is_in_the_table_or_refused_naming_state_act_and_choice(stage, act):
    if act in allowed(stage):
        assert isinstance(advance(stage, act), Stage)
        return
    with pytest.raises(IllegalMove) as refused:
        advance(stage, act)

    problem = refused.value.problem()
    assert problem["status"] == 409
    assert (problem["state"], problem["act"], problem["allowed"]) == (stage, act, [each.value for each in allowed(stage)])


@given(st.lists(st.sampled_from(Act), max_size=30))
def test_whatever_people_try_a_closed_visit_stays_closed(acts):
    stage, closed_at = Stage.CREATED, None
    for act in acts:
        if act in allowed(stage):
            assert closed_at is None
            stage = advance(stage, act)
        closed_at = closed_at or (stage if stage in CLOSED else None)
    assert closed_at in (None, stage)


@given(st.lists(st.sampled_from(Act), max_size=30))
def test_left_is_reached_only_after_she_was_underway(acts):
    stage, seen = Stage.CREATED, set()
    for act in acts:
        if act in allowed(stage):
            seen.add(stage)
            stage = advance(stage, act)
    assert stage is not Stage.LEFT or seen & {Stage.ENDED, Stage.ABORTED_UNSAFE}


def test_the_ordinary_way_leads_from_created_to_left():
    stage = Stage.CREATED
    for act in (Act.ASSIGN, Act.DEPART, Act.ARRIVE, Act.START, Act.EXTEND, Act.END, Act.LEAVE):
        stage = advance(stage, act)
    assert stage is Stage.LEFT


def test_reassigning_on_the_way_goes_back_to_assigned():
    assert advance(Stage.DEPARTED, Act.REASSIGN) is Stage.ASSIGNED


def test_breaking_off_reads_outside_exactly_like_an_ordinary_end():
    assert public_stage(Stage.ABORTED_UNSAFE) is Stage.ENDED
    assert allowed(Stage.ABORTED_UNSAFE) == allowed(Stage.ENDED)
    assert [public_stage(stage) for stage in Stage if stage is not Stage.ABORTED_UNSAFE] == [
        stage for stage in Stage if stage is not Stage.ABORTED_UNSAFE
    ]


def test_every_stage_can_be_reached_and_every_act_is_used():
    reached, used = {Stage.CREATED}, set()
    for _ in Stage:
        for stage in list(reached):
            used |= set(allowed(stage))
            reached |= {advance(stage, act) for act in allowed(stage)}
    assert reached == set(Stage)
    assert used == set(Act)


def test_closed_and_open_part_the_stages_and_the_place_is_readable_from_assigned_until_left():
    assert set(Stage) == CLOSED | OPEN
    assert not CLOSED & OPEN
    assert all(allowed(stage) == () for stage in CLOSED)
    assert UNDERWAY | {Stage.ASSIGNED} == PLACE_READABLE
    assert Stage.LEFT not in PLACE_READABLE
