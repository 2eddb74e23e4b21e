"""When may a service text go, and which older one does it make needless? Quiet hours of a site and bundling, as data.

Emergencies and alarms (P0, P1) know neither. Called by `sql_outbox` at enqueueing, so that whoever leaves a notice need not think of it.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from notifications.notice import Notice

REPLACES: dict[str, frozenset[str]] = {
    "visit_departed": frozenset({"visit_booked"}),
    "visit_late": frozenset({"visit_booked", "visit_departed"}),
    "visit_arriving": frozenset({"visit_booked", "visit_departed", "visit_late"}),
    "visit_cancelled": frozenset({"visit_booked", "visit_departed", "visit_late", "visit_arriving"}),
    "visit_receipt": frozenset({"visit_receipt", "visit_departed", "visit_late", "visit_arriving"}),
    "shift_closed": frozenset({"shift_end"}),
}
"""Template -> those it says better: still waiting about the same subject to the same person, they are withdrawn. One text, the newest."""


class QuietHours(msgspec.Struct, frozen=True):
    """From `begins` to `ends` by the clocks of `zone` (IANA) nobody is woken; `begins` after `ends` spans midnight, equal means never."""

    begins: time
    ends: time
    zone: str

    def holds(self, at: datetime) -> bool:
        """Tell whether the clocks of the zone show a quiet time at `at`."""
        shown = at.astimezone(ZoneInfo(self.zone)).time()
        if self.begins <= self.ends:
            return self.begins <= shown < self.ends
        return shown >= self.begins or shown < self.ends


def send_at(notice: Notice, now: datetime, quiet: QuietHours | None) -> datetime:
    """Return when `notice` may go: as asked, or at the end of the quiet hours for a service text that is of use then still.

    What would be past its use by then (she arrives in ten minutes, a code that somebody waits for) goes at once: it wakes nobody who did
    not expect it.
    """
    asked = max(notice.send_at or now, now)
    if quiet is None or notice.lane.is_at_least_once or not quiet.holds(asked):
        return asked
    later = quiet_end(asked, quiet)
    return asked if notice.expires_at is not None and notice.expires_at <= later else later


def quiet_end(at: datetime, quiet: QuietHours) -> datetime:
    """Return the first moment after `at`, in UTC of `at`'s own kind, at which the quiet hours that hold at `at` are over.

    An hour that clocks show twice in autumn ends when it is over for good; one that spring leaves out ends when clocks have passed it.
    """
    zone = ZoneInfo(quiet.zone)
    day = at.astimezone(zone).date()
    ends = [
        datetime.combine(day + timedelta(days=ahead), quiet.ends, zone).replace(fold=fold).astimezone(at.tzinfo)
        for ahead in (0, 1)
        for fold in (0, 1)
    ]
    return min(end for end in ends if end > at and not quiet.holds(end))
