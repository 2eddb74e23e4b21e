"""Is she there? Presence as two separate ages, that of her link and that of her newest fix: a heartbeat is not a position."""

from enum import StrEnum

import msgspec

QUIET_MS = 60_000
"""Two heartbeats of 25 s missed and a little patience."""
LOST_MS = 5 * 60_000


class Presence(StrEnum):
    """How present a technician is, by what was last heard of her device."""

    LIVE = "live"
    """Heard of, and her fixes are fresh."""
    NO_POSITION = "no_position"
    """Heard of, but no fresh fix: location off, or indoors."""
    QUIET = "quiet"
    """Nothing heard for a minute: a tunnel, a lift, a dead spot."""
    LOST = "lost"
    """Nothing heard for five minutes."""
    NEVER = "never"
    """Nothing was ever heard."""


class Heard(msgspec.Struct, frozen=True):
    """When something was last heard of a device, and the time of its newest live fix; ms since 1970, None for never."""

    heard_ms: int | None = None
    fix_ms: int | None = None


def presence(heard: Heard, now_ms: int) -> Presence:
    """Return how present she is at `now_ms`."""
    last_ms = max((at for at in (heard.heard_ms, heard.fix_ms) if at is not None), default=None)
    if last_ms is None:
        return Presence.NEVER
    if now_ms - last_ms > LOST_MS:
        return Presence.LOST
    if now_ms - last_ms > QUIET_MS:
        return Presence.QUIET
    fresh = heard.fix_ms is not None and now_ms - heard.fix_ms <= QUIET_MS
    return Presence.LIVE if fresh else Presence.NO_POSITION
