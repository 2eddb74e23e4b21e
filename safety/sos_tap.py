"""What was pressed? One tap, as it came over any of its roads, and what makes two presses the same.

A tap is accepted without a position, with a garbage position, off shift, from a clock ten years off: whatever cannot be believed is left
out and named, never a reason to refuse. The same `tap_id` of the same person is the same tap, over however many roads it came.
"""

import math
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from core.geo import LatLon
from core.ids import DeviceId, IncidentId, SiteId, TechnicianId, VisitId, incident_id_of_tap


class Road(StrEnum):
    """How a tap came in."""

    SOCKET = "socket"
    HTTP = "http"
    PHONE_APP = "phone_app"
    """A stock tracker's `alarm=sos`."""
    PAGE = "page"
    SMS = "sms"
    """A keyword in an inbound text, where texts go both ways."""
    DESK = "desk"
    """A dispatcher on someone's behalf."""
    API = "api"
    HUB = "hub"
    """Raised by the hub itself, in its daily drill."""
    JOURNAL = "journal"
    """Merged from the local journal after SQL was away."""


class TriggerKind(StrEnum):
    """What raised it."""

    TAP = "tap"
    MISSED_CHECK_IN = "missed_check_in"
    DETECTOR = "detector"
    WRONG_PINS = "wrong_pins"
    """Three wrong PINs in a row on her phone, while nothing was open: somebody else may be trying."""
    CANARY = "canary"
    """The daily drill of the whole chain."""


class PersonKind(StrEnum):
    """Who needs help."""

    TECHNICIAN = "technician"
    CUSTOMER = "customer"
    NOBODY = "nobody"
    """The hub itself, in its daily drill."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where she was, as far as known: degrees WGS-84, metres of accuracy (None unknown), and when, in server time."""

    place: LatLon
    accuracy_m: float | None = None
    at: datetime | None = None
    is_last_known: bool = False
    """True where it is not from the tap itself but the newest fix the hub had."""


class SosTap(msgspec.Struct, frozen=True, kw_only=True):
    """One press. `who`: `technician:ID` or `customer:VISIT`; `device_at`: the phone's own time, kept even when it is absurd."""

    tap_id: str
    who: str
    person: PersonKind
    site_id: SiteId
    road: Road
    kind: TriggerKind = TriggerKind.TAP
    technician_id: TechnicianId | None = None
    visit_id: VisitId | None = None
    device_id: DeviceId | None = None
    device_at: datetime | None = None
    heard_at: datetime | None = None
    """When the hub first heard it, by its own clock: long before the commit where SQL was away. None where no door noted it."""
    position: Position | None = None
    position_doubt: str | None = None
    battery_pct: int | None = None
    is_drill: bool = False
    is_queued: bool = False
    """True where the phone had no network and raised it late."""
    device_is_revoked: bool = False
    is_silent: bool = False
    """True where nothing was pressed that the phone could show, such as a duress PIN entered for something else."""
    reason: str = ""
    """A detector's or dispatcher's sentence."""

    @property
    def incident_id(self) -> IncidentId:
        """The incident that this tap alone would open: the same on every road, worker and replay."""
        return incident_id_of_tap(self.who, self.tap_id)


CLOCK_DOUBTED_AFTER = timedelta(hours=72)
KEPT_FROM = timedelta(seconds=2)
"""A press that SQL took this late or later counts from when the hub heard it; below, from its commit."""
WAITED_FROM = timedelta(minutes=1)
"""A press that came this long after it was made, or later, is marked as not of now."""


def believed_position(
    lat: object, lon: object, accuracy_m: object, at: datetime | None
) -> tuple[Position | None, str | None]:
    """Return the position of a tap and None, or None and a sentence why it is not believed. Never raises: a tap is never refused."""
    if lat is None or lon is None:
        return None, "The tap brought no position."
    if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)) or isinstance(lat, bool) or isinstance(lon, bool):
        return None, "The tap's position is not a pair of numbers."
    try:
        place = LatLon.checked(float(lat), float(lon))
    except (ValueError, OverflowError):
        return None, "The tap's position is out of range."
    if place == LatLon(0.0, 0.0):
        return None, "The tap's position is (0, 0), which phones send when they know none."
    return Position(place=place, accuracy_m=_believed_accuracy(accuracy_m), at=at), None


def _believed_accuracy(accuracy_m: object) -> float | None:
    if not isinstance(accuracy_m, (int, float)) or isinstance(accuracy_m, bool):
        return None
    return float(accuracy_m) if math.isfinite(accuracy_m) and accuracy_m >= 0 else None


def position_words(tap: SosTap, last_known: Position | None, now: datetime) -> str:
    """Return where she is, in one sentence for the desk; never a home address, never a made-up place."""
    found = tap.position or last_known
    if found is None:
        return "No position; none is known."
    accuracy = "" if found.accuracy_m is None else f" (±{found.accuracy_m:.0f} m)"
    if tap.position is not None:
        return f"Position from the tap itself{accuracy}."
    age_min = 0 if found.at is None else max(0, round((now - found.at).total_seconds() / 60))
    return f"No position with the tap; last known {age_min} min ago{accuracy}."


def kept_since(tap: SosTap, now: datetime) -> datetime | None:
    """Return since when the hub kept a press that SQL takes only `now`; None for one that it took at once."""
    return tap.heard_at if tap.heard_at is not None and now - tap.heard_at >= KEPT_FROM else None


def late_words(tap: SosTap, now: datetime) -> str:
    """Return that the press waited, on a phone without network or for SQL, and how long; empty for one that was taken at once."""
    return f"{_queued_words(tap, now)} {_kept_words(tap, now)}".strip()


def _kept_words(tap: SosTap, now: datetime) -> str:
    if (since := kept_since(tap, now)) is None:
        return ""
    return f"The hub heard it {_ago(now - since)} ago; its database took it only now, and people may have been told before."


def _ago(passed: timedelta) -> str:
    seconds = max(0.0, passed.total_seconds())
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _queued_words(tap: SosTap, now: datetime) -> str:
    if not tap.is_queued:
        return ""
    if tap.device_at is None or is_clock_doubtful(tap.device_at, now):
        return "It waited on the phone without network, nobody knows how long."
    return f"It was pressed {_ago(now - tap.device_at)} ago and waited on the phone without network."


def has_waited(tap: SosTap, now: datetime) -> bool:
    """Tell whether the press waited on a phone without network for a minute or more, or nobody knows how long."""
    if not tap.is_queued:
        return False
    return tap.device_at is None or is_clock_doubtful(tap.device_at, now) or now - tap.device_at >= WAITED_FROM


def is_clock_doubtful(device_at: datetime | None, now: datetime) -> bool:
    """Tell whether the phone's clock is so far off that its time is kept as evidence only."""
    return device_at is not None and abs(now - device_at) > CLOCK_DOUBTED_AFTER


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone hears: only after the commit (`received`) or, with SQL away, after the journal's fsync (`journaled`)."""

    tap_id: str
    incident_id: IncidentId
    status: str
    at: datetime
