"""A flood of presses is counted; nothing that follows anything else is."""

from datetime import UTC, datetime, timedelta

import pytest

from safety.evidence import Event, EventKind
from safety.flood import FLOOD_OF, is_only_counted

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def newest(kind, ago_s):
    return Event(incident_id="i", seq=30, kind=kind, actor="technician:t", at=NOW - timedelta(seconds=ago_s), data={})


@pytest.mark.parametrize(
    ("presses", "kind", "ago_s", "counted"),
    [
        (1, EventKind.PRESSED_AGAIN, 0, False),
        (FLOOD_OF - 1, EventKind.PRESSED_AGAIN, 0, False),
        (FLOOD_OF, EventKind.PRESSED_AGAIN, 9.9, True),
        (FLOOD_OF, EventKind.PRESSED_AGAIN, 10, False),
        (FLOOD_OF, EventKind.PIN_ACCEPTED, 0, False),
        (FLOOD_OF, EventKind.CLAIMED, 0, False),
    ],
)
def test_only_a_press_like_the_one_before_it_is_merely_counted(presses, kind, ago_s, counted):
    assert is_only_counted(presses, newest(kind, ago_s), NOW) is counted
