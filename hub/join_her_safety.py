"""How do contacts, extensions, colleagues, tracks and webhooks reach safety? The rest of its ports, met over the other packages."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.caller import Caller
from core.clock import Clock, to_ms
from core.errors import BadInput, Unavailable
from core.geo import distance_m
from core.ids import RecipientId, SiteId, TechnicianId, VisitId, notice_id_of
from core.key_ring import KeyRing
from core.timers import Timer
from core.unit_of_work import Tx, UnitOfWork
from notifications.notice import Channel, Lane, Notice
from notifications.ports import Outbox
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_recipients import SqlRecipients
from notifications.sql_webhooks import SqlWebhooks
from notifications.templates import LANGUAGES
from notifications.webhook import WebhookEvent
from safety.evidence import Event, EventKind
from safety.incident import Incident, State
from safety.person_ports import ContactFace, Helper
from safety.sos_tap import Position, SosTap
from safety.sql_incidents import SqlIncidents
from tracking.fix import Fix
from tracking.ports import Ledger, Positions
from tracking.router import Router
from visits.person import Technician
from visits.ports import Stores
from visits.stage import OPEN
from visits.visit import Told, Visit, phones_of
from visits.visit_flow import VisitFlow

BEFORE = timedelta(minutes=30)
"""How much of her way before a press belongs to the incident."""
MOST_FIXES = 20_000
GAP_S = 60.0
FRESH_MS = 10 * 60_000
"""A colleague not heard of for longer may be anywhere."""
HOOKED = {
    EventKind.RAISED: "raised",
    EventKind.CLAIMED: "claimed",
    EventKind.EXHAUSTED: "exhausted",
    EventKind.RESOLVED: "resolved",
    EventKind.REVIEWED: "reviewed",
}


class HookedIncidents(SqlIncidents):
    """Incidents whose events also go to the programs that asked for them, in the same transaction.

    These first: the incident's events hold up whoever else writes to the site until the commit.
    """

    def __init__(self, keys: KeyRing, webhooks: SqlWebhooks) -> None:
        super().__init__(keys)
        self._webhooks = webhooks

    async def add(self, tx: Tx, incident: Incident, events: Sequence[Event], tap: SosTap, timer: Timer) -> None:
        """See `Incidents.add`."""
        await self._publish(tx, incident, events)
        await super().add(tx, incident, events, tap, timer)

    async def save(self, tx: Tx, incident: Incident, events: Sequence[Event]) -> None:
        """See `Incidents.save`. Questions of watches, which may end unheard, and daily drills are told to nobody."""
        await self._publish(tx, incident, events)
        await super().save(tx, incident, events)

    async def _publish(self, tx: Tx, incident: Incident, events: Sequence[Event]) -> None:
        is_unheard = self.looked(tx).unheard == incident.site_id  # which a press knows already, and need not ask before its receipt
        if incident.state is State.PENDING or incident.is_canary or is_unheard:
            return
        for event in events:
            if (kind := HOOKED.get(event.kind)) is not None:
                await self._webhooks.publish(tx, _hook(incident, kind, event.at))


class ContactNumbers:
    """Meets `safety.person_ports.ContactBook`."""

    def __init__(self, people: RecipientsFlow, recipients: SqlRecipients) -> None:
        self._people = people
        self._recipients = recipients

    async def add(self, tx: Tx, site_id: SiteId, technician_id: TechnicianId, name: str, number: str, language: str) -> RecipientId:
        """See `ContactBook.add`."""
        spoken = LANGUAGES[0] if language.lower().startswith("zh") else "en"
        new = NewRecipient(
            site_id=site_id, kind=RecipientKind.CONTACT, owner_id=technician_id, name=name, number=number, language=spoken
        )
        return (await self._people.add(tx, new)).id

    async def faces(self, tx: Tx, ids: Sequence[RecipientId]) -> Mapping[RecipientId, ContactFace]:
        """See `ContactBook.faces`."""
        found = await self._recipients.by_ids(tx, ids)
        return {id: ContactFace(person.name, person.number_masked) for id, person in found.items()}


class VisitExtensions:
    """Meets `safety.person_ports.Extensions`."""

    def __init__(self, visits: VisitFlow) -> None:
        self._visits = visits

    async def extend(self, caller: Caller, visit_id: VisitId, minutes: int) -> None:
        """See `Extensions.extend`."""
        await self._visits.extend(caller, visit_id, minutes, Told(), is_pin_checked=True)


class NearColleagues:
    """Meets `safety.person_ports.Colleagues` over live positions, shifts and the router."""

    def __init__(
        self, work: UnitOfWork, stores: Stores, positions: Positions, router: Router, outbox: Outbox, people: RecipientsFlow, clock: Clock
    ) -> None:
        self._work = work
        self._stores = stores
        self._positions = positions
        self._router = router
        self._outbox = outbox
        self._people = people
        self._clock = clock

    async def near(self, incident: Incident, place: Position, limit: int) -> Sequence[Helper]:
        """See `Colleagues.near`; empty while Redis is away."""
        try:
            fixes = await self._positions.all_known(incident.site_id)
        except Unavailable:
            return []
        now_ms = self._clock.now_ms()
        fresh = {who: fix for who, fix in fixes.items() if now_ms - fix.at_ms < FRESH_MS and who != incident.technician_id}
        able = await self._able(incident, list(fresh))
        nearest = sorted(able, key=lambda who: distance_m(fresh[who].place, place.place))[:limit]
        return sorted([await self._helper(who, *able[who], fresh[who], place) for who in nearest], key=lambda helper: helper.travel_s)

    async def tell(self, tx: Tx, incident: Incident, technician_ids: Sequence[TechnicianId], code: str) -> Sequence[TechnicianId]:
        """See `Colleagues.tell`."""
        visit = None if incident.visit_id is None else await self._stores.visits.get(tx, incident.visit_id)
        place, floor = ("", "") if visit is None else (visit.place.address, visit.place.floor.strip())
        told, notices = [], []
        on_shift = await self._stores.shifts.open_of_many(tx, technician_ids)
        for she in await self._stores.technicians.get_many(tx, list(on_shift)):
            if not she.phone or not await self._may_help(tx, incident, she, self._keys(visit)):
                continue
            language = LANGUAGES[0] if (she.language or "").lower().startswith("zh") else "en"
            new = NewRecipient(
                site_id=she.site_id, kind=RecipientKind.TECHNICIAN, owner_id=she.id, name=she.name, number=she.phone, language=language
            )
            try:
                recipient = await self._people.add(tx, new)
            except BadInput:
                continue
            told.append(she.id)
            notices.append(
                Notice(
                    site_id=she.site_id, subject=incident.id, lane=Lane.P0, channel=Channel.SMS, recipient_id=recipient.id,
                    template="helper_wanted", variables={"place": place, "floor": floor}, code=code,
                    ladder_round=incident.lap, visit_id=incident.visit_id,
                )
            )  # fmt: skip
        await self._outbox.enqueue(tx, notices)
        return told

    async def _able(self, incident: Incident, whom: Sequence[TechnicianId]) -> dict[TechnicianId, tuple[str, bool]]:
        """Return name and freedom of those on shift who may meet this customer."""
        async with self._work.read() as tx:
            on_shift = await self._stores.shifts.open_of_many(tx, whom)
            visit = None if incident.visit_id is None else await self._stores.visits.get(tx, incident.visit_id)
            keys, found = self._keys(visit), {}
            for she in await self._stores.technicians.get_many(tx, list(on_shift)):
                if await self._may_help(tx, incident, she, keys):
                    found[she.id] = (she.shown_name, not await self._stores.visits.of_technician(tx, she.id, OPEN))
        return found

    async def _may_help(self, tx: Tx, incident: Incident, she: Technician, keys: Sequence[str]) -> bool:
        """Tell whether the desk may ask her: she offered it herself, belongs here, and is not to be kept from this customer."""
        if not she.helps_colleagues or not she.is_active or she.site_id != incident.site_id or she.id == incident.technician_id:
            return False
        blocked = [pair for key in keys for pair in await self._stores.technicians.blocked(tx, she.id, key)]
        return not blocked

    def _keys(self, visit: Visit | None) -> list[str]:
        return [] if visit is None else [self._stores.technicians.customer_key(phone) for phone in phones_of(visit)]

    async def _helper(self, who: TechnicianId, name: str, is_free: bool, fix: Fix, place: Position) -> Helper:
        route = await self._router.route(fix.place, place.place, self._clock.now())
        return Helper(technician_id=who, name=name, distance_m=round(route.metres), travel_s=round(route.seconds_p50), is_free=is_free)


class IncidentTracks:
    """Meets `safety.evidence_flow.Tracks` over the ledger."""

    def __init__(self, fixes: UnitOfWork, ledger: Ledger) -> None:
        self._fixes = fixes
        self._ledger = ledger

    async def track(self, incident: Incident, until: datetime) -> Sequence[dict[str, Any]]:
        """See `Tracks.track`."""
        if incident.technician_id is None:
            return []
        from_ms, until_ms = to_ms(incident.raised_at - BEFORE), to_ms(until) + 1
        async with self._fixes.read() as tx:
            found = await self._ledger.track(tx, incident.technician_id, from_ms, until_ms, MOST_FIXES)
        fixes = [one.fix for one in found]
        gaps = [None, *((later.at_ms - fix.at_ms) / 1000 for fix, later in itertools.pairwise(fixes))]
        return [_point(fix, gap_s) for fix, gap_s in zip(fixes, gaps, strict=False)]


def _point(fix: Fix, gap_s: float | None) -> dict[str, Any]:
    point = {"at_ms": fix.at_ms, "lat": fix.lat, "lon": fix.lon, "accuracy_m": fix.accuracy_m, "device_id": fix.device_id}
    return point if gap_s is None or gap_s < GAP_S else {**point, "gap_s": gap_s}


def _hook(incident: Incident, kind: str, at: datetime) -> WebhookEvent:
    data = {
        "incident_id": incident.id, "code": incident.code, "state": incident.state.value, "severity": incident.severity,
        "technician_id": incident.technician_id, "visit_id": incident.visit_id, "raised_at": incident.raised_at,
        "resolution": None if incident.resolution is None else incident.resolution.value,
    }  # fmt: skip
    id = notice_id_of("incident-event", incident.id, kind, incident.version)
    return WebhookEvent(id=id, site_id=incident.site_id, type=f"incident.{kind}", subject=incident.id, at=at, data=data)
