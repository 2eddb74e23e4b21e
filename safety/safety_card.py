"""Whom to tell, and who may press, when SQL does not answer? The safety card: a small picture of the roster, kept encrypted on disk.

Refreshed when a shift opens, when the roster or a device changes, and every minute. It knows token hashes, never tokens; telephone numbers
and names stand in it because without them nobody could be told. A card is never used while SQL answers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from core.caller import Caller, CallerKind
from core.ids import DeviceId, RecipientId, SiteId, TechnicianId
from notifications.notice import Channel
from safety.ladder import Group, Ladder

STALE_AFTER = timedelta(hours=24)
"""A card this old still works, but health names it: the roster of yesterday is better than nobody."""


class CardHolder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a device token, by its hash."""

    technician_id: TechnicianId
    device_id: DeviceId
    site_id: SiteId
    name: str
    is_revoked: bool = False


class CardPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Someone to tell: E.164 number, language, and the groups of the ladder she belonged to when the card was made."""

    recipient_id: RecipientId
    number: str
    name: str
    language: str
    country: str | None
    groups: tuple[Group, ...]
    technician_id: TechnicianId | None = None
    """Set for an emergency contact: whose contact she is."""


class CardSite(msgspec.Struct, frozen=True, kw_only=True):
    """One site: its ladder and its people."""

    site_id: SiteId
    name: str
    ladder: Ladder
    people: tuple[CardPerson, ...]
    is_manned: bool


class SafetyCard(msgspec.Struct, frozen=True, kw_only=True):
    """The whole card."""

    made_at: datetime
    holders: Mapping[str, CardHolder]
    sites: Mapping[SiteId, CardSite]

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the card is so old that health should name it."""
        return now - self.made_at > STALE_AFTER


def caller_on_card(card: SafetyCard, hashed_token: str) -> tuple[Caller, bool] | None:
    """Return the caller who holds a token and whether her device was revoked, None for a token that the card does not know."""
    holder = card.holders.get(hashed_token)
    if holder is None:
        return None
    caller = Caller(
        kind=CallerKind.DEVICE,
        id=holder.device_id,
        sites=frozenset({holder.site_id}),
        technician_id=holder.technician_id,
        device_id=holder.device_id,
    )
    return caller, holder.is_revoked


def people_of(site: CardSite, groups: Sequence[Group], technician_id: TechnicianId | None) -> tuple[CardPerson, ...]:
    """Return the people of the given groups, each once; of contacts only hers."""
    wanted = set(groups)
    return tuple(
        person
        for person in site.people
        if wanted & set(person.groups) and (person.technician_id is None or person.technician_id == technician_id)
    )


def channels_on_card(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Return the channels that work without SQL: the console reads SQL and is not among them."""
    return tuple(channel for channel in channels if channel in (Channel.SMS, Channel.VOICE))
