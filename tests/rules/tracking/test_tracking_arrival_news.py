"""What an estimate is worth telling a customer: that she is near, or that the window will not hold; never both at once."""

import pytest

from tracking.arrival import Arrival
from tracking.arrival_news import News, news
from tracking.router import RouteSource

NOW, MIN = 1_800_000_000_000, 60_000
LEAD = 10 * MIN


def expected(in_min, width_min=4):
    return Arrival(
        earliest_ms=NOW + in_min * MIN, latest_ms=NOW + (in_min + width_min) * MIN, as_of_ms=NOW, distance_m=1.0, source=RouteSource.FACTOR
    )


@pytest.mark.parametrize(
    ("in_min", "window_end_min", "told"),
    [
        (25, 60, None),
        (11, 60, None),
        (10, 60, News.ARRIVING),
        (0, 60, News.ARRIVING),
        (60, 60, None),  # the window's last minute still holds
        (61, 60, News.LATE),
        (9, 5, News.ARRIVING),  # near says more than late
        (9, -30, News.ARRIVING),
        (20, -30, News.LATE),
    ],
)
def test_near_is_told_within_the_lead_time_and_late_when_even_a_fast_drive_is_too_slow(in_min, window_end_min, told):
    assert news(expected(in_min), NOW + window_end_min * MIN, LEAD) is told
