"""Who is who? Identifiers, tokens and the only source of chance in the house.

Ids are UUIDv7 in text form (RFC 9562): unique without a database, ordered by creation. Ids of a tap's incident and notices are
UUIDv5 of (technician, tap id), so that every path that meets the same tap arrives at the same incident.
"""

import hashlib
import secrets
import uuid
from typing import NewType, Protocol

import uuid_utils

SiteId = NewType("SiteId", str)
TechnicianId = NewType("TechnicianId", str)
DeviceId = NewType("DeviceId", str)
DispatcherId = NewType("DispatcherId", str)
ShiftId = NewType("ShiftId", str)
VisitId = NewType("VisitId", str)
LinkId = NewType("LinkId", str)
IncidentId = NewType("IncidentId", str)
NoticeId = NewType("NoticeId", str)
RecipientId = NewType("RecipientId", str)

_TAP_NAMESPACE = uuid.UUID("6f7c0a1e-52f5-5a0b-9a55-706f7263686c")


class IdSource(Protocol):
    """The port for chance. `RandomIds` in production, `tests.doubles.fixed_ids.FixedIds` in tests."""

    def new_id(self) -> str:
        """Return a fresh UUIDv7 in lower-case text form, 36 characters."""
        ...

    def new_token(self, kind: str) -> str:
        """Return a fresh secret: the kind's prefix and 256 random bits in URL-safe text."""
        ...

    def new_digits(self, count: int) -> str:
        """Return `count` random decimal digits, for codes that people read to each other."""
        ...

    def new_epoch(self) -> int:
        """Return a random positive integer below 2**31, for a device whose counter restarts."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high), for jitter."""
        ...


class TokenKind:
    """Prefixes by which a secret's kind, and a leaked secret's danger, is recognised by people and scanners."""

    DEVICE = "pl_dev_"
    ENROL = "pl_enr_"
    LINK = "pl_lnk_"
    API = "pl_api_"
    SESSION = "pl_ses_"
    TICKET = "pl_tic_"
    CSRF = "pl_csr_"
    HOOK = "pl_hok_"


class RandomIds:
    """The operating system's chance."""

    def new_id(self) -> str:
        """See `IdSource.new_id`."""
        return str(uuid_utils.uuid7())

    def new_token(self, kind: str) -> str:
        """See `IdSource.new_token`."""
        return kind + secrets.token_urlsafe(32)

    def new_digits(self, count: int) -> str:
        """See `IdSource.new_digits`."""
        return "".join(secrets.choice("0123456789") for _ in range(count))

    def new_epoch(self) -> int:
        """See `IdSource.new_epoch`."""
        return secrets.randbelow(2**31 - 1) + 1

    def uniform(self, low: float, high: float) -> float:
        """See `IdSource.uniform`."""
        return low + (high - low) * secrets.randbelow(2**32) / 2**32


def token_hash(token: str) -> str:
    """Return the SHA-256 of a token, 64 hexadecimal digits: the only form in which a token is stored.

    A slow hash would add nothing: a token holds 256 random bits and cannot be guessed from a dictionary.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def incident_id_of_tap(who: str, tap_id: str) -> IncidentId:
    """Return the incident id of one tap: the same for every transport, worker, retry and journal replay."""
    return IncidentId(str(uuid.uuid5(_TAP_NAMESPACE, f"incident\x1f{who}\x1f{tap_id}")))


def notice_id_of(subject: str, *parts: str | int) -> NoticeId:
    """Return the id of the notice that `subject` and `parts` (round, tier, recipient, channel, ...) name uniquely."""
    return NoticeId(str(uuid.uuid5(_TAP_NAMESPACE, "\x1f".join(["notice", subject, *map(str, parts)]))))
