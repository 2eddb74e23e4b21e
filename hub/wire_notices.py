"""How are people told? The outbox with its carriers, receipts, alarms, recipients and webhooks, joined; and the doors for answers.

In two steps, because safety needs the outbox and the answers need safety: `wire_notices`, then safety, then `wire_answers`.
"""

from dataclasses import dataclass

from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from hub.desk_languages import SiteLanguages
from hub.floor import Floor
from hub.joints import Joint
from hub.notice_settings import NoticeSettings
from notifications import http_gateway, http_notices, http_phones, http_recipients, http_twilio, http_webhooks
from notifications.account import TwilioConfig
from notifications.aiohttp_gateway import GatewayCarrier, open_session
from notifications.aiohttp_webhooks import WebhookSender
from notifications.alarms_flow import AlarmsFlow
from notifications.carrier import CarrierName
from notifications.console_carrier_flow import ConsoleCarrier
from notifications.desk_notices_flow import DeskNoticesFlow
from notifications.file_channel import FileChannel
from notifications.gateway import GatewayConfig
from notifications.health_flow import HealthFlow
from notifications.inbound_flow import InboundFlow
from notifications.looks_flow import ORDINARY, URGENT, LooksFlow
from notifications.notice import Channel, Lane
from notifications.notice_look_flow import NoticeLookFlow
from notifications.outbox_flow import OutboxFlow
from notifications.phones_flow import PhonesFlow
from notifications.ports import Acknowledgements, Carrier, InboundTap, Poke
from notifications.receipts_flow import ReceiptsFlow
from notifications.recipients_flow import RecipientsFlow
from notifications.settlement_flow import SettlementFlow
from notifications.sql_inbound import SqlInbound
from notifications.sql_outbox import SqlOutbox
from notifications.sql_phones import PhonesCarrier, SqlPhones
from notifications.sql_recipients import SqlRecipients
from notifications.sql_webhooks import SqlWebhooks
from notifications.templates import Templates, load_templates
from notifications.twilio_account import TwilioAccount
from notifications.twilio_sms import TwilioSms
from notifications.twilio_voice import TwilioVoice
from notifications.webhook_flow import WebhookFlow
from visits.sql_sites import SqlSites

Carriers = dict[tuple[CarrierName, Channel], Carrier]


@dataclass(kw_only=True)
class Notices:
    """The notices' parts of one worker. `outbox` and `alarms` are what other packages are given; `topic` is the console's."""

    settings: NoticeSettings
    outbox: SqlOutbox
    alarms: AlarmsFlow
    recipients: SqlRecipients
    people: RecipientsFlow
    webhooks: SqlWebhooks
    webhook_flow: WebhookFlow
    flow: OutboxFlow
    looks: LooksFlow
    receipts: ReceiptsFlow
    settlement: SettlementFlow
    topic: DeskNoticesFlow
    health: HealthFlow
    templates: Templates
    phones: SqlPhones
    carriers: Carriers
    twilio: TwilioConfig | None
    gateway: GatewayConfig | None


def wire_notices(floor: Floor, settings: NoticeSettings, poke: Poke) -> Notices:
    """Build the flows and let them run. Call inside the loop: carriers open their connections here."""
    work, clock, templates = floor.truth, floor.clock, load_templates()
    outbox, recipients, phones = SqlOutbox(floor.keys, clock), SqlRecipients(floor.keys), SqlPhones(floor.keys)
    alarms = AlarmsFlow(outbox=outbox, recipients=recipients, clock=clock)
    twilio, gateway = settings.twilio(floor.settings.public_url), settings.gateway()
    carriers = _carriers(floor, settings, twilio, gateway, phones, templates, poke)
    works = _works(floor)
    settlement = SettlementFlow(outbox=outbox, recipients=recipients, alarms=alarms, poke=poke)
    receipts = ReceiptsFlow(work=works[Lane.P0], outbox=outbox, settlement=settlement, clock=clock)
    flow = OutboxFlow(
        works=works,
        outbox=outbox,
        recipients=recipients,
        settlement=settlement,
        carriers=carriers,
        templates=templates,
        clock=clock,
        ids=floor.ids,
        signature=settings.sms_signature,
        way=floor.way,
        site_choices=settings.site_choices,
    )
    looks = LooksFlow(
        works=works,
        outbox=outbox,
        recipients=recipients,
        receipts=receipts,
        settlement=settlement,
        carriers=carriers,
        templates=templates,
        clock=clock,
        signature=settings.sms_signature,
    )
    webhooks = SqlWebhooks(floor.keys, clock, floor.ids)
    sender = WebhookSender(allows_private=settings.webhooks_allow_private)
    floor.stack.push_async_callback(sender.close)
    webhook_flow = WebhookFlow(
        work=work,
        webhooks=webhooks,
        sender=sender,
        alarms=alarms,
        clock=clock,
        ids=floor.ids,
        allows_private=settings.webhooks_allow_private,
    )
    outbox.on_enqueued = looks.on_resend = flow.wake
    webhooks.on_published = webhook_flow.wake
    notices = Notices(
        settings=settings,
        outbox=outbox,
        alarms=alarms,
        recipients=recipients,
        people=RecipientsFlow(work=work, recipients=recipients, outbox=outbox, clock=clock, ids=floor.ids),
        webhooks=webhooks,
        webhook_flow=webhook_flow,
        flow=flow,
        looks=looks,
        receipts=receipts,
        settlement=settlement,
        topic=DeskNoticesFlow(work=work, outbox=outbox, templates=templates, clock=clock, languages=SiteLanguages()),
        health=HealthFlow(work=work, outbox=outbox, recipients=recipients, carriers=carriers, clock=clock),
        templates=templates,
        phones=phones,
        carriers=carriers,
        twilio=twilio,
        gateway=gateway,
    )
    _run(floor, notices)
    return notices


def wire_answers(floor: Floor, notices: Notices, acknowledgements: Acknowledgements, taps: InboundTap) -> InboundFlow:
    """Open the doors: for carriers' callbacks, people's answers, the desk, integrators, and in the demo the phones page."""
    inbound = InboundFlow(
        work=floor.truth,
        outbox=notices.outbox,
        recipients=notices.recipients,
        inbound=SqlInbound(floor.keys),
        settlement=notices.settlement,
        acknowledgements=acknowledgements,
        taps=taps,
        alarms=notices.alarms,
        templates=notices.templates,
        clock=floor.clock,
    )
    looking = NoticeLookFlow(work=floor.truth, outbox=notices.outbox, recipients=notices.recipients)
    floor.surface.endpoints += [
        *http_notices.endpoints(looking),
        *http_recipients.endpoints(notices.people),
        *http_webhooks.endpoints(notices.webhook_flow),
        *http_twilio.endpoints(notices.twilio, notices.receipts, inbound, notices.templates),
        *http_gateway.endpoints(notices.gateway, notices.receipts, inbound, notices.templates),
    ]
    if notices.settings.notices_phones:
        floor.surface.endpoints += http_phones.endpoints(
            PhonesFlow(
                work=floor.truth,
                phones=notices.phones,
                recipients=notices.recipients,
                receipts=notices.receipts,
                inbound=inbound,
                templates=notices.templates,
                clock=floor.clock,
                ids=floor.ids,
            )
        )
    return inbound


def _carriers(
    floor: Floor,
    settings: NoticeSettings,
    twilio: TwilioConfig | None,
    gateway: GatewayConfig | None,
    phones: SqlPhones,
    templates: Templates,
    poke: Poke,
) -> Carriers:
    found: list[Carrier] = [ConsoleCarrier(poke)]
    if twilio is not None:
        account = TwilioAccount(twilio)
        floor.stack.push_async_callback(account.close)
        found += [TwilioSms(account), *([TwilioVoice(account, templates)] if settings.twilio_voice_numbers else [])]
    if gateway is not None:
        session = open_session()
        floor.stack.push_async_callback(session.close)
        found += [GatewayCarrier(gateway, channel, session, floor.clock) for channel in (Channel.SMS, Channel.VOICE)]
    if settings.notices_phones:
        found += [PhonesCarrier(floor.truth, phones, channel, floor.clock) for channel in (Channel.SMS, Channel.VOICE)]
    if settings.file is not None:
        found += [FileChannel(settings.file, channel, floor.clock) for channel in (Channel.SMS, Channel.VOICE)]
    return {(carrier.name, carrier.channel): floor.between(Joint.CARRIER, carrier) for carrier in found}


def _works(floor: Floor) -> dict[Lane, UnitOfWork]:
    """Return a unit of work a lane: on PostgreSQL the urgent lanes have pools of their own; SQLite has one writer, whose turns know
    urgency.
    """
    works = dict.fromkeys(Lane, floor.truth)
    if floor.truth.engine.dialect.name == "postgresql":
        for lane in URGENT:
            works[lane] = UnitOfWork(open_engine(floor.settings.store.truth_url), floor.way)
            floor.stack.push_async_callback(works[lane].engine.dispose)
    return works


def _run(floor: Floor, notices: Notices) -> None:
    for lane in Lane:
        floor.supervisor.endless(f"notices_{lane}", lambda lane=lane: notices.flow.run(lane), rank=40)  # type: ignore[misc]
    floor.supervisor.endless("notices_urgent_looks", lambda: notices.looks.run(URGENT), rank=40)
    floor.supervisor.endless("notices_looks", lambda: notices.looks.run(ORDINARY), rank=40)
    floor.supervisor.endless("webhooks", notices.webhook_flow.run, rank=40)

    async def people_are_reached() -> str | None:
        async with floor.truth.read() as tx:
            sites = [site.id for site in await SqlSites().all(tx)]
        return " ".join(fault.in_words() for fault in await notices.health.faults(sites)) or None

    floor.health.check("notices", people_are_reached)
