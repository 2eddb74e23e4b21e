"""Where on a tap's way may the power fail? Named points, and a part that ends its own process at one of them, for one tap alone.

Stands at the joints of `hub/joints.py`. `kill -9` of oneself is the hardest end that a process can meet: no handler, no flush, no good-bye.
"""

import os
import signal
from enum import StrEnum
from typing import Any

from core.ids import IncidentId
from hub.joints import Joint
from notifications.notice import short_code


class KillPoint(StrEnum):
    """A moment on the way from the press to the last rung."""

    BEFORE_BEGIN = "before_begin"
    """The tap is read; no transaction has begun."""
    BEFORE_COMMIT = "before_commit"
    """Incident, event, notices, timer and trigger are written; nothing is committed."""
    COMMITTED = "committed"
    """Committed; no socket was poked, no receipt has left."""
    POKED = "poked"
    """Committed and poked; the receipt is made and has not left."""
    RECEIPT_SENT = "receipt_sent"
    """The receipt is with the network; nothing else has run since."""
    NOTICE_CLAIMED = "notice_claimed"
    """A notice is leased and its attempt counted; the carrier has heard nothing."""
    NOTICE_SENT = "notice_sent"
    """The carrier has taken a notice; that is written nowhere."""
    TIMER_CLAIMED = "timer_claimed"
    """The ladder's timer is leased; the rung is not told."""
    TIMER_ACTED = "timer_acted"
    """The rung is told and committed; the timer is not done with."""


HAS_RECEIPT = frozenset(KillPoint) - {KillPoint.BEFORE_BEGIN, KillPoint.BEFORE_COMMIT, KillPoint.COMMITTED, KillPoint.POKED}
"""Points at which the phone holds its receipt already."""
HAS_INCIDENT = HAS_RECEIPT | {KillPoint.COMMITTED, KillPoint.POKED}
"""Points at which the incident stands in SQL."""


class Standing:
    """Hands everything on to `part`; a subclass stands before or after one of its calls."""

    def __init__(self, part: Any, kills: "KillsAt") -> None:
        self._part = part
        self._kills = kills
        self._incident_id = kills.incident_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def _at(self, point: KillPoint, *, holds: bool) -> None:
        if point is self._kills.point and holds:
            os.kill(os.getpid(), signal.SIGKILL)


class AtSos(Standing):
    """Meets `safety.journal_ports.TapRaiser` and `safety.duress_flow.Raiser`."""

    async def raise_sos(self, tap: Any, *also: Any) -> Any:
        is_its = tap.incident_id == self._incident_id
        self._kills.has_heard |= is_its
        self._at(KillPoint.BEFORE_BEGIN, holds=is_its)
        receipt = await self._part.raise_sos(tap, *also)
        self._at(KillPoint.POKED, holds=is_its)
        return receipt


class AtIncidents(Standing):
    """Meets `safety.ports.Incidents`."""

    async def add(self, tx: Any, incident: Any, *others: Any) -> None:
        await self._part.add(tx, incident, *others)
        self._at(KillPoint.BEFORE_COMMIT, holds=incident.id == self._incident_id)


class AtPokes(Standing):
    """Meets `safety.ports.Pokes`."""

    def poke(self, site_id: Any, topic: str, about: str) -> None:
        self._at(KillPoint.COMMITTED, holds=about == self._incident_id)
        self._part.poke(site_id, topic, about)


class AtTimers(Standing):
    """Meets `core.timers.Timers`."""

    async def claim_due(self, now: Any, limit: int, lease_s: float) -> Any:
        claimed = await self._part.claim_due(now, limit, lease_s)
        self._at(KillPoint.TIMER_CLAIMED, holds=any(timer.subject == self._incident_id for timer in claimed))
        return claimed

    async def done(self, fired: Any) -> None:
        self._at(KillPoint.TIMER_ACTED, holds=any(timer.subject == self._incident_id for timer in fired))
        await self._part.done(fired)


class AtCarrier(Standing):
    """Meets `notifications.ports.Carrier`."""

    async def send(self, letter: Any) -> Any:
        is_its = letter.code == short_code(self._incident_id)
        self._at(KillPoint.NOTICE_CLAIMED, holds=is_its)
        outcome = await self._part.send(letter)
        self._at(KillPoint.NOTICE_SENT, holds=is_its)
        return outcome


class AtApp(Standing):
    """Is an ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            await send(message)
            is_end = message["type"] == "http.response.body" and not message.get("more_body")
            self._at(KillPoint.RECEIPT_SENT, holds=is_end and self._kills.has_heard)

        await self._part(scope, receive, told)


_STANDING = {
    Joint.SOS: AtSos, Joint.INCIDENTS: AtIncidents, Joint.POKES: AtPokes, Joint.TIMERS: AtTimers, Joint.CARRIER: AtCarrier,
    Joint.APP: AtApp,
}  # fmt: skip


class KillsAt:
    """Is a `hub.joints.Between` that ends the process when the tap of `incident_id` comes to `point`."""

    def __init__(self, point: KillPoint, incident_id: IncidentId) -> None:
        self.point = point
        self.incident_id = incident_id
        self.has_heard = False

    def __call__(self, joint: Joint, part: Any) -> Any:
        return _STANDING[joint](part, self) if joint in _STANDING else part
