"""What does a request about a visit carry? The shapes of bodies, and their translation into drafts and into what is told with an act."""

from datetime import datetime
from typing import Annotated

import msgspec

from core.clock import from_ms
from core.errors import BadInput
from core.geo import LatLon
from core.ids import SiteId, TechnicianId
from visits.arrival import SeenPosition
from visits.ports import Datums
from visits.visit import PersonRef, Place, Told, VisitDraft

Text = Annotated[str, msgspec.Meta(max_length=500)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
AtMs = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
"""Milliseconds since 1970, up to the year 2100."""


class PositionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the phone says it is: degrees in `datum`, `accuracy_m`, `age_s` at the act, `mocked` if the phone says so."""

    lat: float
    lon: float
    datum: str = "wgs84"
    accuracy_m: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    age_s: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 0.0
    mocked: bool = False


class ActBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may come along with any act. `device_at_ms` and `sent_at_ms` are by the phone's clock."""

    expected_version: Annotated[int, msgspec.Meta(ge=1)] | None = None
    idempotency_key: Key | None = None
    device_at_ms: AtMs | None = None
    sent_at_ms: AtMs | None = None
    position: PositionBody | None = None
    reason: Text | None = None


class AssignBody(ActBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To whom the visit is given."""

    technician_id: TechnicianId


class StartBody(ActBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`door_code`: the half that the customer answers with, or the whole code."""

    door_code: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class ExtendBody(ActBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many minutes are added."""

    minutes: int


class PlaceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to go: degrees in `datum` (wgs84, gcj02, bd09), the address, floor, entry code of the house, a note."""

    lat: float
    lon: float
    address: Text
    datum: str = "wgs84"
    floor: Annotated[str, msgspec.Meta(max_length=40)] = ""
    entry_code: Annotated[str, msgspec.Meta(max_length=40)] = ""
    note: Text = ""


class PersonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer or booker; `phone` in E.164, `language` such as de or zh-CN."""

    name: Name
    phone: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    language: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class VisitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A booking. Window with zone (RFC 3339); `planned_min` none takes the service's; the same `external_ref` again changes the visit."""

    site_id: SiteId
    service_kind: Annotated[str, msgspec.Meta(max_length=40)]
    place: PlaceBody
    window_start: datetime
    window_end: datetime
    customer: PersonBody
    booker: PersonBody | None = None
    planned_min: int | None = None
    external_ref: Annotated[str, msgspec.Meta(min_length=1, max_length=120)] | None = None


def told_of(body: ActBody, header_key: str | None, datums: Datums) -> Told:
    """Return what was told along with an act; the header's idempotency key counts where the body has none."""
    return Told(
        expected_version=body.expected_version,
        idempotency_key=body.idempotency_key or header_key,
        device_at=None if body.device_at_ms is None else from_ms(body.device_at_ms),
        sent_at=None if body.sent_at_ms is None else from_ms(body.sent_at_ms),
        position=None if body.position is None else _seen(body.position, datums),
        reason=body.reason,
    )


def draft_of(body: VisitBody, datums: Datums) -> VisitDraft:
    """Return the draft of a booking; raises `BadInput` for a position or window that cannot be."""
    place = body.place
    return VisitDraft(
        service_kind=body.service_kind,
        place=Place(
            point=_point(place.lat, place.lon, place.datum, datums),
            address=place.address,
            floor=place.floor,
            entry_code=place.entry_code,
            note=place.note,
        ),
        window_start=_zoned(body.window_start),
        window_end=_zoned(body.window_end),
        customer=_person(body.customer),
        booker=None if body.booker is None else _person(body.booker),
        planned_min=body.planned_min,
        external_ref=body.external_ref,
    )


def _seen(body: PositionBody, datums: Datums) -> SeenPosition:
    point = _point(body.lat, body.lon, body.datum, datums)
    return SeenPosition(point=point, accuracy_m=body.accuracy_m, age_s=body.age_s, mocked=body.mocked)


def _point(lat: float, lon: float, datum: str, datums: Datums) -> LatLon:
    try:
        return datums.to_wgs84(datum, LatLon.checked(lat, lon))
    except ValueError as error:
        raise BadInput(str(error)) from None


def _person(body: PersonBody) -> PersonRef:
    return PersonRef(name=body.name, phone=body.phone, language=body.language)


def _zoned(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise BadInput("The window needs a zone. Write times as 2026-03-02T08:00:00+08:00.")
    return at
