"""Who watches? Dispatchers go on duty with a passed sound test and off duty without leaving people alone unnoticed."""

from core.caller import Caller
from core.clock import Clock
from core.errors import BadInput, Conflict
from core.ids import SiteId
from core.unit_of_work import UnitOfWork
from safety.desk_flow import can_end_duty, dispatcher_of
from safety.ports import Duties, Pokes


class DutyFlow:
    """Keeps the list of who is on duty."""

    def __init__(self, work: UnitOfWork, duties: Duties, pokes: Pokes, clock: Clock) -> None:
        self._work = work
        self._duties = duties
        self._pokes = pokes
        self._clock = clock

    async def begin(self, caller: Caller, site_id: SiteId, *, heard_sound: bool, is_lead: bool = False) -> None:
        """Put the caller on duty at `site_id`; raises `BadInput` unless she heard the alarm's sound on this console just now."""
        caller.must_reach(site_id)
        if not heard_sound:
            raise BadInput("Play the alarm's sound on this console and confirm that you heard it: a muted console watches nobody.")
        now = self._clock.now()
        async with self._work.begin() as tx:
            await self._duties.begin(tx, site_id, dispatcher_of(caller), now, now, is_lead=is_lead)
            tx.after_commit(lambda: self._pokes.poke(site_id, "duty", dispatcher_of(caller)))

    async def end(self, caller: Caller, site_id: SiteId, *, leaves_empty: bool = False) -> None:
        """Take the caller off duty; raises `Conflict` while she owns open incidents, or is the last and has not said `leaves_empty`."""
        caller.must_reach(site_id)
        by = dispatcher_of(caller)
        async with self._work.begin() as tx:
            owned = await self._duties.owned_open(tx, by)
            others = [each for each in await self._duties.on_duty(tx, site_id) if each != by]
            working = 0 if leaves_empty else await self._duties.people_working(tx, site_id)
            if (reason := can_end_duty(owned, len(others), working)) is not None:
                raise Conflict(reason, owned=owned, others_on_duty=len(others), people_working=working)
            await self._duties.end(tx, site_id, by, self._clock.now())
            tx.after_commit(lambda: self._pokes.poke(site_id, "duty", by))
