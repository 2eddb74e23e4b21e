"""Where is everybody of a site, and when was each phone last heard? The console's room `positions`.

Called by `console_watch_flow`: fixes are told once a second, signs of life every few seconds. A technician whose phone is heard without any
position stands in it too, with nothing but her sign of life.
"""

from msgspec import Raw

from core.errors import Unavailable
from core.ids import SiteId, TechnicianId
from realtime.fanout import Fanout
from realtime.ports import HeardPhones, LastKnown
from realtime.topic_room_flow import TopicRoom
from realtime.watching import NewestFix
from realtime.wire import Topic, raw_item
from realtime.wire_values import PositionItem
from tracking.fix import Fix

REREAD_TICKS = 30
"""Positions are read again so often, to drop technicians whose last known position was swept."""
HEARD_TICKS = 5
"""Signs of life are read so often; they are written every 5 s."""


class PositionsRoom(TopicRoom):
    """The live positions of a site. Meets `fanout.FixWatcher`."""

    def __init__(self, site_id: SiteId, last_known: LastKnown, fanout: Fanout, phones: HeardPhones | None = None) -> None:
        super().__init__(site_id, Topic.POSITIONS)
        self._last_known = last_known
        self._fanout = fanout
        self._phones = phones
        self._newest: dict[TechnicianId, NewestFix] = {}
        self._heard: dict[TechnicianId, int] = {}
        self._changed: set[TechnicianId] = set()
        self._ticks = 0
        self._asked: frozenset[TechnicianId] = frozenset()

    def on_fix(self, fix: Fix) -> None:
        """Take a live fix; it is told with the next tick."""
        if self._newest.setdefault(fix.technician_id, NewestFix()).offer(fix):
            self._changed.add(fix.technician_id)

    async def open(self) -> None:
        """Subscribe first, then read what is known, so that nothing falls between."""
        self._fanout.watch_site(self.site_id, self)
        await self._fanout.settled()
        await self._listen()
        await self.reread()

    def close(self) -> None:
        """See `TopicRoom.close`."""
        self._fanout.unwatch_site(self.site_id, self)

    async def refresh(self) -> bool:
        """Tell what changed since the last tick; now and then read everything again. Never behind: each position has its own age."""
        self._ticks += 1
        if self._ticks % HEARD_TICKS == 0:
            await self._listen()
        is_due = self._ticks % REREAD_TICKS == 0
        # Stock phones come in by HTTP alone, and their first fix does not say whose site it is: what is known of this site tells.
        if not self.is_loaded or is_due or self._fanout.homeless() - self._asked:
            self._asked = frozenset() if is_due else self._fanout.homeless()
            await self.reread()
        changed, self._changed = self._changed, set()
        if changed:
            self.apply({who: self._item(who) for who in changed}, ())
        return True

    async def reread(self) -> None:
        """Read all last known positions, dropping technicians of whom neither position nor sign of life is known any more."""
        try:
            known = await self._last_known.all_known(self.site_id)
        except Unavailable:
            return
        for who, fix in known.items():
            self._fanout.learn_site(who, self.site_id)
            self._newest.setdefault(who, NewestFix()).offer(fix)
        for who in [who for who in self._newest if who not in known and who not in self._changed]:
            del self._newest[who]
        self.replace({who: self._item(who) for who in self._newest.keys() | self._heard.keys()})

    async def _listen(self) -> None:
        """Read who was heard; while Redis is away the ages just grow."""
        if self._phones is None:
            return
        try:
            heard = dict(await self._phones.heard(self.site_id))
        except Unavailable:
            return
        self._changed.update(who for who, at_ms in heard.items() if self._heard.get(who) != at_ms)
        self._heard = heard

    def _item(self, who: TechnicianId) -> Raw:
        newest, heard_ms = self._newest.get(who), self._heard.get(who)
        fix = None if newest is None else newest.fix
        if fix is None:
            return raw_item(PositionItem(id=who, site_id=self.site_id, seen_at_ms=heard_ms))
        return raw_item(
            PositionItem(
                id=who,
                site_id=self.site_id,
                at_ms=fix.at_ms,
                lon=round(fix.lon, 6),
                lat=round(fix.lat, 6),
                accuracy_m=fix.accuracy_m,
                heading_deg=fix.heading_deg,
                speed_mps=fix.speed_mps,
                battery_pct=fix.battery_pct,
                seen_at_ms=heard_ms,
            )
        )
