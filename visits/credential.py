"""When does a credential count? Lifetimes and shapes of codes, sessions, tickets, passwords and keys.

Tokens hold 256 random bits and are stored as SHA-256; codes that people type are short, so they live briefly, are used once and are stored
as a keyed digest, and every try is counted.
"""

import re
from datetime import datetime, timedelta

import msgspec

from core.caller import Role, Scope
from core.ids import DeviceId, DispatcherId, LinkId, SiteId, TechnicianId

ENROLMENT_LIFE = timedelta(hours=24)
"""Long enough to hand the code to her on one day and use it on the next morning."""
ENROLMENT_DIGITS = 10
"""With 20 tries a quarter of an hour and address, guessing one of 100 open codes takes centuries."""
SESSION_LIFE = timedelta(hours=14)
"""A night at the desk with hand-over; nobody is logged out during a shift."""
SESSION_IDLE = timedelta(hours=4)
"""A browser left open is locked after so long without a request; consoles speak every few seconds."""
SESSION_SEEN_EVERY = timedelta(minutes=5)
"""How coarsely `seen_at` is kept: fewer writes, still far below `SESSION_IDLE`."""
TICKET_LIFE = timedelta(seconds=30)
RECOVERY_CODES = 10
RECOVERY_DIGITS = 10
MIN_PASSWORD_CHARS = 12
"""Source: NIST SP 800-63B-4, 3.1.1.2 asks for 15 without and 8 with a second factor; a second factor is optional here."""
MAX_PASSWORD_CHARS = 256
ATTEMPTS_WINDOW = timedelta(minutes=15)
TRIES_PER_USER_AND_ADDRESS = 5
TRIES_PER_ADDRESS = 20
TRIES_PER_USER = 60
"""High, so that a stranger who knows a dispatcher's name cannot easily lock her out during an emergency."""

_USER = re.compile(r"^[a-z0-9][a-z0-9._@+-]{1,79}$")


class Dispatcher(msgspec.Struct, frozen=True, kw_only=True):
    """She who watches. `user` is her log-in name, lower case; `sites` and `roles` what she reaches; `has_totp`: a code is asked for too."""

    id: DispatcherId
    user: str
    name: str
    sites: frozenset[SiteId]
    roles: frozenset[Role]
    has_totp: bool = False
    is_active: bool = True
    created_at: datetime


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatcher's browser, signed in. `seen_at` is coarse (`SESSION_SEEN_EVERY`)."""

    id: str
    dispatcher_id: DispatcherId
    made_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time code by which one phone of one technician is enrolled."""

    id: str
    site_id: SiteId
    technician_id: TechnicianId
    made_at: datetime
    used_at: datetime | None = None


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An integrator's key: `label`, the sites and scopes it opens. The key itself is told once."""

    id: str
    label: str
    sites: frozenset[SiteId]
    scopes: frozenset[Scope]
    made_by: str
    made_at: datetime
    revoked_at: datetime | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A one-use stand-in for exactly one other credential, for the first frame of a browser's socket."""

    session_id: str | None = None
    device_id: DeviceId | None = None
    link_id: LinkId | None = None
    api_key_id: str | None = None
    expires_at: datetime


def is_session_live(session: Session, now: datetime) -> bool:
    """Tell whether a session still counts: not ended, neither too old nor too long idle."""
    return session.ended_at is None and now < session.made_at + SESSION_LIFE and now < session.seen_at + SESSION_IDLE


def is_enrolment_live(enrolment: Enrolment, now: datetime) -> bool:
    """Tell whether an enrolment code may still be used."""
    return enrolment.used_at is None and now < enrolment.made_at + ENROLMENT_LIFE


def digits_of(typed: str) -> str:
    """Return the digits of a code as typed: people and pages group them with spaces and dashes."""
    return "".join(sign for sign in typed if sign.isascii() and sign.isdigit())


def grouped(code: str) -> str:
    """Return a code in groups of five for people to read: `12345-67890`."""
    return "-".join(code[start : start + 5] for start in range(0, len(code), 5))


def user_faults(user: str) -> list[str]:
    """Return what is wrong with a log-in name, a sentence with a cure each."""
    return [] if _USER.match(user) else ["A log-in name has 2 to 80 of a-z, 0-9 and . _ @ + -, starting with a letter or digit."]


def password_faults(password: str, user: str) -> list[str]:
    """Return what is wrong with a password, a sentence with a cure each; length and difference matter, not signs and capitals."""
    found = [
        (len(password) >= MIN_PASSWORD_CHARS, f"A password has at least {MIN_PASSWORD_CHARS} characters; a short sentence is a good one."),
        (len(password) <= MAX_PASSWORD_CHARS, f"A password has at most {MAX_PASSWORD_CHARS} characters."),
        (len(set(password)) >= 5, "A password uses at least five different characters."),
        (not user or user.lower() not in password.lower(), "A password does not contain the log-in name."),
    ]
    return [sentence for is_fine, sentence in found if not is_fine]
