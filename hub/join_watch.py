"""How does safety watch over visits, and ask her? Visits and fixes as watches need them; questions as a poke to her phone and a text."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from core.clock import Clock
from core.errors import BadInput, Unavailable
from core.ids import SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from notifications.notice import Channel, Lane, Notice
from notifications.ports import Outbox
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.templates import LANGUAGES
from realtime.ports import HeardPhones, Pokes, PokeTopic
from safety.check_in import Watch
from safety.detectors.detection import UsedFix
from safety.watch_ports import WatchedVisit
from tracking.fix import Fix
from tracking.ports import Positions
from visits.ports import Stores
from visits.stage import Stage
from visits.visit import Visit, phones_of

SITE_S = 3.0
POSITION_S = 0.2


class VisitsWatched:
    """Meets `safety.watch_ports.WatchedVisits`."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def get(self, tx: Tx, visit_id: VisitId) -> WatchedVisit | None:
        """See `WatchedVisits.get`."""
        visit = await self._stores.visits.get(tx, visit_id)
        site = None if visit is None else await self._stores.sites.get(tx, visit.site_id)
        if visit is None or site is None or visit.technician_id is None:
            return None
        return WatchedVisit(
            visit_id=visit.id,
            site_id=visit.site_id,
            technician_id=visit.technician_id,
            stage=visit.stage,
            since=_since(visit),
            planned_min=visit.planned_min + visit.extended_min,
            zone=site.zone,
            place=visit.place.point,
            is_risky=await self._is_risky(tx, visit),
        )

    async def _is_risky(self, tx: Tx, visit: Visit) -> bool:
        """Tell whether anything is known against this customer, a note or somebody blocked from her: then check-ins are closer."""
        keys = [self._stores.technicians.customer_key(phone) for phone in phones_of(visit)]
        return await self._stores.notes.is_risky(tx, visit.site_id, keys, self._clock.now())


class SeenFixes:
    """Meets `safety.watch_ports.NewestFixes` over live positions and presence; with these away nobody knows anything."""

    def __init__(self, positions: Positions, phones: HeardPhones) -> None:
        self._positions = positions
        self._phones = phones

    async def of_site(self, site_id: SiteId) -> Mapping[TechnicianId, UsedFix] | None:
        """See `NewestFixes.of_site`."""
        try:
            async with asyncio.timeout(SITE_S):
                heard = await self._phones.heard(site_id)
                return {who: _used(fix, heard.get(who)) for who, fix in (await self._positions.all_known(site_id)).items()}
        except (Unavailable, TimeoutError):
            return None

    async def of(self, site_id: SiteId, technician_id: TechnicianId) -> UsedFix | None:
        """See `NewestFixes.of`."""
        try:
            async with asyncio.timeout(POSITION_S):
                fix = (await self._positions.last_known(site_id, [technician_id])).get(technician_id)
        except (Unavailable, TimeoutError):
            return None
        return None if fix is None else _used(fix)


class Questions:
    """Meets `safety.watch_ports.Prompts`: her open app shows it at once; a text says it where the app is closed."""

    def __init__(self, outbox: Outbox, people: RecipientsFlow, stores: Stores, pokes: Pokes) -> None:
        self._outbox = outbox
        self._people = people
        self._stores = stores
        self._pokes = pokes

    async def ask(self, tx: Tx, visit: WatchedVisit, watch: Watch, *, is_reminder: bool) -> None:
        """See `Prompts.ask`."""
        about = f"{visit.technician_id}/{visit.visit_id}/{watch.value}/{'reminder' if is_reminder else 'question'}"
        tx.after_commit(lambda: self._pokes.poke(SiteId(visit.site_id), PokeTopic.PROMPTS, about))
        if not is_reminder:
            await self._text(tx, visit, watch)

    async def _text(self, tx: Tx, visit: WatchedVisit, watch: Watch) -> None:
        she = await self._stores.technicians.get(tx, visit.technician_id)
        stored = await self._stores.visits.get(tx, visit.visit_id)
        if she is None or not she.phone or stored is None:
            return
        language = LANGUAGES[0] if (she.language or "").lower().startswith("zh") else "en"
        new = NewRecipient(
            site_id=visit.site_id, kind=RecipientKind.TECHNICIAN, owner_id=she.id, name=she.name, number=she.phone, language=language
        )
        try:
            recipient = await self._people.add(tx, new)
        except BadInput:
            return  # a number that cannot exist must not keep the question from being asked
        notice = Notice(
            site_id=visit.site_id, subject=f"{visit.visit_id}:{watch.value}", lane=Lane.P1, channel=Channel.SMS, recipient_id=recipient.id,
            template="check_in", variables={"place": stored.place.address}, visit_id=visit.visit_id,
            ladder_round=int(visit.since.timestamp()),
        )  # fmt: skip
        await self._outbox.enqueue(tx, [notice])


def _since(visit: Visit) -> datetime:
    entered = {
        Stage.DEPARTED: visit.departed_at,
        Stage.ARRIVED: visit.arrived_at,
        Stage.IN_SERVICE: visit.started_at,
        Stage.ENDED: visit.ended_at,
        Stage.ABORTED_UNSAFE: visit.ended_at,
    }.get(visit.stage)
    return entered or visit.last_act_at


def _used(fix: Fix, heard_ms: int | None = None) -> UsedFix:
    return UsedFix(
        device_id=fix.device_id, seq=fix.seq, at_ms=fix.at_ms, lat=fix.lat, lon=fix.lon, accuracy_m=fix.accuracy_m, heard_ms=heard_ms
    )
