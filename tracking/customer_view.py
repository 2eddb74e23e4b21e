"""Who may see what? The one function that decides whether a position may leave the hub, and to whom.

A customer sees the technician between `departed` and `arrived`, and not where she set out from: that is often her home. So the first 500 m
and the first 3 minutes both have to be behind her. Once she has arrived no position ever leaves again for this visit: where she goes
next is somebody else's address. Reasons are for logs and tests of the hub; they are never shown to the customer.
"""

from enum import StrEnum

import msgspec

from core.geo import LatLon, distance_m, surely_beyond
from tracking.fix import Fix
from visits.stage import Stage

HOME_RADIUS_M = 500.0
HOME_MS = 3 * 60_000
OLD_MS = 15 * 60_000
"""A fix older than this says nothing about where she is now; words say more."""
GONE_AFTER_MS = 24 * 3_600_000
"""How long after the end a link still shows words and the receipt."""
UNVERIFIED_MAX_MS = 10_000
"""How old the knowledge of a visit's stage and link may be while positions leave."""


class Audience(StrEnum):
    """Who looks."""

    CUSTOMER = "customer"
    """The holder of a link to one visit."""
    DESK = "desk"
    """A dispatcher of the site."""
    INTEGRATOR = "integrator"
    """A program with the scope positions:read."""
    TECHNICIAN = "technician"
    """She herself."""


class Level(StrEnum):
    """How much may leave."""

    FULL = "full"
    """The position and the words."""
    WORDS = "words"
    """The stage and the expected arrival, no position."""
    NOTHING = "nothing"
    """The page of a link that does not exist."""


_CUSTOMER, _FULL, _DEPARTED = Audience.CUSTOMER, Level.FULL, Stage.DEPARTED
"""Found faster than members of enums, and asked for with every fix."""


class Hidden(StrEnum):
    """Why there is no position. For the hub's own logs and tests only."""

    NOT_DEPARTED = "not_departed"
    """She is not on her way yet."""
    NEAR_HOME = "near_home"
    """She is still close to where she set out, in distance or time."""
    ARRIVED = "arrived"
    """She has arrived, or the visit is over."""
    NO_FIX = "no_fix"
    """Nothing was received since she departed."""
    OLD = "old"
    """The newest fix is too old to mean anything."""
    UNVERIFIED = "unverified"
    """The stage has not been re-read recently enough."""
    GONE = "gone"
    """The time for looking back is over."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the visit. `departed_from`: the place of departure, None while unknown (then only time can clear her home).

    `closed_at_ms`: when it ended for good (left, cancelled, no show). `verified_at_ms`: when stage and link were last read from SQL.
    """

    stage: Stage
    departed_at_ms: int | None = None
    departed_from: LatLon | None = None
    closed_at_ms: int | None = None
    verified_at_ms: int


class Shown(msgspec.Struct, frozen=True):
    """What may leave: `fix` only at level `full`; `hidden` says why not."""

    level: Level
    fix: Fix | None = None
    hidden: Hidden | None = None


def view(audience: Audience, subject: Subject, now_ms: int, fix: Fix | None) -> Shown:
    """Return what `audience` may see of the technician of a visit at `now_ms`, given her newest live `fix`."""
    if audience is not _CUSTOMER:
        return Shown(_FULL, fix) if fix is not None else Shown(Level.WORDS, hidden=Hidden.NO_FIX)
    if subject.closed_at_ms is not None and now_ms >= subject.closed_at_ms + GONE_AFTER_MS:
        return Shown(Level.NOTHING, hidden=Hidden.GONE)
    hidden = _hidden(subject, now_ms, fix)
    return Shown(_FULL, fix) if hidden is None else Shown(Level.WORDS, hidden=hidden)


def _hidden(subject: Subject, now_ms: int, fix: Fix | None) -> Hidden | None:
    """Return why a customer may not see the position, None when she may."""
    if subject.stage is not _DEPARTED:
        return Hidden.NOT_DEPARTED if subject.stage in (Stage.CREATED, Stage.ASSIGNED) else Hidden.ARRIVED
    if now_ms - subject.verified_at_ms > UNVERIFIED_MAX_MS:
        return Hidden.UNVERIFIED
    if subject.departed_at_ms is None or fix is None or fix.at_ms < subject.departed_at_ms:
        return Hidden.NO_FIX
    if now_ms - fix.at_ms > OLD_MS:
        return Hidden.OLD
    return Hidden.NEAR_HOME if is_near_home(subject, fix) else None


def is_near_home(subject: Subject, fix: Fix) -> bool:
    """Tell whether `fix` could give away where she set out: within 3 minutes of departing or within 500 m of that place.

    Both must be behind her: stuck at her door for ten minutes, the clock alone would show her door.
    """
    if subject.departed_at_ms is None or fix.at_ms - subject.departed_at_ms < HOME_MS:
        return True
    if subject.departed_from is None:
        return False
    home, near_m = subject.departed_from, HOME_RADIUS_M + (fix.accuracy_m or 0.0)
    return not surely_beyond(home, fix, near_m) and distance_m(home, fix) < near_m
