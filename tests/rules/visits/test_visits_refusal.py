"""What a refusal says to the person who reads it."""

from datetime import UTC, datetime

from visits.refusal import no_show_refusal


def test_an_early_no_show_is_told_the_time_by_the_sites_clocks_and_never_too_early():
    from_at = datetime(2026, 3, 4, 13, 51, 11, 454956, UTC)

    told = no_show_refusal(from_at, "Asia/Shanghai")

    assert told.detail == "A no-show counts from 21:52 on. Ring again, or ask the desk."
    assert told.members == {"possible_at": from_at}
    assert "22:00 on" in no_show_refusal(datetime(2026, 3, 4, 14, 0, tzinfo=UTC), "Asia/Shanghai").detail
