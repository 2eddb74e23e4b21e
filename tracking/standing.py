"""What must be known of a technician to judge her fixes? Her standing: when she may be followed, and where she was last.

A snapshot of SQL, held in memory and refreshed; nobody is refused on the word of an old one.
"""

from collections.abc import Sequence

import msgspec

from tracking.fix import Fix, Reason
from tracking.fix_verdict import NO_MARK, Mark
from visits.shift import Interval, covers

REFRESH_MS = 9_000
"""A snapshot older than this is read again in the background, within a second, while it is still used."""
EXPIRES_MS = 60_000
"""A snapshot older than this is not used: SQL has been away for a minute."""


class Standing(msgspec.Struct):
    """One technician's: `intervals` as read at `read_ms` (`read_no` orders reads and offers), and her `mark`, which every batch moves."""

    intervals: tuple[Interval, ...]
    read_ms: int
    read_no: int
    mark: Mark = NO_MARK

    def is_due(self, now_ms: int) -> bool:
        """Tell whether it should be read again."""
        return now_ms - self.read_ms > REFRESH_MS

    def is_expired(self, now_ms: int) -> bool:
        """Tell whether it may no longer be used."""
        return now_ms - self.read_ms > EXPIRES_MS


NO_FIXES: tuple[Fix, ...] = ()


def off_shift(standing: Standing, fixes: Sequence[Fix]) -> Sequence[Fix]:
    """Return those fixes whose own time no interval covers."""
    intervals = standing.intervals
    if len(fixes) == 1:  # nearly always, and then nearly never off shift
        return NO_FIXES if covers(intervals, fixes[0].at_ms) else fixes
    return [fix for fix in fixes if not covers(intervals, fix.at_ms)]


def off_shift_refusals(fixes: Sequence[Fix]) -> list[tuple[int, Reason]]:
    """Return the refusals of `fixes`."""
    return [(fix.seq, Reason.OFF_SHIFT) for fix in fixes]
