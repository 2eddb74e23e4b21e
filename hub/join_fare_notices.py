"""What do people and programs hear of fares? Agreements and receipts, told in the transactions that store them."""

from core.clock import from_ms
from core.ids import VisitId, notice_id_of
from core.key_ring import KeyRing
from core.unit_of_work import Tx
from hub.join_customer_texts import CustomerTexts
from notifications.sql_webhooks import SqlWebhooks
from notifications.webhook import WebhookEvent
from tracking.fares.policy import public_ending
from tracking.fares.ports import VisitFare
from tracking.fares.receipt import Receipt
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_receipts import SqlReceipts
from tracking.fares.words import language_of, money
from visits.customer_text import CustomerText
from visits.ports import Stores
from visits.visit import Visit


class ToldQuotes(SqlQuotes):
    """Quotes whose agreements are published as `fare.accepted`, and as `fare.requoted` when another quote took its place."""

    def __init__(self, keys: KeyRing, webhooks: SqlWebhooks, stores: Stores) -> None:
        super().__init__(keys)
        self._webhooks, self._stores = webhooks, stores

    async def put_fare(self, tx: Tx, fare: VisitFare) -> None:
        """See `ports.Quotes.put_fare`."""
        await super().put_fare(tx, fare)
        visit = await self._stores.visits.get(tx, fare.visit_id)
        kind = "accepted" if fare.quote_id == fare.accepted_quote_id else "requoted"
        data = {
            "visit_id": fare.visit_id,
            "external_ref": None if visit is None else visit.external_ref,
            "quote_id": fare.quote_id,
            "currency": fare.currency,
            "accepted_minor": fare.accepted_minor,
            "billing": fare.policy.billing.value,
        }
        id = notice_id_of("fare-event", fare.visit_id, kind, fare.quote_id)
        at = from_ms(fare.accepted_ms)
        await self._webhooks.publish(
            tx, WebhookEvent(id=id, site_id=fare.site_id, type=f"fare.{kind}", subject=fare.visit_id, at=at, data=data)
        )


class ToldReceipts(SqlReceipts):
    """Receipts that are published as `fare.settled` or `fare.amended`, and texted to the customer when she pays another sum than before."""

    def __init__(self, webhooks: SqlWebhooks, texts: CustomerTexts, stores: Stores) -> None:
        self._webhooks, self._texts, self._stores = webhooks, texts, stores

    async def add(self, tx: Tx, receipt: Receipt) -> None:
        """See `ports.Receipts.add`."""
        await super().add(tx, receipt)
        visit = await self._stores.visits.get(tx, VisitId(receipt.visit_id))
        await self._webhooks.publish(tx, _receipt_event(receipt, visit))
        if visit is None or not _concerns_customer(receipt):
            return
        site = await self._stores.sites.get(tx, visit.site_id)
        if site is not None and site.settings.customer_sees_fare:
            amount = money(receipt.customer_minor, receipt.currency, language_of(visit.customer.language or site.locale))
            await self._texts.tell(tx, visit, CustomerText.RECEIPT, amount=amount, round=receipt.number)


def _concerns_customer(receipt: Receipt) -> bool:
    return bool(receipt.difference_minor) if receipt.amends is not None else receipt.customer_minor > 0


def _receipt_event(receipt: Receipt, visit: Visit | None) -> WebhookEvent:
    kind = "settled" if receipt.amends is None else "amended"
    data = {
        "visit_id": receipt.visit_id,
        "external_ref": None if visit is None else visit.external_ref,
        "technician_id": receipt.technician_id,
        "number": receipt.number,
        "amends": receipt.amends,
        # A visit broken off for safety reads as finished, here as on every page.
        "ending": public_ending(receipt.ending).value,
        "currency": receipt.currency,
        "customer_minor": receipt.customer_minor,
        "technician_minor": receipt.technician_minor,
        "platform_minor": receipt.platform_minor,
        "difference_minor": receipt.difference_minor,
        "distance_mm": None if receipt.meter is None or receipt.meter.fixes == 0 else receipt.meter.distance_mm,
        "digest": receipt.digest,
    }
    id = notice_id_of("fare-event", receipt.visit_id, kind, receipt.number)
    at = from_ms(receipt.settled_ms)
    return WebhookEvent(id=id, site_id=receipt.site_id, type=f"fare.{kind}", subject=receipt.visit_id, at=at, data=data)
