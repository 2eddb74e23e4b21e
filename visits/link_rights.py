"""What may the holder of a customer's link see and do, and until when? Rights over time.

The position right says only that a position may leave at all; where it is blurred near her home is decided with the fix itself
(`tracking/customer_view.py`). A link without rights is answered exactly like one that never was.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from core.ids import LinkId, SiteId, VisitId
from visits.site import SiteSettings
from visits.stage import Stage
from visits.visit import Visit


class LinkHolder(StrEnum):
    """Whom a link was made for."""

    CUSTOMER = "customer"
    """She who is visited: she also gets the door code and her own emergency button."""
    BOOKER = "booker"
    """Who booked for somebody else: words, position and receipt, neither code nor button."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link of one visit; its token is told once and stored as a digest."""

    id: LinkId
    site_id: SiteId
    visit_id: VisitId
    holder: LinkHolder
    label: str
    made_by: str
    made_at: datetime
    revoked_at: datetime | None = None


class LinkStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A link and what says whether it still counts: when its visit was closed, and the settings of its site."""

    link: Link
    closed_at: datetime | None
    settings: SiteSettings

    def counts(self, now: datetime) -> bool:
        """Tell whether the link opens anything at `now`: it does as long as it opens words."""
        return self.link.revoked_at is None and not _is_outlived(self.closed_at, now, self.settings)


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What a link opens now: `words` and `receipt`, `position`, `door_code`, `own_sos`."""

    words: bool = False
    receipt: bool = False
    position: bool = False
    door_code: bool = False
    own_sos: bool = False


NOTHING = Rights()
"""The rights of a guessed, revoked or outlived link."""


def rights_of(link: Link, visit: Visit, now: datetime, settings: SiteSettings) -> Rights:
    """Return what `link` opens at `now`: all words until `link_words_h` after closing, the position only while she is on her way."""
    if link.revoked_at is not None or link.visit_id != visit.id or has_outlived(visit, now, settings):
        return NOTHING
    is_customer = link.holder is LinkHolder.CUSTOMER
    return Rights(
        words=True,
        receipt=True,
        position=settings.customer_sees_position and visit.stage is Stage.DEPARTED,
        door_code=is_customer and visit.stage in (Stage.ASSIGNED, Stage.DEPARTED, Stage.ARRIVED),
        own_sos=is_customer,
    )


def has_outlived(visit: Visit, now: datetime, settings: SiteSettings) -> bool:
    """Tell whether the time for looking back at a closed visit is over."""
    return _is_outlived(visit.closed_at, now, settings)


def _is_outlived(closed_at: datetime | None, now: datetime, settings: SiteSettings) -> bool:
    return closed_at is not None and now >= closed_at + timedelta(hours=settings.link_words_h)
