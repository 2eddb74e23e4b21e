"""What does a way cost, by which rules? One model for taxis, buses, ladders and at-home fares, as read from a tariff file.

Written by `tariff_file`, checked by `tariff_check`, used by `pricing`. A tariff never changes once a quote names it: its digest is in
every quote and receipt. Prices are decimal texts in major units (yuan, euro); distances are in the tariff's own unit, kilometre or
mile.
"""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

from tracking.fares.local_clock import Weekday, Window
from tracking.fares.tariff_terms import (
    Bearer,
    Charge,
    Combine,
    Component,
    Confidence,
    DistanceUnit,
    LongHow,
    Mode,
    NightClock,
    Per,
    RoundAt,
    RoundHow,
    TimeMode,
    TripShape,
)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Title(_Part, frozen=True, kw_only=True):
    """A name in both languages of the house."""

    zh: str
    en: str


class Step(_Part, frozen=True, kw_only=True):
    """Distance beyond `from` up to `to` (None: without end): `flat` on entering, then `per_unit`, by share or per `block`."""

    from_: Decimal = msgspec.field(name="from")
    to: Decimal | None = None
    flat: Decimal = Decimal(0)
    per_unit: Decimal = Decimal(0)
    block: Decimal | None = None
    charge: Charge = Charge.EXACT


class Rung(_Part, frozen=True, kw_only=True):
    """A row of a ladder: beyond `from` up to and including `to`, the whole distance costs `price`.

    The last may go on by `add` per started `every`.
    """

    from_: Decimal = msgspec.field(name="from")
    to: Decimal | None = None
    price: Decimal
    every: Decimal | None = None
    add: Decimal | None = None


class PricedWindow(Window, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window in which a block of time costs `price` instead."""

    price: Decimal


class TimePrice(_Part, frozen=True, kw_only=True):
    """Time: `price` per `block_s` seconds; `below`: units of distance per hour, for mode slow only; the cross-over of S is derived."""

    mode: TimeMode
    price: Decimal = Decimal(0)
    block_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60
    charge: Charge = Charge.EXACT
    below: Decimal | None = None
    windows: tuple[PricedWindow, ...] = ()


class NightWindow(Window, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window in which chosen components cost `factor` times as much, 1 or more."""

    factor: Decimal


class Night(_Part, frozen=True, kw_only=True):
    """Night windows, which clock decides, and on what their factor acts."""

    clock: NightClock
    windows: tuple[NightWindow, ...]
    on: tuple[Component, ...]
    lead_min: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 0


class Band(_Part, frozen=True, kw_only=True):
    """A leg's distance beyond `from` up to `to` costs `factor` times as much, 1 or more."""

    from_: Decimal = msgspec.field(name="from")
    to: Decimal | None = None
    factor: Decimal


class Long(_Part, frozen=True, kw_only=True):
    """Long-trip bands; `trips`: the shapes of trip they hold for."""

    how: LongHow
    bands: tuple[Band, ...]
    trips: tuple[TripShape, ...] = (TripShape.ONE_WAY, TripShape.ROUND_TRIP, TripShape.RETURN_PRICED)


class Extra(_Part, frozen=True, kw_only=True):
    """A fixed sum, where all its conditions hold at the leg's start by the local calendar.

    `dates`: `2027-02-05/2027-02-08` or every year `05-01/05-02`; `hours`: `23:30-06:00`; `needs`: a word the trip must carry, such as
    `airport`.
    """

    code: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Title
    amount: Decimal
    per: Per = Per.TRIP
    dates: tuple[str, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    hours: str | None = None
    needs: str | None = None


class FreeRadius(_Part, frozen=True, kw_only=True):
    """The first `distance` of each way is not charged; `bearer` says who bears it."""

    distance: Decimal
    bearer: Bearer


class Rounding(_Part, frozen=True, kw_only=True):
    """Round to multiples of `unit`, to which side, at which step."""

    unit: Decimal
    how: RoundHow = RoundHow.HALF_UP
    at: RoundAt = RoundAt.TOTAL


class Tariff(_Part, frozen=True, kw_only=True):
    """A whole tariff, as its file says it; build it with `tariff_file.read_tariff`, which checks it.

    `steps` or `ladder`, not both. `hours`: when the mode is allowed, empty for always. `zone`: IANA. `currency`: ISO 4217.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,59}$")]
    title: Title
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
    zone: str
    valid_from: date
    source: str
    confidence: Confidence
    mode: Mode
    unit: DistanceUnit = DistanceUnit.KM
    trip: TripShape = TripShape.ONE_WAY
    hours: tuple[str, ...] = ()
    combine: Combine = Combine.ADD
    steps: tuple[Step, ...] = ()
    ladder: tuple[Rung, ...] = ()
    time: TimePrice = TimePrice(mode=TimeMode.NONE)
    night: Night | None = None
    long: Long | None = None
    extras: tuple[Extra, ...] = ()
    free: FreeRadius | None = None
    minimum: Decimal | None = None
    cap: Decimal | None = None
    rounding: Rounding = Rounding(unit=Decimal("0.01"))


def tariff_hash(tariff: Tariff) -> str:
    """Return the SHA-256 of the tariff's canonical form, 64 hexadecimal digits.

    The same for `2.3` and `2.30`, for any layout of the file.
    """
    return hashlib.sha256(canonical(tariff)).hexdigest()


def canonical(tariff: Tariff) -> bytes:
    """Return the tariff as sorted JSON with normalised numbers: what is hashed and stored; `of_canonical` reads it back."""
    return msgspec.json.encode(_normal(msgspec.to_builtins(tariff, builtin_types=(Decimal, date))), order="sorted")


def of_canonical(stored: bytes | str) -> Tariff:
    """Return the tariff of its canonical form."""
    return msgspec.json.decode(stored, type=Tariff)


def _normal(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in value]
    return value
