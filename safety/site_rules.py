"""By which rules does a site watch? Preflight, waits and detectors as data, set by the site's owner."""

import msgspec

from core.errors import BadInput
from safety.canary import CanarySettings
from safety.canary import checked as checked_canary
from safety.check_in import Watch, WatchSettings
from safety.detectors.detection import Watching
from safety.detectors.silence import SilenceSettings
from safety.preflight import Mode


class SiteRules(msgspec.Struct, frozen=True, kw_only=True):
    """All of one site. `detectors`: what each may do, the defaults of `detection.DEFAULT_MODES` where a site has not said.

    `canary_at_h`: local hour of the daily drill of the whole chain, None for none; `canary`: how the drill goes.
    """

    preflight: Mode = Mode.ENFORCE
    watch: WatchSettings = WatchSettings()
    silence: SilenceSettings = SilenceSettings()
    detectors: dict[Watch, Watching] = {}
    canary_at_h: int | None = None
    canary: CanarySettings = CanarySettings()


def checked(rules: SiteRules) -> SiteRules:
    """Return the rules, or raise `BadInput` naming what makes no sense: a watch without end, a detector that never or always speaks."""
    _check_watch(rules.watch)
    silence = rules.silence
    if not 15 <= silence.leave_s < silence.amber_s < silence.ask_s <= 3600:
        raise BadInput("silence needs 15 <= leave_s < amber_s < ask_s <= 3600: heard again, worth a look, and asked, in this order.")
    if not silence.leave_s < silence.incident_lost_s <= 3600:
        raise BadInput("silence.incident_lost_s must be above leave_s and at most 3600.")
    if rules.canary_at_h is not None and not 0 <= rules.canary_at_h <= 23:
        raise BadInput(f"canary_at_h is {rules.canary_at_h}; it is an hour of the day, 0 to 23, or null for no drill.")
    checked_canary(rules.canary, rules.canary_at_h)
    return rules


def _check_watch(watch: WatchSettings) -> None:
    for name in WatchSettings.__struct_fields__:
        value = getattr(watch, name)
        if isinstance(value, int) and name.endswith("_min") and not 1 <= value <= 24 * 60:
            raise BadInput(f"watch.{name} is {value}; 1 to 1440 minutes are possible.")
    for name in ("overrun", "not_left", "not_started", "not_arrived", "check_out"):
        enter_min, leave_min = getattr(watch, f"{name}_min"), getattr(watch, f"{name}_leave_min")
        if leave_min >= enter_min:
            raise BadInput(f"watch.{name}_leave_min is {leave_min}; it must be below {name}_min, {enter_min}, or the watch would flicker.")
    if not 50 <= watch.near_m < watch.away_m <= 5000:
        raise BadInput("watch needs 50 <= near_m < away_m <= 5000: there again, and gone, in metres.")
