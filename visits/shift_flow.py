"""The story of a shift: she opens it, pauses, resumes and closes it; the hub reminds her and closes a forgotten one.

Called by `http_shifts` and the timers. A shift never closes or pauses while a visit of hers is underway: safety
would go blind before `left`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from core.caller import Caller, CallerKind
from core.clock import Clock
from core.errors import BadInput, NotAllowed, NotFound
from core.ids import IdSource, ShiftId, SiteId, TechnicianId
from core.timers import Timer, TimerHandler, Timers
from core.unit_of_work import Tx, UnitOfWork
from visits.events import ShiftAct, ShiftChanged
from visits.person import Technician
from visits.ports import Pokes, PreflightMark, ShiftListener, ShiftNotices, Stores
from visits.refusal import ShiftNotOpen, VisitUnderway
from visits.shift import (
    Shift,
    ShiftEnd,
    ShiftState,
    auto_close_at,
    closed,
    must_be_plannable,
    paused,
    reminder_at,
    replanned,
    resumed,
)
from visits.site import Site
from visits.stage import UNDERWAY
from visits.visit_stores import Page

REMINDER = "shift.reminder"
AUTO_CLOSE = "shift.auto_close"
AUTO_CLOSE_RETRY = timedelta(minutes=5)
"""While a visit is underway at the time of closing, look again so often."""


class ShiftFlow:
    """Opens and closes shifts. `site_id` and technician come from the caller, never from a payload."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        clock: Clock,
        ids: IdSource,
        stores: Stores,
        timers: Timers,
        pokes: Pokes,
        notices: ShiftNotices,
        preflight: PreflightMark,
    ) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._timers = timers
        self._pokes = pokes
        self._notices = notices
        self._preflight = preflight
        self._listeners: list[ShiftListener] = []

    def listen(self, listener: ShiftListener) -> None:
        """Let `listener` take part in every act from now on. Called in `hub/wiring.py` only."""
        self._listeners.append(listener)

    def timer_handlers(self) -> dict[str, TimerHandler]:
        """Return the handlers by timer kind, for `core.timers_flow.TimersFlow.handle`."""
        return {REMINDER: self.remind, AUTO_CLOSE: self.close_forgotten}

    async def open(self, caller: Caller, planned_end: datetime, notice_version: str) -> Shift:
        """Open the caller's shift until about `planned_end`, having shown her the notice about location use of that version.

        Raises `Conflict` when one is open, `BadInput` for a bad end or an outdated notice. Nobody watching marks it, never refuses it.
        """
        async with self._work.begin() as tx:
            technician, site = await self._technician(tx, caller)
            _must_be_current(notice_version, site)
            now = self._clock.now()
            shift = Shift(
                id=ShiftId(self._ids.new_id()),
                site_id=site.id,
                technician_id=technician.id,
                opened_at=now,
                planned_end=must_be_plannable(now, planned_end, site.settings),
                notice_version=notice_version,
                unwatched=not await self._preflight.is_watched(tx, site),
            )
            await self._stores.shifts.add(tx, shift)
            await self._arm(tx, shift, site)
            await self._announce(tx, shift, ShiftAct.OPENED)
            return shift

    async def pause(self, caller: Caller) -> Shift:
        """Begin a break: nothing is located. Raises `Conflict` while a visit is underway."""
        return await self._change_mine(caller, ShiftAct.PAUSED, lambda shift: paused(shift, self._clock.now()), is_stopping=True)

    async def resume(self, caller: Caller) -> Shift:
        """End the break."""
        return await self._change_mine(caller, ShiftAct.RESUMED, lambda shift: resumed(shift, self._clock.now()))

    async def replan(self, caller: Caller, planned_end: datetime) -> Shift:
        """Move the planned end; reminder and automatic closing move with it."""
        async with self._work.begin() as tx:
            _, site = await self._technician(tx, caller)
            shift = await self._mine(tx, caller)
            after = replanned(shift, must_be_plannable(self._clock.now(), planned_end, site.settings))
            await self._stores.shifts.save(tx, after)
            await self._arm(tx, after, site)
            await self._announce(tx, after, ShiftAct.REPLANNED)
            return after

    async def close(self, caller: Caller) -> Shift:
        """Close the caller's shift. Raises `Conflict` while a visit is underway."""
        return await self._change_mine(
            caller, ShiftAct.CLOSED, lambda shift: closed(shift, self._clock.now(), ShiftEnd.TECHNICIAN), is_stopping=True
        )

    async def close_for_her(self, caller: Caller, shift_id: ShiftId, reason: str) -> Shift:
        """Close a technician's shift from the desk, with a reason. Raises `Conflict` while a visit is underway."""
        if not reason.strip():
            raise BadInput("Say why in `reason`: it is kept with the shift.")
        async with self._work.begin() as tx:
            shift = await self._stores.shifts.get(tx, shift_id, lock=True)
            if shift is None or shift.site_id not in caller.sites:
                raise NotFound("There is no such shift, or it is not yours to see. Check the id.")
            await self._must_not_be_underway(tx, shift)
            return await self._close(tx, shift, ShiftEnd.DISPATCHER, reason)

    async def current(self, caller: Caller) -> Shift | None:
        """Return the caller's open or paused shift, None without one."""
        if caller.technician_id is None:
            return None
        async with self._work.read() as tx:
            return await self._stores.shifts.open_of(tx, caller.technician_id)

    async def open_of(self, technician_id: TechnicianId) -> Shift | None:
        """Return a technician's open or paused shift, for the packages above."""
        async with self._work.read() as tx:
            return await self._stores.shifts.open_of(tx, technician_id)

    async def page(self, sites: frozenset[SiteId], page: Page, *, only_open: bool) -> Sequence[Shift]:
        """Return part of the shifts of `sites`, for the desk."""
        async with self._work.read() as tx:
            return await self._stores.shifts.page(tx, sites, page, only_open=only_open)

    async def remind(self, timer: Timer) -> None:
        """Remind her of the planned end, unless the shift moved on since the timer was set."""
        async with self._work.begin() as tx:
            shift = await self._stores.shifts.get(tx, ShiftId(timer.subject))
            if shift is not None and shift.state is not ShiftState.CLOSED:
                await self._notices.planned_end_came(tx, shift)

    async def close_forgotten(self, timer: Timer) -> None:
        """Close a shift some time after its planned end; while a visit is underway look again in a few minutes."""
        async with self._work.begin() as tx:
            shift = await self._stores.shifts.get(tx, ShiftId(timer.subject), lock=True)
            if shift is None or shift.state is ShiftState.CLOSED:
                return
            due_at = auto_close_at(shift, (await self._site(tx, shift.site_id)).settings)
            if self._clock.now() < due_at:
                await self._timers.set(tx, Timer(kind=AUTO_CLOSE, subject=shift.id, due_at=due_at))
            elif await self._is_underway(tx, shift):
                await self._timers.set(tx, Timer(kind=AUTO_CLOSE, subject=shift.id, due_at=self._clock.now() + AUTO_CLOSE_RETRY))
            else:
                await self._notices.closed_by_hub(tx, await self._close(tx, shift, ShiftEnd.AUTOMATIC))

    async def _change_mine(
        self, caller: Caller, act: ShiftAct, change: Callable[[Shift], Shift], *, is_stopping: bool = False
    ) -> Shift:
        async with self._work.begin() as tx:
            shift = await self._mine(tx, caller)
            after = change(shift)
            if is_stopping:
                await self._must_not_be_underway(tx, shift)
            if after.state is ShiftState.CLOSED:
                return await self._keep_closed(tx, after)
            await self._stores.shifts.save(tx, after)
            await self._announce(tx, after, act)
            return after

    async def _close(self, tx: Tx, shift: Shift, by: ShiftEnd, reason: str | None = None) -> Shift:
        return await self._keep_closed(tx, closed(shift, self._clock.now(), by), reason)

    async def _keep_closed(self, tx: Tx, shift: Shift, reason: str | None = None) -> Shift:
        await self._stores.shifts.save(tx, shift, reason)
        await self._timers.cancel(tx, REMINDER, shift.id)
        await self._timers.cancel(tx, AUTO_CLOSE, shift.id)
        await self._announce(tx, shift, ShiftAct.CLOSED)
        return shift

    async def _arm(self, tx: Tx, shift: Shift, site: Site) -> None:
        await self._timers.set(tx, Timer(kind=REMINDER, subject=shift.id, due_at=reminder_at(shift, site.settings)))
        await self._timers.set(tx, Timer(kind=AUTO_CLOSE, subject=shift.id, due_at=auto_close_at(shift, site.settings)))

    async def _must_not_be_underway(self, tx: Tx, shift: Shift) -> None:
        if await self._is_underway(tx, shift):
            raise VisitUnderway("A visit of hers is underway, so the shift goes on. Finish the visit up to `left` first.")

    async def _is_underway(self, tx: Tx, shift: Shift) -> bool:
        return bool(await self._stores.visits.of_technician(tx, shift.technician_id, UNDERWAY))

    async def _mine(self, tx: Tx, caller: Caller) -> Shift:
        technician_id = _technician_id(caller)
        shift = await self._stores.shifts.open_of(tx, technician_id, lock=True)
        if shift is None:
            raise ShiftNotOpen("No shift is open. Open one first.", state=ShiftState.CLOSED.value)
        return shift

    async def _technician(self, tx: Tx, caller: Caller) -> tuple[Technician, Site]:
        technician = await self._stores.technicians.get(tx, _technician_id(caller))
        if technician is None or not technician.is_active:
            raise NotAllowed("This technician is not active. Ask the desk.")
        return technician, await self._site(tx, technician.site_id)

    async def _site(self, tx: Tx, site_id: SiteId) -> Site:
        site = await self._stores.sites.get(tx, site_id)
        if site is None:
            raise NotFound("The site is gone. Tell the operator.")
        return site

    async def _announce(self, tx: Tx, shift: Shift, act: ShiftAct) -> None:
        for listener in self._listeners:
            await listener.on_shift_changed(tx, ShiftChanged(shift=shift, act=act, at=self._clock.now()))
        # By technician: whoever holds her intervals knows her, not the shift.
        tx.after_commit(lambda: self._pokes.poke(shift.site_id, "shift", shift.technician_id))


def _technician_id(caller: Caller) -> TechnicianId:
    if caller.kind is not CallerKind.DEVICE or caller.technician_id is None:
        raise NotAllowed("Only a technician has a shift of her own. Use her device's token.")
    return caller.technician_id


def _must_be_current(notice_version: str, site: Site) -> None:
    current = site.settings.location_notice_version
    if notice_version != current:
        raise BadInput(
            f"The notice about location use is version {current!r}, not {notice_version!r}. Show her that one and send its version.",
            current=current,
        )
