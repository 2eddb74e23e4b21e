"""How does safety know people, places and positions? Its ports, met over visits, live positions and carriers.

Everything a tap needs before its commit is bounded here: a second for its credential, a fifth of one for a position.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import structlog
from starlette.requests import Request

from core.attempt import within
from core.caller import Caller, CallerKind
from core.clock import Clock, from_ms
from core.errors import HubError, NotFound, NotSignedIn, Unavailable
from core.http_endpoint import Authenticator, check_same_origin
from core.ids import DispatcherId, IncidentId, SiteId, TechnicianId, TokenKind, VisitId, token_hash
from core.unit_of_work import Tx, UnitOfWork
from notifications.carrier import Outcome
from notifications.letters import carrier_for, letter_of
from notifications.notice import Channel, Enqueued, Lane, Notice, NoticeState
from notifications.outbox_flow import Carriers
from notifications.recipient import Recipient, RecipientKind, masked
from notifications.templates import Templates
from realtime.ports import Pokes as LivePokes
from safety.alerts_flow import CONTACT_TEMPLATE, DISPATCHER_TEMPLATE, DRILL_TEMPLATE
from safety.evidence import Event
from safety.incident import Incident
from safety.journal_ports import CardStore
from safety.ports import DeskAccount
from safety.press_place import PRESSES, coordinates
from safety.safety_card import CardPerson, caller_on_card
from safety.sos_tap import Position
from safety.sql_incidents import SqlIncidents
from tracking.fix import Fix
from tracking.ports import Positions
from visits.ports import Stores
from visits.stage import Stage
from visits.visit import Visit

log = structlog.get_logger(__name__)

CALLER_S = 1.0
POSITION_S = 0.2
AS_GOOD_MS = 15_000
"""Phones on their way report every few seconds: what this worker took so lately needs no question to Redis, which may be slow just then."""
BETTER_THAN_NONE_MS = 3_600_000
"""While Redis is away a position of the last hour still tells where to begin; an older one may lie outside her shift."""
_UNDERWAY = frozenset({Stage.DEPARTED, Stage.ARRIVED, Stage.IN_SERVICE, Stage.ENDED, Stage.ABORTED_UNSAFE})


class Tappers:
    """Meets `safety.http_sos.TapCallers`: SQL first, then revoked devices, then the safety card when SQL does not answer."""

    def __init__(
        self, authenticator: Authenticator, work: UnitOfWork, stores: Stores, cards: CardStore | None, public_origin: str
    ) -> None:
        self._authenticator = authenticator
        self._work = work
        self._stores = stores
        self._cards = cards
        self._public_origin = public_origin

    async def tapper(self, request: Request) -> tuple[Caller, bool]:
        """See `TapCallers.tapper`."""
        token = _bearer(request)
        try:
            return await within(self._known(request, token), CALLER_S)
        except NotSignedIn:
            raise
        except Exception as failure:
            if isinstance(failure, HubError) and not failure.retryable:
                raise
            log.error("tap_caller_from_card", failure=type(failure).__name__)
        if (found := self._on_card(token)) is None:
            raise Unavailable("SQL is away and this credential is not on the safety card. Keep pressing, and call the desk.")
        return found

    async def _known(self, request: Request, token: str) -> tuple[Caller, bool]:
        try:
            caller = await self._authenticator.caller_of(request)
        except NotSignedIn:
            if (revoked := await self._revoked(token)) is None:
                raise
            return revoked, True
        if caller.by_cookie:
            check_same_origin(request, self._public_origin)
        return caller, False

    async def _revoked(self, token: str) -> Caller | None:
        if not token.startswith(TokenKind.DEVICE):
            return None
        async with self._work.read(brief=True) as tx:
            device = await self._stores.devices.by_token(tx, token_hash(token))
        if device is None:
            return None
        return Caller(
            kind=CallerKind.DEVICE, id=device.id, sites=frozenset({device.site_id}), technician_id=device.technician_id, device_id=device.id
        )

    def _on_card(self, token: str) -> tuple[Caller, bool] | None:
        card = None if self._cards is None or not token else self._cards.load()
        return None if card is None else caller_on_card(card, token_hash(token))


class TapSites:
    """Meets `safety.http_sos.TapPlaces`."""

    def __init__(self, work: UnitOfWork, stores: Stores) -> None:
        self._work = work
        self._stores = stores

    async def site_of(self, technician_id: TechnicianId | None, visit_id: VisitId | None) -> SiteId:
        """See `TapPlaces.site_of`."""
        async with self._work.read(brief=True) as tx:
            if technician_id is not None and (technician := await self._stores.technicians.get(tx, technician_id)) is not None:
                return technician.site_id
            if technician_id is None and visit_id is not None and (visit := await self._stores.visits.get(tx, visit_id)) is not None:
                return visit.site_id
        raise NotFound("There is no such technician or visit. Check the id.")


class _Her(NamedTuple):
    """A technician as a transaction found her: her shown name, and the visit she is on."""

    technician_id: TechnicianId
    name: str | None
    visit: Visit | None


class HerVisit:
    """Meets `safety.ports.People`. Remembers for each transaction whom and what it found, so that the words need no second reading."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._found: WeakKeyDictionary[Tx, _Her] = WeakKeyDictionary()

    async def visit_now(self, tx: Tx, technician_id: TechnicianId) -> VisitId | None:
        """See `People.visit_now`: of several the one that she set out for last."""
        name, found = await self._stores.visits.name_and_visits(tx, technician_id, _UNDERWAY)
        newest = max(found, key=lambda visit: visit.last_act_at, default=None)
        self._found[tx] = _Her(technician_id, name, newest)
        return None if newest is None else newest.id

    async def visit(self, tx: Tx, visit_id: VisitId) -> Visit | None:
        """Return a visit, None when there is none."""
        her = self._found.get(tx)
        if her is not None and her.visit is not None and her.visit.id == visit_id:
            return her.visit
        return await self._stores.visits.get(tx, visit_id)

    async def name(self, tx: Tx, technician_id: TechnicianId) -> str | None:
        """Return a technician's shown name, None when there is no such technician."""
        her = self._found.get(tx)
        if her is not None and her.technician_id == technician_id:
            return her.name
        technician = await self._stores.technicians.get(tx, technician_id)
        return None if technician is None else technician.shown_name


class Whereabouts:
    """Meets `safety.ports.LastKnown` over live positions. `remembered`: the last fix of hers that this worker took."""

    def __init__(self, positions: Positions, remembered: Callable[[TechnicianId], Fix | None], clock: Clock) -> None:
        self._positions = positions
        self._remembered = remembered
        self._clock = clock

    async def position_of(self, site_id: SiteId, technician_id: TechnicianId) -> Position | None:
        """See `LastKnown.position_of`. What this worker took moments ago is as good as what Redis holds, and needs no answer of it."""
        fix = self._remembered(technician_id)
        age_ms = None if fix is None else self._clock.now_ms() - fix.at_ms
        if age_ms is None or age_ms > AS_GOOD_MS:
            fix = await self._asked(site_id, technician_id, fix if age_ms is not None and age_ms <= BETTER_THAN_NONE_MS else None)
        return None if fix is None else Position(place=fix.place, accuracy_m=fix.accuracy_m, at=from_ms(fix.at_ms))

    async def _asked(self, site_id: SiteId, technician_id: TechnicianId, otherwise: Fix | None) -> Fix | None:
        try:
            async with asyncio.timeout(POSITION_S):
                return (await self._positions.last_known(site_id, [technician_id])).get(technician_id)
        except Exception:
            return otherwise  # a tap is taken with an older position, or without one, rather than late or not at all


class Words:
    """Meets `safety.ports.VisitWords`."""

    def __init__(self, her_visit: HerVisit, incidents: SqlIncidents, clock: Clock, public_url: str) -> None:
        self._her_visit = her_visit
        self._incidents = incidents
        self._clock = clock
        self._public_url = public_url

    async def of_incident(self, tx: Tx, incident: Incident, unwritten: Sequence[Event] = ()) -> dict[str, str]:
        """See `VisitWords.of_incident`."""
        if incident.is_canary:
            return {"name": "Porchlight", "place": "", "link": f"{self._public_url}/console"}
        visit = None if incident.visit_id is None else await self._her_visit.visit(tx, incident.visit_id)
        hers = None if incident.technician_id is None else await self._her_visit.name(tx, incident.technician_id)
        name = hers if hers is not None else visit.customer.name or "" if visit else ""
        place, floor = ("", "") if visit is None else (visit.place.address, visit.place.floor.strip())
        told = {"name": name, "place": place, "floor": floor, "link": f"{self._public_url}/console"}
        if place or incident.technician_id is None:
            return told
        presses = unwritten or await self._incidents.events(tx, incident.id, PRESSES)
        return {**told, "coordinates": coordinates(presses, self._clock.now())}


class Accounts:
    """Meets `safety.ports.DeskAccounts`."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def account(self, tx: Tx, dispatcher_id: DispatcherId) -> DeskAccount | None:
        """See `DeskAccounts.account`."""
        found = await self._stores.dispatchers.get(tx, dispatcher_id)
        return DeskAccount(sites=found.sites, roles=found.roles) if found is not None and found.is_active else None


class SitePokes:
    """Meets `safety.ports.Pokes`: an incident also changes when she may be followed, which tracking hears by the topic of shifts."""

    def __init__(self, pokes: LivePokes) -> None:
        self._pokes = pokes

    def poke(self, site_id: SiteId, topic: str, about: str) -> None:
        """See `Pokes.poke`."""
        self._pokes.poke(site_id, topic, about)


class DirectCarriers:
    """Meets `safety.journal_ports.DirectSender`: words straight to a carrier, while there is no outbox."""

    def __init__(self, carriers: Carriers, templates: Templates, clock: Clock, signature: str) -> None:
        self._carriers = carriers
        self._templates = templates
        self._clock = clock
        self._signature = signature

    async def send(
        self, site_id: SiteId, incident_id: IncidentId, person: CardPerson, channel: Channel, variables: dict[str, str], *, is_drill: bool
    ) -> None:
        """See `DirectSender.send`."""
        row = self._row(site_id, incident_id, person, channel, variables, is_drill=is_drill)
        recipient = _recipient(site_id, person)
        choice = carrier_for(row, recipient, self._carriers.keys(), {})
        if isinstance(choice, Outcome):
            raise Unavailable(choice.detail)
        letter = msgspec.structs.replace(letter_of(row, recipient, self._templates, self._signature), wants_ack=False)
        outcome = await self._carriers[choice, channel].send(letter)
        if outcome.error is not None:
            raise Unavailable(f"The carrier did not take it: {outcome.detail or outcome.error}.")

    def _row(
        self, site_id: SiteId, incident_id: IncidentId, person: CardPerson, channel: Channel, variables: dict[str, str], *, is_drill: bool
    ) -> Enqueued:
        template = DRILL_TEMPLATE if is_drill else DISPATCHER_TEMPLATE if person.technician_id is None else CONTACT_TEMPLATE
        notice = Notice(
            site_id=site_id, subject=incident_id, lane=Lane.P0, channel=channel, recipient_id=person.recipient_id, template=template,
            variables=dict(variables), code=variables["code"],
        )  # fmt: skip
        return Enqueued(id=notice.id, notice=notice, state=NoticeState.SENDING, created_at=self._clock.now(), attempts=1)


def _recipient(site_id: SiteId, person: CardPerson) -> Recipient:
    return Recipient(
        id=person.recipient_id, site_id=site_id, kind=RecipientKind.DISPATCHER if person.technician_id is None else RecipientKind.CONTACT,
        owner_id="", name=person.name, number=person.number, number_masked=masked(person.number), country=person.country,
        language=person.language,
    )  # fmt: skip


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""

