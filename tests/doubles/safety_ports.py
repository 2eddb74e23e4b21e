"""The people and phones around an incident, as plain lists."""

import msgspec

from core.caller import Role
from core.sql_timers import SqlTimers
from core.timers_flow import TimersFlow
from safety.desk_flow import DeskFlow
from safety.ladder import DEFAULT, Group, Ladder
from safety.ladder_flow import LADDER_TIMER, LEASE_TIMER, PENDING_TIMER, LadderFlow
from safety.ports import DeskAccount, Footing, Responder
from safety.sos_flow import SosFlow
from safety.sql_incidents import SqlIncidents

ON_DUTY = Responder(recipient_id="r-ana", dispatcher_id="d-ana")
OFF_DUTY = Responder(recipient_id="r-bo", dispatcher_id="d-bo")
OWNER = Responder(recipient_id="r-cy", dispatcher_id="d-cy")


class FixedResponders:
    """Meets `safety.ports.Responders` with one person a group."""

    def __init__(self, ladder: Ladder = DEFAULT) -> None:
        self.the_ladder = ladder
        self.manned = True
        self.groups = {
            Group.ON_DUTY: [ON_DUTY],
            Group.DUTY_LEAD: [ON_DUTY],
            Group.ALL_DISPATCHERS: [ON_DUTY, OFF_DUTY],
            Group.SUPERVISORS: [OWNER],
            Group.OWNERS: [OWNER],
            Group.CONTACTS: [],
        }

    async def of(self, tx, site_id, group, incident):
        return self.groups[group]

    async def footing(self, tx, site_id):
        return Footing(ladder=self.the_ladder, is_manned=self.manned)


class SpyAlerts:
    """Meets `safety.ports.Alerts`; keeps (lap, tier, channels, people) of what was told, once a key, as the outbox does."""

    def __init__(self) -> None:
        self.told = []
        self.empty_tiers = []
        self.hasty = []
        self.withdrawn = []

    async def tell(self, tx, incident, rung, people, ringing, unwritten=()):
        line = (incident.lap, rung.after_s, tuple(channel.value for channel in rung.channels), tuple(p.recipient_id for p in people))
        if line in self.told:
            return 0
        self.told.append(line)
        return len(people)

    async def withdraw(self, tx, incident):
        self.withdrawn.append(incident.id)

    async def nobody_to_tell(self, tx, incident, rung):
        self.empty_tiers.append(rung.tier)

    async def hasty_resolution(self, tx, incident):
        self.hasty.append(incident.id)


class SpyPokes:
    """Meets `safety.ports.Pokes`."""

    def __init__(self) -> None:
        self.poked = []

    def poke(self, site_id, topic, about):
        self.poked.append((site_id, topic, about))


class TwoAccounts:
    """Meets `safety.ports.DeskAccounts`: Ana and Bo at the site, Cy at another."""

    async def account(self, tx, dispatcher_id):
        sites = {"d-ana": "s1", "d-bo": "s1", "d-cy": "s2"}
        if dispatcher_id not in sites:
            return None
        return DeskAccount(sites=frozenset({sites[dispatcher_id]}), roles=frozenset({Role.DISPATCHER}))


class NobodyWorks:
    """Meets `safety.ports.People` and `LastKnown` for a technician without a visit or position."""

    async def visit_now(self, tx, technician_id):
        return None

    async def position_of(self, site_id, technician_id):
        return None


class AlarmsAt:
    """Meets `safety.ports.SilentAlarms` for technicians of one site."""

    def __init__(self, site_id, flow) -> None:
        self._site_id = site_id
        self._flow = flow

    async def duress(self, technician_id, reason, also=None):
        await self._flow.raise_for(technician_id, self._site_id, reason, also)

    async def wrong_pins(self, technician_id, also=None):
        await self._flow.doubt_for(technician_id, self._site_id, also)


class SafetyDesk(msgspec.Struct):
    """All of safety on one database, with spies at its borders."""

    sos: SosFlow
    ladder: LadderFlow
    desk: DeskFlow
    incidents: SqlIncidents
    timers: TimersFlow
    alerts: SpyAlerts
    pokes: SpyPokes
    responders: FixedResponders


def safety_on(work, clock, key_ring, alerts=None) -> SafetyDesk:
    """Return the flows wired as the hub does, on `work`."""
    incidents, pokes, responders, timers = SqlIncidents(key_ring), SpyPokes(), FixedResponders(), SqlTimers(work)
    alerts = alerts or SpyAlerts()
    ladder = LadderFlow(work, incidents, responders, alerts, timers, pokes, clock)
    bell = TimersFlow(timers, clock)
    bell.handle(LADDER_TIMER, ladder.on_ladder_timer)
    bell.handle(PENDING_TIMER, ladder.on_pending_timer)
    bell.handle(LEASE_TIMER, ladder.on_lease_timer)
    sos = SosFlow(work, incidents, ladder, NobodyWorks(), NobodyWorks(), pokes, clock)
    desk = DeskFlow(work, incidents, ladder, TwoAccounts(), alerts, pokes, clock)
    return SafetyDesk(sos, ladder, desk, incidents, bell, alerts, pokes, responders)
