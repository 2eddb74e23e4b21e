"""Which numbers may be kept of people, and what is said of the others: every refusal tells how to mend it."""

import pytest

from visits.phone import phone_fault


@pytest.mark.parametrize("number", [None, "+4917012345678", "+493012345678", "+8613800138000", "+862087654321", "+14155552671"])
def test_a_number_that_can_exist_is_kept_a_land_line_too(number):
    assert phone_fault(number) is None


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        ("0170 1234567", "with its country"),
        ("", "with its country"),
        ("call me", "with its country"),
        ("+4900000000", "Check the digits"),
        ("+8612345", "Check the digits"),
        ("+15555555555555", "Check the digits"),
        ("+49 170 12345678", "digits alone"),
        ("+49-170-12345678", "digits alone"),
    ],
)
def test_any_other_is_refused_with_a_cure_and_without_showing_it(number, cure):
    said = phone_fault(number)
    assert cure in said
    assert len(number) < 5 or number not in said
