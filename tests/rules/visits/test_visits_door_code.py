"""The door code: said by her, answered by the customer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visits.door_code import DoorVerdict, answer_half, judge_door_code, spoken_half

CODE = "417902"


@pytest.mark.parametrize("typed", ["902", "417902", " 9 0 2 ", "417-902"])
def test_the_customers_half_or_the_whole_code_opens(typed):
    assert judge_door_code(CODE, typed, 0, 5) is DoorVerdict.MATCHES


@pytest.mark.parametrize("typed", ["", "417", "901", "90", "9020", "abc"])
def test_anything_else_does_not_and_least_of_all_her_own_half(typed):
    assert judge_door_code(CODE, typed, 0, 5) is DoorVerdict.WRONG


def test_after_too_many_misses_even_the_right_code_needs_the_desk():
    assert judge_door_code(CODE, "902", 4, 5) is DoorVerdict.MATCHES
    assert judge_door_code(CODE, "902", 5, 5) is DoorVerdict.LOCKED


@given(st.from_regex(r"\A[0-9]{6}\Z"))
def test_the_halves_make_up_the_code(code):
    assert spoken_half(code) + answer_half(code) == code
