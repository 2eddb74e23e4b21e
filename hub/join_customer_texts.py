"""What does a customer get as a text about her visit? One place that writes it: whether the site wants it, to whom, with which link.

Nothing here knows of incidents, and nothing may: a text that came, or did not come, because help was called would tell her counterpart.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_skeleton

from core.clock import Clock
from core.errors import BadInput
from core.ids import IdSource, LinkId, TokenKind, token_hash
from core.unit_of_work import Tx
from notifications.notice import Channel, Lane, Notice, Variable
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_outbox import SqlOutbox
from notifications.templates import LANGUAGES
from visits.customer_text import CustomerText
from visits.link_rights import Link, LinkHolder
from visits.ports import Stores
from visits.site import Site
from visits.visit import Visit

LINKED = frozenset(CustomerText) - {CustomerText.CANCELLED}
"""Texts that lead to the visit's page."""
DATED = frozenset({CustomerText.BOOKED, CustomerText.CANCELLED})
"""Texts that may come days before the visit: they name its day."""


class CustomerTexts:
    """Leaves texts for customers in the outbox, each in the transaction of what it tells of."""

    def __init__(
        self, *, outbox: SqlOutbox, people: RecipientsFlow, stores: Stores, clock: Clock, ids: IdSource, public_url: str
    ) -> None:
        self._outbox, self._people, self._stores = outbox, people, stores
        self._clock, self._ids = clock, ids
        self._public_url = public_url.rstrip("/")

    async def tell(
        self, tx: Tx, visit: Visit, text: CustomerText, *, time: str = "", amount: str = "", round: int = 0,
        expires_at: datetime | None = None,
    ) -> bool:  # fmt: skip
        """Enqueue `text`; return whether it is new. `round` tells repetitions apart: with the same one it goes once a visit.

        `time` defaults to the agreed window by the site's clocks, with its day where that may be another than today. A
        customer without a number that exists gets none, which undoes nothing.
        """
        site = await self._stores.sites.get(tx, visit.site_id)
        if site is None or not visit.customer.phone or text not in site.settings.customer_texts:
            return False
        try:
            customer = await self._people.add(tx, _customer(visit, site))
        except BadInput:
            return False  # A number that cannot exist must not undo the act; the booking was told when it was made.
        when = time or window_of(visit, site, text, customer.language)
        variables: dict[str, Variable] = {"name": await self._shown_name(tx, visit), "time": when}
        variables |= {"door_code": visit.door_code} if text is CustomerText.ARRIVING else {}
        variables |= {"amount": amount} if text is CustomerText.RECEIPT else {}
        notice = Notice(
            site_id=visit.site_id,
            subject=visit.id,
            visit_id=visit.id,
            lane=Lane.P2,
            channel=Channel.SMS,
            recipient_id=customer.id,
            template=text.template,
            ladder_round=round,
            expires_at=expires_at,
        )
        if await self._outbox.get(tx, notice.id) is not None:
            return False
        if text in LINKED:
            variables["link"] = f"{self._public_url}/t/{await self._link(tx, visit, text)}"
        return bool(await self._outbox.enqueue(tx, [msgspec.structs.replace(notice, variables=variables)]))

    async def _shown_name(self, tx: Tx, visit: Visit) -> str:
        found = await self._stores.technicians.get_many(tx, [visit.technician_id]) if visit.technician_id else []
        return found[0].shown_name if found else ""

    async def _link(self, tx: Tx, visit: Visit, text: CustomerText) -> str:
        token = self._ids.new_token(TokenKind.LINK)
        link = Link(
            id=LinkId(self._ids.new_id()),
            site_id=visit.site_id,
            visit_id=visit.id,
            holder=LinkHolder.CUSTOMER,
            label=f"text: {text.value}",
            made_by="hub",
            made_at=self._clock.now(),
        )
        await self._stores.links.add(tx, link, token_hash(token))
        return token


def window_of(visit: Visit, site: Site, text: CustomerText, language: str) -> str:
    """Return the agreed window by the site's clocks, such as 14:00-15:00 or Sat 28 Nov, 14:00-15:00."""
    times = clock_times(visit.window_start, visit.window_end, site)
    if text not in DATED:
        return times
    start = visit.window_start.astimezone(ZoneInfo(site.zone))
    is_chinese = language.startswith("zh")
    day = format_skeleton("MMMEd", start, locale="zh_CN" if is_chinese else "en_GB")
    return f"{day} {times}" if is_chinese else f"{day}, {times}"


def clock_times(start: datetime, end: datetime, site: Site) -> str:
    """Return a span by the site's clocks."""
    zone = ZoneInfo(site.zone)
    return f"{start.astimezone(zone):%H:%M}-{end.astimezone(zone):%H:%M}"


def language_of(wanted: str | None) -> str:
    """Return the language of texts nearest to a BCP 47 tag."""
    return LANGUAGES[0] if (wanted or "").lower().startswith("zh") else "en"


def _customer(visit: Visit, site: Site) -> NewRecipient:
    return NewRecipient(
        site_id=visit.site_id,
        kind=RecipientKind.CUSTOMER,
        owner_id=visit.id,
        name=visit.customer.name or "-",
        number=visit.customer.phone,
        language=language_of(visit.customer.language or site.locale),
    )
