"""What is a city to the hub? A site: its clock, money, language, borders, numbers to call and settings."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.numbers import list_currencies

from core.errors import BadInput
from core.geo import Bounds
from core.ids import SiteId
from visits.customer_text import USUAL, CustomerText
from visits.service import DEFAULT_SERVICES, ServiceKind

_SITE_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,31}$")
_LOCALE = re.compile(r"^[a-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,2}$")
_PHONE = re.compile(r"^\+[1-9][0-9]{6,14}$")
"""E.164: a plus, up to fifteen digits, no leading zero (ITU-T E.164, 6.2.1)."""

Distance = Annotated[float, msgspec.Meta(ge=0, le=10_000)]
Duration = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
ClockTime = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Cadence = Annotated[float, msgspec.Meta(ge=1, le=300)]


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site may choose. Units are in the names: metres, seconds, minutes, hours."""

    departure_m: Distance = 200
    """So far from where she set out proves that she left."""
    departure_within_s: Duration = 600
    """So soon; else the visit stays `departed_unconfirmed`."""
    arrival_suggest_m: Distance = 150
    """So near for `arrival_hold_s` offers her the button."""
    arrival_hold_s: Duration = 20
    arrival_accept_m: Distance = 500
    """So near is accepted as arriving."""
    arrival_accuracy_m: Distance = 200
    """With an accuracy at least this good."""
    arrival_age_s: Duration = 120
    """And a position at most this old."""
    home_blur_m: Distance = 500
    """Within this distance of where she set out the customer sees no position: it may be her home."""
    home_blur_s: Duration = 180
    """Nor before so long after she set out."""
    customer_sees_fare: bool = True
    """Whether the customer's page shows the fare of the way."""
    customer_sees_position: bool = True
    """Whether the customer's page shows the dot at all; words stay."""
    customer_texts: tuple[CustomerText, ...] = USUAL
    """Which texts the customer gets about her visit; empty for none."""
    arriving_min: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    """She is told `arriving` when the technician is expected within so many minutes."""
    quiet_from: ClockTime | None = None
    """From then on, by the site's clocks, service texts that can wait do wait, such as 21:30; None for no quiet hours."""
    quiet_until: ClockTime = "07:00"
    """When they go. Emergencies, alarms, and texts of use only now know no quiet hours."""
    link_words_h: Annotated[int, msgspec.Meta(ge=0, le=720)] = 24
    """How long after closing a customer's link still shows words and receipt, in hours."""
    door_code_tries: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    """Wrong codes before a dispatcher has to confirm the door."""
    shift_max_h: Annotated[int, msgspec.Meta(ge=1, le=24)] = 16
    """Longest plannable shift, in hours."""
    shift_reminder_min: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    """Remind her so many minutes before the planned end; 0: at the planned end."""
    shift_auto_close_min: Annotated[int, msgspec.Meta(ge=5, le=240)] = 30
    """Close a forgotten shift so many minutes after the planned end."""
    min_verified_level: Annotated[int, msgspec.Meta(ge=0, le=3)] = 1
    """Nobody below it is assigned here, whatever the service."""
    location_notice_version: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] = "1"
    """Which text about location use a shift has to have been opened with."""
    cadence_waiting_s: Cadence = 20
    """On shift with no visit under way, phones report at the latest so often."""
    cadence_on_the_way_s: Annotated[float, msgspec.Meta(ge=1, le=5)] = 3
    """While she drives; above 5 s a fare could not be metered within its promise."""
    cadence_at_the_door_s: Cadence = 10
    cadence_in_service_s: Cadence = 20
    cadence_leaving_s: Cadence = 10
    """From the end of the service until she has left."""
    cadence_close_s: Annotated[float, msgspec.Meta(ge=1, le=10)] = 3
    """For half an hour after a press on her phone, whatever became of it."""
    cadence_low_battery_pct: Annotated[float, msgspec.Meta(ge=0, le=100)] = 15
    """At or below this charge phones report half as often; while driving still every 5 s."""


class EmergencyNumber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public number people call themselves: `service` such as police, `number` as dialled there (110, 112, 911)."""

    service: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    number: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{2,15}$")]


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A city: `zone` IANA name, `currency` ISO 4217, `locale` BCP 47, `bounds` None for no border; `version` grows with each change."""

    id: SiteId
    name: str
    zone: str
    currency: str
    locale: str = "en"
    bounds: Bounds | None = None
    emergency_numbers: tuple[EmergencyNumber, ...] = ()
    desk_phone: str | None = None
    settings: SiteSettings = SiteSettings()
    services: tuple[ServiceKind, ...] = DEFAULT_SERVICES
    version: int = 1

    def service(self, name: str) -> ServiceKind:
        """Return the kind of service called `name`; raises `BadInput` naming those the site offers."""
        for kind in self.services:
            if kind.name == name:
                return kind
        offered = [kind.name for kind in self.services]
        raise BadInput(f"This site offers no service {name!r}. Use one of: {', '.join(offered)}.", offered=offered)

    def zone_info(self) -> ZoneInfo:
        """Return the zone's rules, for local dates and hours."""
        return ZoneInfo(self.zone)


def must_be_sound(site: Site) -> Site:
    """Return `site`, or raise `BadInput` listing everything that is malformed and how to mend it."""
    faults = malformed(site)
    if faults:
        raise BadInput(" ".join(faults), faults=faults)
    return site


def malformed(site: Site) -> list[str]:
    """Return what makes the site unusable, a sentence with a cure each; empty for a sound one."""
    found = [
        (_SITE_ID.match(site.id), f"The id {site.id!r} must be 1 to 32 of a-z, 0-9 and -, such as munich-east."),
        (site.name.strip(), "The name is empty; give the city's name."),
        (_is_zone(site.zone), f"The zone {site.zone!r} is unknown; use an IANA name such as Europe/Berlin."),
        (site.currency in list_currencies(), f"The currency {site.currency!r} is unknown; use a code of ISO 4217 such as EUR."),
        (_LOCALE.match(site.locale), f"The locale {site.locale!r} must look like en or zh-CN."),
        (site.desk_phone is None or is_phone(site.desk_phone), "The desk's phone must be written +491701234567."),
        (site.bounds is None or _is_box(site.bounds), "The bounds must have south < north and west < east, in degrees."),
        (len({kind.name for kind in site.services}) == len(site.services), "Two services have the same name; rename one."),
        (site.services, "The site offers no service; add at least one."),
    ]
    return [sentence for is_fine, sentence in found if not is_fine]


def unready(site: Site) -> list[str]:
    """Return what a sound site still lacks before people can rely on it, a sentence with a cure each."""
    found = [
        (site.emergency_numbers, "No emergency number is set: pages cannot offer one. Add those of the country, such as police 110."),
        (site.desk_phone, "No desk phone is set: nobody can be called by voice. Set desk_phone."),
        (site.bounds, "No bounds are set: a place in another country is not noticed. Set bounds: south, west, north, east."),
    ]
    return [sentence for is_fine, sentence in found if not is_fine]


def is_phone(number: str) -> bool:
    """Tell whether `number` has the form of E.164, such as +491701234567."""
    return _PHONE.match(number) is not None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_box(bounds: Bounds) -> bool:
    return -90 <= bounds.south < bounds.north <= 90 and -180 <= bounds.west < bounds.east <= 180
