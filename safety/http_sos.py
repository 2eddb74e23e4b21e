"""The tap over HTTP: `POST /v1/sos`, the PIN, and the face that non-desk credentials may read.

Everything that can be wrong with the body is left out and named, never a reason to refuse; only an unknown credential is refused. No rate
limit on a first press: the flow merges what follows.
"""

import json
from datetime import datetime
from typing import Protocol

import msgspec
from starlette.requests import Request

from core.caller import NOBODY, Caller, CallerKind, Scope
from core.clock import Clock
from core.errors import NotSignedIn
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId, TechnicianId, VisitId
from core.right_of_way import RightOfWay
from safety.face_flow import FaceFlow
from safety.journal_ports import TapRaiser
from safety.pin import PinsRefused, PresentPinNeeded
from safety.pin_flow import PinAnswer, PinFlow
from safety.pin_turn_flow import PinBusy
from safety.public_face import PublicFace
from safety.sos_body import SosBody, TapReceipt, press_of, receipt_for, tap_of, unreadable_press, whom
from safety.sos_tap import Road

_ROADS = {CallerKind.DISPATCHER: Road.DESK, CallerKind.API: Road.API, CallerKind.LINK: Road.PAGE}


class PinBody(msgspec.Struct, frozen=True):
    """An entered PIN."""

    pin: str


class PinsBody(msgspec.Struct, frozen=True):
    """Both PINs, set in one request so that no answer tells whether a duress PIN exists. `present_pin`: the one in force, to change it."""

    pin: str
    duress_pin: str
    present_pin: str | None = None


class TapCallers(Protocol):
    """Who presses? Met by visits: also knows devices that were revoked, because a tap from one may still be hers."""

    async def tapper(self, request: Request) -> tuple[Caller, bool]:
        """Return the caller and whether her device was revoked; raises `NotSignedIn` for a credential that nobody ever had."""
        ...


class TapPlaces(Protocol):
    """To which site does a person or visit belong? Met by visits."""

    async def site_of(self, technician_id: TechnicianId | None, visit_id: VisitId | None) -> SiteId:
        """Return the site; raises `NotFound`."""
        ...


def believed_body(raw: bytes, now: datetime) -> SosBody:
    """Return the press in `raw`, whatever else is wrong with it: an unreadable body from a known person is still a press."""
    try:
        # The standard library reads the NaN and Infinity of careless phones, and bounds depth; msgspec would refuse the whole body.
        loose = json.loads(raw)
    except (ValueError, RecursionError):
        return unreadable_press(raw, now)
    return press_of(loose, now) if isinstance(loose, dict) else unreadable_press(raw, now)


def endpoints(
    sos: TapRaiser, pins: PinFlow, faces: FaceFlow, callers: TapCallers, places: TapPlaces, clock: Clock, way: RightOfWay
) -> list[Endpoint]:
    """Return the rows of the tap, the PIN and the face."""

    async def press(call: Call) -> TapReceipt:
        with way.taken():
            return await pressed(call)

    async def pressed(call: Call) -> TapReceipt:
        caller, is_revoked = await callers.tapper(call.request)
        if caller is NOBODY:
            raise NotSignedIn
        caller.must_have(Scope.SOS_WRITE)
        body = believed_body(call.raw, clock.now())
        site_id = await site_of(caller, body)
        road = _ROADS.get(caller.kind, Road.HTTP)
        return receipt_for(caller, await sos.raise_sos(tap_of(body, caller, site_id, road=road, is_revoked=is_revoked)))

    async def site_of(caller: Caller, body: SosBody) -> SiteId:
        # Phones and links belong to one site: asking SQL for it would lose the tap while SQL is away.
        if caller.kind in (CallerKind.DEVICE, CallerKind.LINK) and len(caller.sites) == 1:
            return next(iter(caller.sites))
        technician_id, visit_id, _ = whom(body, caller)
        site_id = await places.site_of(technician_id, visit_id)
        caller.must_reach(site_id)
        return site_id

    async def enter_pin(call: Call) -> PinAnswer:
        return await pins.enter(_technician(call.caller), call.body.pin)

    async def set_pins(call: Call) -> None:
        await pins.set_pins(_technician(call.caller), call.body.pin, call.body.duress_pin, call.body.present_pin)

    async def look(call: Call) -> PublicFace:
        return await faces.face_of(call.caller, clock.now())

    device, link = frozenset({CallerKind.DEVICE}), frozenset({CallerKind.DEVICE, CallerKind.LINK})
    return [
        Endpoint(
            method="POST", path="/v1/sos", name="sos_press", handler=press, request=SosBody, response=TapReceipt, raw_body=True,
            tag="sos", asks_caller_itself=True, errors=(NotSignedIn,),
            summary="Call for help. Retry with the same tap_id until a receipt comes: it is sent only after the incident is committed.",
        ),
        Endpoint(
            method="POST", path="/v1/sos/pin", name="sos_pin", handler=enter_pin, callers=device, request=PinBody, response=PinAnswer,
            tag="sos", summary="Enter the PIN after a press. A person makes sure before anything ends.", errors=(PinBusy,),
        ),
        Endpoint(
            method="PUT", path="/v1/me/pins", name="set_pins", handler=set_pins, callers=device, request=PinsBody, tag="sos",
            summary="Set both PINs at once; changing them takes the one in force.", errors=(PinsRefused, PresentPinNeeded, PinBusy),
        ),
        Endpoint(
            method="GET", path="/v1/me/sos", name="sos_face", handler=look, callers=link, response=PublicFace, tag="sos",
            summary="What this phone shows of its own press.",
        ),
    ]  # fmt: skip


def _technician(caller: Caller) -> TechnicianId:
    if caller.technician_id is None:
        raise NotSignedIn
    return caller.technician_id
