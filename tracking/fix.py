"""What is a fix? One report of where a technician's device was, as sent, as checked, and as judged.

`RawFix` is what a device claims. `Fix` is the same once it is well-formed: WGS-84, time corrected to the hub's clock, bound to device and
technician by the token and not by the payload. `Judged` adds what became of it. Units are in the names; None always means "not said".
"""

from enum import StrEnum

import msgspec

from core.geo import LatLon
from core.ids import DeviceId, SiteId, TechnicianId


class Reason(StrEnum):
    """Why a fix was refused, or why it did not move the live marker. `detail_of` says the same in a sentence with a cure."""

    MALFORMED = "malformed"
    """It could not be read as a fix at all."""
    NOT_FINITE = "not_finite"
    """A number in it is NaN or infinite."""
    OUT_OF_RANGE = "out_of_range"
    """Latitude or longitude is not on Earth."""
    ZERO_POSITION = "zero_position"
    """It is exactly (0, 0): a receiver that had no position."""
    BAD_SEQ = "bad_seq"
    """The sequence number is negative or above 2**63 - 1."""
    BAD_READING = "bad_reading"
    """Accuracy, speed, heading, altitude or battery is impossible."""
    UNKNOWN_DATUM = "unknown_datum"
    """The datum is none of wgs84, gcj02, bd09."""
    IMPOSSIBLE_TIME = "impossible_time"
    """The fix time lies before 2015, or more than a day in the future."""
    TOO_LATE = "too_late"
    """The fix is older than 72 hours: late delivery is over."""
    OFF_SHIFT = "off_shift"
    """She was not on shift at the fix's own time, so it is not kept."""

    FUTURE = "future"
    """Its time is ahead of the hub's clock."""
    STALE = "stale"
    """It is older than the newest accepted one."""
    INACCURATE = "inaccurate"
    """Its circle of uncertainty is too wide for a marker."""
    JUMP = "jump"
    """Nobody travels that fast from the last accepted place."""
    DUPLICATE = "duplicate"
    """It repeats the last accepted fix."""
    MOCKED = "mocked"
    """The phone says that an app invents its position."""
    FROZEN = "frozen"
    """It claims movement and has not moved at all."""


REFUSALS = frozenset(
    {
        Reason.MALFORMED, Reason.NOT_FINITE, Reason.OUT_OF_RANGE, Reason.ZERO_POSITION, Reason.BAD_SEQ, Reason.BAD_READING,
        Reason.UNKNOWN_DATUM, Reason.IMPOSSIBLE_TIME, Reason.TOO_LATE, Reason.OFF_SHIFT,
    }
)
"""Reasons that end a fix: it is answered and not kept. All others are verdicts: it is stored and does not move the marker."""

_DETAILS: dict[Reason, str] = {
    Reason.MALFORMED: "This fix could not be read. Send seq, at_ms, lat and lon as numbers.",
    Reason.NOT_FINITE: "A number of this fix is NaN or infinite. Leave out what the receiver does not know.",
    Reason.OUT_OF_RANGE: "Latitude must be -90..90 and longitude -180..180. Are they swapped?",
    Reason.ZERO_POSITION: "The position is exactly (0, 0). Wait for the receiver to find itself.",
    Reason.BAD_SEQ: "seq must be a whole number from 0 to 2**63 - 1.",
    Reason.BAD_READING: "Accuracy and speed must be 0 or more, heading 0..360, battery 0..100. Leave out what is unknown.",
    Reason.UNKNOWN_DATUM: "datum must be wgs84, gcj02 or bd09. Leave it out for WGS-84.",
    Reason.IMPOSSIBLE_TIME: "The fix time is before 2015 or over a day ahead. Send milliseconds since 1970, and sent_at_ms; set the clock.",
    Reason.TOO_LATE: "The fix is older than 72 hours and is no longer taken. Delete it.",
    Reason.OFF_SHIFT: "There was no shift at the time of this fix, so it was not kept. Delete it.",
    Reason.FUTURE: "The fix time is ahead of the hub's clock. Send sent_at_ms so that the phone's clock can be corrected.",
    Reason.STALE: "A newer fix is already known. It is kept for the record.",
    Reason.INACCURATE: "The accuracy is too poor for the live marker. It is kept for the record.",
    Reason.JUMP: "The distance from the last fix is impossible in that time. It is kept for the record.",
    Reason.DUPLICATE: "This fix is known already.",
    Reason.MOCKED: "The phone says the position is simulated. Turn mock locations off.",
    Reason.FROZEN: "The position has not changed although a speed is reported. Restart the location service.",
}


def detail_of(reason: Reason) -> str:
    """Return one sentence about `reason` and, where there is one, the cure: the `detail` of an answer to the phone."""
    return _DETAILS[reason]


class Lane(StrEnum):
    """Where a stored fix goes."""

    LIVE = "live"
    """It moves the marker, and everything that follows the marker."""
    LEDGER_ONLY = "ledger_only"
    """It is kept for the record with its reasons, and moves nothing."""


class RawFix(msgspec.Struct, frozen=True, gc=False):
    """A fix as a device sent it, unchecked: `at_ms` by the device's clock, degrees of `datum`, metres, metres per second, percent."""

    seq: int
    at_ms: int
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    battery_pct: float | None = None
    mocked: bool = False
    datum: str | None = None


class Fix(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A well-formed fix: identity (device_id, device_epoch, seq), degrees WGS-84.

    `at_ms`: fix time corrected to the hub's clock, for every judgement of order and age. `device_at_ms`: as sent, for identity and
    evidence. `received_ms`: when the hub read the frame.
    """

    device_id: DeviceId
    device_epoch: int
    seq: int
    technician_id: TechnicianId
    at_ms: int
    device_at_ms: int
    received_ms: int
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    battery_pct: float | None = None
    mocked: bool = False

    @property
    def place(self) -> LatLon:
        """Return the position."""
        return LatLon(self.lat, self.lon)

    @property
    def order(self) -> tuple[int, str, int, int]:
        """Return the key by which fixes are put in order everywhere: time first, then device, epoch and seq so that none are equal."""
        return (self.at_ms, self.device_id, self.device_epoch, self.seq)


class Judged(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A fix with its live verdict: no reasons means `live`. Settlement judges again and ignores this."""

    fix: Fix
    lane: Lane
    reasons: tuple[Reason, ...] = ()


class Sender(msgspec.Struct, frozen=True):
    """Whose fixes these are, by the credential shown. `session_no`: the fence taken at `hello`; 0 for HTTP, which has no session."""

    device_id: DeviceId
    technician_id: TechnicianId
    site_id: SiteId
    session_no: int
    device_epoch: int


class OutcomeError(StrEnum):
    """Why a whole offer came to nothing. Nothing of it may be deleted by the phone."""

    SUPERSEDED = "superseded"
    """A newer connection of the same device has taken over: this one must close."""
    BUSY = "busy"
    """The hub could not store it now: keep it and send it again."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one offer.

    `stored`: seqs that are durable, first time or before: the phone may delete them. `refused`: seqs never to be sent again, with
    the reason. With an `error` both are empty and the phone keeps everything. `batch_id`: as it was offered.
    """

    stored: list[int]
    refused: list[tuple[int, Reason]]
    error: OutcomeError | None = None
    batch_id: str | None = None
