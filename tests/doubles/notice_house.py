"""The notices' flows joined on a database under test, as `hub/wiring.py` joins them on the real one."""

from core.ids import RecipientId, SiteId
from core.key_ring import KeyRing
from core.unit_of_work import UnitOfWork
from notifications.alarms_flow import AlarmsFlow
from notifications.carrier import CarrierName
from notifications.looks_flow import ORDINARY, URGENT, LooksFlow
from notifications.notice import Channel, Enqueued, Lane, Notice
from notifications.outbox_flow import OutboxFlow
from notifications.receipts_flow import ReceiptsFlow
from notifications.recipient import Line, Recipient, RecipientKind, masked
from notifications.settlement_flow import SettlementFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from notifications.templates import load_templates
from tests.doubles.fixed_ids import FixedIds
from tests.doubles.notice_carriers import FakeCarrier, SilentPoke

SITE = SiteId("site-1")
TEMPLATES = load_templates()
_KEY_RING = KeyRing(["test-secret-of-more-than-thirty-two-characters"])


class NoticeHouse:
    """Everything of `notifications` that has no socket; `sms`, `voice` and `desk` are the carriers that play the networks."""

    def __init__(self, work: UnitOfWork, clock, carriers=None) -> None:
        self.work, self.clock, self.ids = work, clock, FixedIds()
        self.outbox = SqlOutbox(_KEY_RING, clock)
        self.recipients = SqlRecipients(_KEY_RING)
        self.poke = SilentPoke()
        self.alarms = AlarmsFlow(outbox=self.outbox, recipients=self.recipients, clock=clock)
        self.sms, self.voice = FakeCarrier(), FakeCarrier(Channel.VOICE)
        self.desk = FakeCarrier(Channel.CONSOLE, CarrierName.DESK)
        found = carriers if carriers is not None else [self.sms, self.voice, self.desk]
        self.carriers = {(carrier.name, carrier.channel): carrier for carrier in found}
        self.works = dict.fromkeys(Lane, work)
        self.settlement = SettlementFlow(outbox=self.outbox, recipients=self.recipients, alarms=self.alarms, poke=self.poke)
        self.receipts = ReceiptsFlow(work=work, outbox=self.outbox, settlement=self.settlement, clock=clock)
        self.flow = self.sender()
        self.looks = LooksFlow(
            works=self.works,
            outbox=self.outbox,
            recipients=self.recipients,
            receipts=self.receipts,
            settlement=self.settlement,
            carriers=self.carriers,
            templates=TEMPLATES,
            clock=clock,
        )
        self.looks.on_resend = self.flow.wake

    def sender(self, outbox=None, way=None) -> OutboxFlow:
        """Return a sender: a second one is another worker. `outbox`: something that stands before the house's own; `way`: its process's."""
        return OutboxFlow(
            works=self.works,
            outbox=outbox or self.outbox,
            recipients=self.recipients,
            settlement=self.settlement,
            carriers=self.carriers,
            templates=TEMPLATES,
            clock=self.clock,
            ids=self.ids,
            way=way,
        )

    async def add_person(self, number: str | None = "+14155550123", **fields) -> Recipient:
        recipient = Recipient(
            id=RecipientId(self.ids.new_id()),
            site_id=SITE,
            kind=fields.pop("kind", RecipientKind.DISPATCHER),
            owner_id=fields.pop("owner_id", "dispatcher-1"),
            name="Wang Xiaoming",
            number=number,
            number_masked=masked(number or ""),
            country=fields.pop("country", "US"),
            line=fields.pop("line", Line.MOBILE),
            language=fields.pop("language", "en"),
            **fields,
        )
        async with self.work.begin() as tx:
            await self.recipients.add(tx, recipient, self.clock.now())
        return recipient

    async def enqueue(self, *notices: Notice) -> list[str]:
        async with self.work.begin() as tx:
            return await self.outbox.enqueue(tx, notices)

    async def row(self, notice: Notice | str) -> Enqueued:
        async with self.work.read() as tx:
            found = await self.outbox.get(tx, notice if isinstance(notice, str) else notice.id)
        assert found is not None
        return found

    async def rows(self) -> list[Enqueued]:
        async with self.work.read() as tx:
            return await self.outbox.listed(tx, sites=[SITE], limit=1000)

    async def send_due(self) -> int:
        """Send everything that is due, in every lane."""
        return sum([await self.flow.run_once(lane) for lane in Lane])

    async def look(self) -> int:
        return await self.looks.run_once(URGENT) + await self.looks.run_once(ORDINARY)

    async def live_through(self, seconds: float, step_s: float = 0.5) -> None:
        """Let simulated time pass, doing everything that becomes due on the way."""
        for _ in range(round(seconds / step_s)):
            self.clock.move(step_s)
            await self.look()
            await self.send_due()


def sos(recipient: Recipient, **fields) -> Notice:
    return Notice(
        site_id=SITE,
        subject=fields.pop("subject", "incident-1"),
        lane=fields.pop("lane", Lane.P0),
        channel=fields.pop("channel", Channel.SMS),
        recipient_id=recipient.id,
        template=fields.pop("template", "sos"),
        variables={"name": "Li", "place": "5 Elm Road"},
        **fields,
    )


def arriving(recipient: Recipient, **fields) -> Notice:
    return sos(recipient, lane=Lane.P2, template="visit_arriving", subject=fields.pop("subject", "visit-1"), **fields)
