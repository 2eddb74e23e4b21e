"""People over HTTP: technicians, the codes that enrol their phones, the phones, blocked pairs, and what her app needs at its start."""

from typing import Annotated, Any

import msgspec

from core.caller import CallerKind, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound, NotSignedIn, TooMany
from core.http_endpoint import Call, Endpoint
from core.ids import DeviceId, SiteId, TechnicianId
from visits.asked import address_of, given
from visits.credential import ENROLMENT_LIFE
from visits.paging import PageQuery, next_cursor, page_of
from visits.people_flow import NewTechnician, PeopleFlow
from visits.person_face import (
    BlockedFace,
    DeviceFace,
    Me,
    TechnicianFace,
    blocked_face,
    device_face,
    me_face,
    technician_face,
)
from visits.roster_flow import RosterFlow
from visits.service import VerifiedLevel
from visits.shift_flow import ShiftFlow
from visits.site_flow import SiteFlow

DESK = frozenset({CallerKind.DISPATCHER, CallerKind.API})
DESK_ONLY = frozenset({CallerKind.DISPATCHER})
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Phone = Annotated[str, msgspec.Meta(max_length=20)]


class TechnicianBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new technician; `shown_name` none takes the first word of `name`; `phone` in E.164."""

    site_id: SiteId
    name: Short
    shown_name: Short | None = None
    phone: Phone | None = None
    language: Short | None = None
    verified_level: VerifiedLevel = VerifiedLevel.UNKNOWN


class TechnicianPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes; fields that are left out stay. Making her inactive revokes her phones."""

    name: Short | msgspec.UnsetType = msgspec.UNSET
    shown_name: Short | msgspec.UnsetType = msgspec.UNSET
    phone: Phone | msgspec.UnsetType | None = msgspec.UNSET
    language: Short | msgspec.UnsetType | None = msgspec.UNSET
    verified_level: VerifiedLevel | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET


class TechniciansQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`site` narrows the list; `on_shift=true` lists those with an open or paused shift."""

    site: SiteId | None = None
    on_shift: bool = False


class TechnicianPage(msgspec.Struct, frozen=True):
    """Part of the technicians; `next_cursor` null on the last page."""

    items: list[TechnicianFace]
    next_cursor: str | None = None


class Offer(msgspec.Struct, frozen=True):
    """A one-time code for one phone, told this once."""

    code: str
    expires_in_s: int


class EnrolBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code as typed, what she calls the phone, and what it is (android, ios, web, traccar, ...)."""

    code: Annotated[str, msgspec.Meta(max_length=40)]
    label: Short = "phone"
    platform: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A new phone and its token, told this once: keep it where only the app can read it."""

    device_id: DeviceId
    device_no: int
    technician_id: TechnicianId
    site_id: SiteId
    token: str


class DeviceList(msgspec.Struct, frozen=True):
    """Her phones, revoked ones too, oldest first."""

    items: list[DeviceFace]


class BlockBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer's phone in E.164, kept as a digest only, and why; the reason stays with the desk."""

    customer_phone: Phone
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class HelpBody(msgspec.Struct, frozen=True):
    """Whether she helps colleagues near by when the desk asks."""

    is_willing: bool


class BlockedList(msgspec.Struct, frozen=True):
    """Her blocked pairs."""

    items: list[BlockedFace]


def endpoints(people: PeopleFlow, roster: RosterFlow, shifts: ShiftFlow, sites: SiteFlow) -> list[Endpoint]:
    """Return the rows of this edge."""
    return [*_technician_rows(people, roster), *_device_rows(people), *_blocked_rows(people), *_me_rows(people, shifts, sites)]


def _technician_rows(people: PeopleFlow, roster: RosterFlow) -> list[Endpoint]:
    async def page(call: Call) -> TechnicianPage:
        query: TechniciansQuery = call.query
        found = await roster.page(call.caller, page_of(query.cursor, query.limit), query.site, only_on_shift=query.on_shift)
        return TechnicianPage([technician_face(each.technician, shift=each.shift) for each in found], next_cursor(found, query.limit))

    async def enter(call: Call) -> TechnicianFace:
        body: TechnicianBody = call.body
        new = msgspec.convert(msgspec.structs.asdict(body), NewTechnician)
        technician = await people.enter(call.caller, body.site_id, new)
        return technician_face(technician, phone=technician.phone)

    async def read(call: Call) -> TechnicianFace:
        technician = await people.get(call.caller, _id(call))
        return technician_face(technician, phone=technician.phone)

    async def change(call: Call) -> TechnicianFace:
        technician = await people.change(call.caller, _id(call), **given(call.body))
        return technician_face(technician, phone=technician.phone)

    common: dict[str, Any] = {"callers": DESK, "scope": Scope.PEOPLE_WRITE, "tag": "people", "response": TechnicianFace}
    one = "/v1/technicians/{technician_id}"
    listing: dict[str, Any] = {**common, "scope": Scope.VISITS_READ, "response": TechnicianPage, "query": TechniciansQuery}
    faults = (BadInput, NotAllowed, NotFound, Conflict)
    return [
        Endpoint(method="GET", path="/v1/technicians", name="list_technicians", summary="List technicians.", handler=page, **listing),
        Endpoint(
            method="POST", path="/v1/technicians", name="enter_technician", summary="Enter a technician.", handler=enter,
            request=TechnicianBody, status=201, idempotent=True, errors=faults, **common,
        ),
        Endpoint(
            method="GET", path=one, name="read_technician", summary="Read a technician; the look is noted.", handler=read,
            errors=(NotFound,), **common,
        ),
        Endpoint(
            method="PATCH", path=one, name="change_technician", summary="Change a technician.", handler=change,
            request=TechnicianPatch, errors=faults, **common,
        ),
    ]  # fmt: skip


def _device_rows(people: PeopleFlow) -> list[Endpoint]:
    async def offer(call: Call) -> Offer:
        return Offer(await people.offer_enrolment(call.caller, _id(call)), int(ENROLMENT_LIFE.total_seconds()))

    async def enrol(call: Call) -> Enrolled:
        body: EnrolBody = call.body
        enrolled = await people.enrol(body.code, body.label, body.platform, address_of(call))
        device = enrolled.device
        return Enrolled(
            device_id=device.id,
            device_no=device.device_no,
            technician_id=device.technician_id,
            site_id=device.site_id,
            token=enrolled.token,
        )

    async def devices(call: Call) -> DeviceList:
        return DeviceList([device_face(each) for each in await people.devices(call.caller, _id(call))])

    async def revoke(call: Call) -> None:
        await people.revoke_device(call.caller, DeviceId(call.path["device_id"]))

    tag: dict[str, Any] = {"tag": "people"}
    return [
        Endpoint(
            method="POST", path="/v1/technicians/{technician_id}/enrolments", name="offer_enrolment",
            summary="Get a one-time code for one phone of hers.", handler=offer, callers=DESK, scope=Scope.PEOPLE_WRITE,
            response=Offer, status=201, errors=(NotFound, NotAllowed, BadInput), **tag,
        ),
        Endpoint(
            method="POST", path="/v1/enrolments", name="enrol_device", summary="Trade a one-time code for a device token.",
            handler=enrol, request=EnrolBody, response=Enrolled, status=201, errors=(NotSignedIn, TooMany), **tag,
        ),
        Endpoint(
            method="GET", path="/v1/technicians/{technician_id}/devices", name="list_devices", summary="List her phones.",
            handler=devices, callers=DESK, scope=Scope.PEOPLE_WRITE, response=DeviceList, errors=(NotFound,), **tag,
        ),
        Endpoint(
            method="DELETE", path="/v1/devices/{device_id}", name="revoke_device",
            summary="End a phone's token at once; its sockets close.", handler=revoke, callers=DESK | {CallerKind.DEVICE},
            scope=Scope.PEOPLE_WRITE, errors=(NotFound,), **tag,
        ),
    ]  # fmt: skip


def _blocked_rows(people: PeopleFlow) -> list[Endpoint]:
    async def block(call: Call) -> BlockedFace:
        return blocked_face(await people.block(call.caller, _id(call), call.body.customer_phone, call.body.reason))

    async def blocked(call: Call) -> BlockedList:
        return BlockedList([blocked_face(each) for each in await people.blocked(call.caller, _id(call))])

    async def unblock(call: Call) -> None:
        await people.unblock(call.caller, _id(call), call.path["pair_id"])

    path = "/v1/technicians/{technician_id}/blocked_pairs"
    common: dict[str, Any] = {"callers": DESK_ONLY, "tag": "people", "errors": (NotFound, NotAllowed, BadInput)}
    return [
        Endpoint(
            method="POST", path=path, name="block_pair", summary="She and this customer must not meet again.", handler=block,
            request=BlockBody, response=BlockedFace, status=201, **common,
        ),
        Endpoint(
            method="GET", path=path, name="list_blocked", summary="List her blocked pairs.", handler=blocked, response=BlockedList,
            **common,
        ),
        Endpoint(
            method="DELETE", path=path + "/{pair_id}", name="unblock_pair", summary="Forget a blocked pair.", handler=unblock, **common
        ),
    ]  # fmt: skip


def _me_rows(people: PeopleFlow, shifts: ShiftFlow, sites: SiteFlow) -> list[Endpoint]:
    async def me(call: Call) -> Me:
        if call.caller.technician_id is None:
            raise NotAllowed("This is for technicians.")
        technician = await people.get(call.caller, call.caller.technician_id)
        site = await sites.get(call.caller, technician.site_id)
        return me_face(technician, call.caller.device_id, await shifts.current(call.caller), site)

    async def help_colleagues(call: Call) -> HelpBody:
        technician = await people.offer_help(call.caller, is_willing=call.body.is_willing)
        return HelpBody(technician.helps_colleagues)

    hers: dict[str, Any] = {"callers": frozenset({CallerKind.DEVICE}), "tag": "people"}
    return [
        Endpoint(
            method="GET", path="/v1/me", name="me", summary="What a technician's app needs at its start.", handler=me, response=Me, **hers
        ),
        Endpoint(
            method="PUT", path="/v1/me/helping", name="help_colleagues", request=HelpBody, response=HelpBody, handler=help_colleagues,
            summary="Say whether the desk may ask her to help a colleague near by.", errors=(NotAllowed, Conflict), **hers,
        ),
    ]  # fmt: skip


def _id(call: Call) -> TechnicianId:
    return TechnicianId(call.path["technician_id"])
