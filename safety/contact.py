"""Whom of her own may be told, and what? Emergency contacts: changes wait, and the place needs a fresh word of hers.

Whoever takes her phone can neither name himself nor remove her family at once. The wait and the confirmation are our own choice.
"""

from datetime import datetime, timedelta

import msgspec

from core.errors import BadInput
from core.ids import RecipientId, TechnicianId

CHANGE_WAITS = timedelta(hours=24)
CONFIRMED_FOR = timedelta(days=90)
MOST = 5
"""As many as people reach in one evening; more would be a mailing list."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One contact. `takes_effect_at` and `removed_at` lie a day after she asked; `confirmed_at`: when she last said that it still holds."""

    id: str
    technician_id: TechnicianId
    recipient_id: RecipientId
    confirmed_at: datetime
    takes_effect_at: datetime
    shares_place: bool
    removed_at: datetime | None = None


def new_contact(
    id: str, technician_id: TechnicianId, recipient_id: RecipientId, now: datetime, *, shares_place: bool, count: int
) -> Contact:
    """Return a contact that counts in a day; raises `BadInput` when she has `MOST` already."""
    if count >= MOST:
        raise BadInput(f"{MOST} contacts are the most. Remove one first.")
    return Contact(
        id=id, technician_id=technician_id, recipient_id=recipient_id, confirmed_at=now, takes_effect_at=now + CHANGE_WAITS,
        shares_place=shares_place,
    )  # fmt: skip


def may_know_place(confirmed_at: datetime, at: datetime, *, shares_place: bool) -> bool:
    """Tell whether a contact may be told where she is at `at`."""
    return shares_place and at - confirmed_at <= CONFIRMED_FOR
