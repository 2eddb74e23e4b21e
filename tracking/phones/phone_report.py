"""What does a stock phone say? Its reports in the house's units, whichever app sent them."""

import hashlib
from enum import StrEnum

import msgspec

from tracking.fix import RawFix

SOS_ALARM = "sos"


class ReportKind(StrEnum):
    """What one report is."""

    FIX = "fix"
    """A position, though perhaps a bad one: the flow of fixes judges it."""
    HEARTBEAT = "heartbeat"
    """A sign of life without a position: never a fix, whatever was known before."""
    UNUSABLE = "unusable"
    """It means to be a position and cannot be read as one."""
    OTHER = "other"
    """Something else the app sends here, such as a token for push messages."""


class PhoneReport(msgspec.Struct, frozen=True, kw_only=True):
    """One report. `at_ms`: by the phone's clock, None when it did not say; `fix` for kind FIX; `alarm`: the app's word for one, "sos"."""

    kind: ReportKind
    at_ms: int | None = None
    fix: RawFix | None = None
    alarm: str | None = None
    battery_pct: float | None = None

    @property
    def is_sos(self) -> bool:
        """Tell whether the emergency button was pressed."""
        return self.alarm is not None and self.alarm.strip().lower() == SOS_ALARM


def key_of(at_ms: int, lat: float, lon: float) -> int:
    """Return a sequence number for an app that has none: 63 bits made from time and position, the same for every repetition.

    Two different fixes of one device share a key about once in 10**14 pairs.
    """
    text = f"{at_ms},{lat!r},{lon!r}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
