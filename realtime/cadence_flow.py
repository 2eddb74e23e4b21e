"""How often does each phone report? The story: a phone says hello, a shift or a stage changes, a battery runs low; the phone is told anew.

Called by the technician's door (as its `PhoneListener`), by `fanout` (pokes) and by the supervisor (`run`). What a cadence depends on is
read from SQL for all technicians that are due, in one go; every half minute for everybody, because a poke may be lost and time passes. A
phone is told only what differs from what it was told last.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from core.caller import Caller
from core.clock import Clock
from core.ids import DeviceId, SiteId, TechnicianId
from realtime.ports import Poke, PokeTopic
from realtime.wake import Wake
from realtime.wire import Cadence, StatusFrame
from tracking.cadence import NO_BATTERY, Battery, Circumstances, PhoneCadence, cadence_of

log = structlog.get_logger(__name__)

SWEEP_S = 30.0
READ_S = 5.0
TOGETHER = 500
"""Technicians read in one query: below the number of parameters that both databases take."""
_TOPICS = (PokeTopic.SHIFTS, PokeTopic.TECHNICIANS)


class KnownCircumstances(Protocol):
    """What SQL knows of technicians. Met by visits and safety."""

    async def of(self, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, Circumstances]:
        """Return the circumstances of each, from one snapshot; those who are unknown are left out."""
        ...


class _Phone:
    """A connected phone: whose, how charged, what it was told last."""

    def __init__(self, technician_id: TechnicianId) -> None:
        self.technician_id = technician_id
        self.battery = NO_BATTERY
        self.told: PhoneCadence | None = None


class CadenceFlow:
    """Cadences of the phones of this worker. `say` tells a device, when it is connected here. Meets `PhoneListener` and `PokeWatcher`."""

    def __init__(self, circumstances: KnownCircumstances, say: Callable[[DeviceId, Cadence], None], clock: Clock) -> None:
        self._circumstances = circumstances
        self._say = say
        self._clock = clock
        self._wake = Wake(clock)
        self._phones: dict[DeviceId, _Phone] = {}
        self._due: set[TechnicianId] = set()

    def on_connected(self, caller: Caller, at_ms: int) -> None:
        """See `PhoneListener.on_connected`: a new connection knows nothing, so it is told whatever was said before."""
        if caller.device_id is not None and caller.technician_id is not None:
            self._phones[caller.device_id] = _Phone(caller.technician_id)
            self._look_at(caller.technician_id)

    def on_status(self, caller: Caller, status: StatusFrame, at_ms: int) -> None:
        """See `PhoneListener.on_status`: fields left out say nothing new."""
        phone = None if caller.device_id is None else self._phones.get(caller.device_id)
        if phone is None:
            return
        before = phone.battery
        phone.battery = Battery(
            percent=before.percent if status.battery_pct is None else status.battery_pct,
            is_charging=before.is_charging if status.charging is None else status.charging,
            is_saving=before.is_saving if status.low_power is None else status.low_power,
        )
        if phone.battery != before:
            self._look_at(phone.technician_id)

    def on_gone(self, caller: Caller, at_ms: int) -> None:
        """See `PhoneListener.on_gone`."""
        if caller.device_id is not None:
            self._phones.pop(caller.device_id, None)

    def on_poke(self, _site_id: SiteId, poke: Poke) -> None:
        """See `PokeWatcher.on_poke`: her shift, an incident or a visit of hers changed."""
        if poke.topic in _TOPICS:
            self._look_at(TechnicianId(poke.id.partition("/")[0]))

    def on_gap(self) -> None:
        """See `PokeWatcher.on_gap`."""
        self._due.update(phone.technician_id for phone in self._phones.values())
        self._wake.now()

    async def run(self) -> None:
        """Look until cancelled: at once after a change, at everybody every half minute."""
        sweep_at_s = self._clock.monotonic() + SWEEP_S
        while True:
            await self._wake.sleep(sweep_at_s - self._clock.monotonic())
            if self._clock.monotonic() >= sweep_at_s:
                sweep_at_s = self._clock.monotonic() + SWEEP_S
                self._due.update(phone.technician_id for phone in self._phones.values())
            await self.run_once()

    async def run_once(self) -> None:
        """Tell the phones of everybody due. What could not be read is left to the next sweep: phones go on as they were told."""
        due = sorted(self._due & {phone.technician_id for phone in self._phones.values()})
        self._due.clear()
        for start in range(0, len(due), TOGETHER):
            try:
                async with asyncio.timeout(READ_S):
                    known = await self._circumstances.of(due[start : start + TOGETHER])
            except Exception as error:
                log.warning("cadences_not_read", error=type(error).__name__)
                return
            self._tell(known)

    def _look_at(self, technician_id: TechnicianId) -> None:
        self._due.add(technician_id)
        self._wake.now()

    def _tell(self, known: Mapping[TechnicianId, Circumstances]) -> None:
        now = self._clock.now()
        for device_id, phone in self._phones.items():
            if (hers := known.get(phone.technician_id)) is None:
                continue
            cadence = cadence_of(hers, phone.battery, now)
            if cadence != phone.told:
                phone.told = cadence
                frame = Cadence(interval_s=cadence.interval_s, displacement_m=cadence.displacement_m, reason=cadence.reason.value)
                self._say(device_id, frame)
