"""When may evidence leave the house? A request with authority and legal reference, two approvers, and a hash of what was given.

In an emergency one approver is enough and a second reviews it afterwards. Source: reference on safety alerts, section 5.4.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from core.errors import BadInput, NotAllowed
from core.ids import DispatcherId, IncidentId


class Standing(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    """Not enough approvals yet."""
    APPROVED = "approved"
    """It may be given."""
    GIVEN = "given"
    """It was given, all approvals there."""
    GIVEN_UNREVIEWED = "given_unreviewed"
    """It was given in an emergency and waits for the second pair of eyes."""


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `scope`: what is asked for, in words; `given_hash`: SHA-256 of the file that was handed over."""

    id: str
    incident_id: IncidentId
    authority: str
    legal_reference: str
    scope: str
    is_emergency: bool
    requested_by: DispatcherId
    requested_at: datetime
    approved_by: tuple[DispatcherId, ...] = ()
    given_at: datetime | None = None
    given_hash: str | None = None


def checked(request: Disclosure) -> Disclosure:
    """Return the request, or raise `BadInput` naming the part without which nothing may leave."""
    for name in ("authority", "legal_reference", "scope"):
        if not getattr(request, name).strip():
            raise BadInput(f"A disclosure needs {name.replace('_', ' ')}: ask the authority for it in writing.")
    return request


def approved(request: Disclosure, by: DispatcherId) -> Disclosure:
    """Return the request with one approval more; nobody approves twice, nor what she asked for herself."""
    if by in request.approved_by:
        raise NotAllowed("You have approved this already; a second person must.")
    if by == request.requested_by:
        raise NotAllowed("You made this request; others must approve it.")
    return msgspec.structs.replace(request, approved_by=(*request.approved_by, by))


def standing(request: Disclosure) -> Standing:
    """Return where the request stands."""
    count = len(request.approved_by)
    if request.given_at is not None:
        return Standing.GIVEN if count >= 2 else Standing.GIVEN_UNREVIEWED
    return Standing.APPROVED if count >= (1 if request.is_emergency else 2) else Standing.ASKED


def given(request: Disclosure, now: datetime, content_hash: str) -> Disclosure:
    """Return the request as carried out; raises `NotAllowed` without the approvals it needs."""
    if request.given_at is not None:
        told = f"This request was carried out at {request.given_at:%Y-%m-%d %H:%M} UTC. Whoever needs the file again asks anew."
        raise NotAllowed(told)
    if standing(request) is not Standing.APPROVED:
        needed = 1 if request.is_emergency else 2
        raise NotAllowed(f"{len(request.approved_by)} of {needed} approvals are there. Wait for the others.")
    return msgspec.structs.replace(request, given_at=now, given_hash=content_hash)


def unreviewed(requests: Sequence[Disclosure]) -> list[Disclosure]:
    """Return what was given in an emergency and nobody has looked at since."""
    return [request for request in requests if standing(request) is Standing.GIVEN_UNREVIEWED]
