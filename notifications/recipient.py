"""Who is reached at which number? A person or role, with the phone, the language and what is known of the line."""

from datetime import datetime
from enum import StrEnum

import msgspec
import phonenumbers
from phonenumbers import PhoneNumberType

from core.errors import BadInput
from core.ids import RecipientId, SiteId

MAX_NAME_CHARS = 500
CODE_TRIES = 5
"""Wrong codes before a verification must be begun again: five tries at six digits guess right once in 200,000."""
CODE_DIGITS = 6
CODE_MINUTES = 10


class RecipientKind(StrEnum):
    """In which role the hub knows this person."""

    DISPATCHER = "dispatcher"
    """Works at the desk."""
    OWNER = "owner"
    """Runs the site; gets its alarms."""
    TECHNICIAN = "technician"
    """Works at customers' homes."""
    CONTACT = "contact"
    """Named by a technician to be told in an emergency."""
    CANARY = "canary"
    """Nobody: a phone that gets the notices of the daily drill, to prove that they arrive."""
    CUSTOMER = "customer"
    """Is visited, or booked the visit."""

    @property
    def is_responder(self) -> bool:
        """Tell whether an emergency counts on this phone."""
        return self in (RecipientKind.DISPATCHER, RecipientKind.OWNER, RecipientKind.CONTACT)


class Line(StrEnum):
    """What the number plan says of a number."""

    MOBILE = "mobile"
    """Takes texts and calls."""
    FIXED = "fixed"
    """Takes calls only."""
    EITHER = "either"
    """The plan does not tell (North America)."""
    UNKNOWN = "unknown"
    """Another kind, such as internet telephony."""


class PhoneNumber(msgspec.Struct, frozen=True):
    """A valid number: `e164` such as +8613800138000, `country` as two letters, and its `line`."""

    e164: str
    country: str
    line: Line


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One person's phone in one role. `number` is None where there is no phone, and in answers to those who may not read it."""

    id: RecipientId
    site_id: SiteId
    kind: RecipientKind
    owner_id: str
    name: str
    number: str | None
    number_masked: str
    country: str | None
    line: Line = Line.UNKNOWN
    language: str = "zh-CN"
    carrier: str | None = None
    is_alarmed: bool = False
    is_active: bool = True
    verified_at: datetime | None = None
    stopped_at: datetime | None = None
    sms_failed_at: datetime | None = None

    @property
    def takes_texts(self) -> bool:
        """Tell whether a text has a chance: a number that is no land line, did not say STOP and was not refused by its network."""
        return self.number is not None and self.line is not Line.FIXED and self.stopped_at is None and self.sms_failed_at is None


class Verification(msgspec.Struct, frozen=True):
    """How the proof of a number stands: hash of the code under way, valid `until`, wrong `tries` so far, `round` = codes sent so far."""

    code_hash: str | None
    until: datetime | None
    tries: int
    round: int


def numbered(text: str, country: str | None = None) -> PhoneNumber:
    """Return the valid number that a person typed; `country` (two letters) for one without +.

    Raises `BadInput` in words when it is no number or cannot exist. Source: libphonenumber's number plans.
    """
    try:
        parsed = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise BadInput(f"{masked(text)} is not a phone number. Write it with its country, for example +86 138 0013 8000.") from None
    if not phonenumbers.is_valid_number(parsed):
        raise BadInput(f"{masked(text)} cannot exist: the number plan of its country has no such number. Check the digits.")
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    country_found = phonenumbers.region_code_for_number(parsed) or "ZZ"
    return PhoneNumber(e164, country_found, _LINES.get(phonenumbers.number_type(parsed), Line.UNKNOWN))


_LINES = {
    PhoneNumberType.MOBILE: Line.MOBILE,
    PhoneNumberType.FIXED_LINE: Line.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Line.EITHER,
}


def masked(number: str) -> str:
    """Return `number` with all but its last two digits hidden, for logs and for those who may not call it."""
    digits = [char for char in number if char.isdigit()]
    return f"***{''.join(digits[-2:])}" if len(digits) >= 4 else "***"
