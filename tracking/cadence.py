"""How often should her phone report now? By shift, stage of her visit and battery; never by what became of a call for help.

The phone reports at the latest every `interval_s`, and earlier when it has moved `displacement_m`, but at most once a second. Sources of
the figures: a fare needs fixes 5 s apart or closer while she drives; a customer follows at about 3 s; Google's Fleet Engine takes once a
minute as the least and every 5 s as the most; 2 to 3 s are usual after an alarm.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from visits.shift import ShiftState
from visits.site import SiteSettings
from visits.stage import UNDERWAY, Stage

FARE_S = 5.0
"""Wider than this a driven way cannot be metered within its promise."""
SAVING = 2.0
"""A low battery reports so many times less often."""
CLOSE_FOR = timedelta(minutes=30)
"""How long after a press of hers reports stay close, whichever PIN follows and whatever the desk does."""
_OFF_SHIFT_S = 300.0


class CadenceReason(StrEnum):
    """Why a phone should report so often; the `reason` of a `cadence` frame."""

    OFF_SHIFT = "off_shift"
    """No shift is open, or it is paused: nothing is kept."""
    WAITING = "waiting"
    """On shift, with no visit under way."""
    ON_THE_WAY = "on_the_way"
    """Driving: the customer watches and the meter runs."""
    AT_THE_DOOR = "at_the_door"
    """Arrived; the service has not begun."""
    IN_SERVICE = "in_service"
    """Inside, hardly moving."""
    LEAVING = "leaving"
    """The service is over; she is not out yet."""
    LOW_BATTERY = "low_battery"
    """As the stage wants it, thinned: the battery has to last until she is home."""
    CLOSE = "close"
    """Often, for half an hour after a press on her phone. Neither PIN nor desk changes it, so it tells nobody what became of the press."""


class PhoneCadence(msgspec.Struct, frozen=True, kw_only=True):
    """What a phone should do: seconds between reports at most, metres after which it reports earlier, and why."""

    interval_s: float
    displacement_m: float
    reason: CadenceReason


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What SQL knows of a technician: her shift (None: none open), stages of her visits under way, newest press, her site's choices."""

    shift: ShiftState | None = None
    stages: tuple[Stage, ...] = ()
    pressed_at: datetime | None = None
    settings: SiteSettings = SiteSettings()


class Battery(msgspec.Struct, frozen=True, kw_only=True):
    """What a phone said of its battery; None: nothing. `is_saving`: the phone itself saves power."""

    percent: float | None = None
    is_charging: bool = False
    is_saving: bool = False

    def is_low(self, limit_pct: float) -> bool:
        """Tell whether it should be spared: not while it charges."""
        return not self.is_charging and (self.is_saving or (self.percent is not None and self.percent <= limit_pct))


NO_BATTERY = Battery()


def cadence_of(known: Circumstances, battery: Battery, now: datetime) -> PhoneCadence:
    """Return the cadence of one of her phones."""
    settings = known.settings
    if known.pressed_at is not None and now - known.pressed_at < CLOSE_FOR:
        return PhoneCadence(interval_s=settings.cadence_close_s, displacement_m=10.0, reason=CadenceReason.CLOSE)
    reason = _reason_of(known)
    wanted_s, displacement_m = _wanted(reason, settings)
    if not battery.is_low(settings.cadence_low_battery_pct):
        return PhoneCadence(interval_s=wanted_s, displacement_m=displacement_m, reason=reason)
    thin_s = wanted_s * SAVING
    if reason is CadenceReason.ON_THE_WAY:
        thin_s = max(wanted_s, min(thin_s, FARE_S))
    return PhoneCadence(interval_s=thin_s, displacement_m=displacement_m * SAVING, reason=CadenceReason.LOW_BATTERY)


def _reason_of(known: Circumstances) -> CadenceReason:
    stage = _under_way(known.stages)
    if stage is not None:
        return _BY_STAGE[stage]
    return CadenceReason.WAITING if known.shift is ShiftState.OPEN else CadenceReason.OFF_SHIFT


def _under_way(stages: Iterable[Stage]) -> Stage | None:
    """Return the stage of the one visit that she is out for, None without one."""
    return next((stage for stage in stages if stage in UNDERWAY), None)


_BY_STAGE = {
    Stage.DEPARTED: CadenceReason.ON_THE_WAY,
    Stage.ARRIVED: CadenceReason.AT_THE_DOOR,
    Stage.IN_SERVICE: CadenceReason.IN_SERVICE,
    Stage.ENDED: CadenceReason.LEAVING,
    # As an ordinary end: the frame must not say that she broke off.
    Stage.ABORTED_UNSAFE: CadenceReason.LEAVING,
}


def _wanted(reason: CadenceReason, settings: SiteSettings) -> tuple[float, float]:
    """Return seconds and metres. Standing phones wake by movement; driving ones by time, so that a bend is not cut."""
    return {
        CadenceReason.OFF_SHIFT: (_OFF_SHIFT_S, 1_000.0),
        CadenceReason.WAITING: (settings.cadence_waiting_s, 100.0),
        CadenceReason.ON_THE_WAY: (settings.cadence_on_the_way_s, 30.0),
        CadenceReason.AT_THE_DOOR: (settings.cadence_at_the_door_s, 30.0),
        CadenceReason.IN_SERVICE: (settings.cadence_in_service_s, 50.0),
        CadenceReason.LEAVING: (settings.cadence_leaving_s, 30.0),
    }[reason]
