"""By which roads do taps come in that are no HTTP request? Sockets of technicians and customers, stock phones, and PINs."""

from datetime import datetime

from core.caller import Caller, CallerKind
from core.clock import Clock, to_ms
from core.errors import NotAllowed
from core.geo import LatLon
from core.ids import TechnicianId
from realtime.wire_sos import SosFace, SosFrame, SosPin, SosReceipt
from safety.duress_flow import DuressFlow
from safety.http_sos import TapPlaces
from safety.journal_ports import TapRaiser
from safety.pin_flow import PinFlow
from safety.ports import Also
from safety.public_face import PublicFace
from safety.sos_body import press_of, tap_of
from safety.sos_tap import PersonKind, Road, SosTap, believed_position
from tracking.fix import Sender


class SocketTaps:
    """Meets `realtime.ports.Emergency`."""

    def __init__(self, sos: TapRaiser, pins: PinFlow, clock: Clock) -> None:
        self._sos = sos
        self._pins = pins
        self._clock = clock

    async def press(self, caller: Caller, press: SosFrame) -> SosReceipt:
        """See `Emergency.press`."""
        fields = {name: getattr(press, name) for name in SosFrame.__struct_fields__}
        road = Road.PAGE if caller.kind is CallerKind.LINK else Road.SOCKET
        tap = tap_of(press_of(fields, self._clock.now()), caller, next(iter(caller.sites)), road=road)
        receipt = await self._sos.raise_sos(tap)
        # No incident id: on a phone it would tell whether an earlier press is still open.
        return SosReceipt(tap_id=receipt.tap_id, status=receipt.status, at_ms=to_ms(receipt.at))

    async def pin(self, caller: Caller, entered: SosPin) -> SosFace:
        """See `Emergency.pin`."""
        if caller.technician_id is None:
            raise NotAllowed("A PIN is entered on the technician's own phone.")
        answer = await self._pins.enter(caller.technician_id, entered.pin)
        return _face(answer.face, accepted=answer.accepted)


class PinAlarms:
    """Meets `safety.ports.SilentAlarms`: raises them at her site."""

    def __init__(self, duress: DuressFlow, places: TapPlaces) -> None:
        self._duress = duress
        self._places = places

    async def duress(self, technician_id: TechnicianId, reason: str, also: Also | None = None) -> None:
        """See `SilentAlarms.duress`."""
        await self._duress.raise_for(technician_id, await self._places.site_of(technician_id, None), reason, also)

    async def wrong_pins(self, technician_id: TechnicianId, also: Also | None = None) -> None:
        """See `SilentAlarms.wrong_pins`."""
        await self._duress.doubt_for(technician_id, await self._places.site_of(technician_id, None), also)


class StockTaps:
    """Meets `tracking.ports.SosTap`: the alarm of a stock phone."""

    def __init__(self, sos: TapRaiser) -> None:
        self._sos = sos

    async def tap(self, sender: Sender, tap_id: str, at: datetime, place: LatLon | None) -> None:
        """See `SosTap.tap`."""
        lat, lon = (None, None) if place is None else (place.lat, place.lon)
        position, doubt = believed_position(lat, lon, None, at)
        await self._sos.raise_sos(
            SosTap(
                tap_id=tap_id,
                who=f"technician:{sender.technician_id}",
                person=PersonKind.TECHNICIAN,
                site_id=sender.site_id,
                road=Road.PHONE_APP,
                technician_id=sender.technician_id,
                device_id=sender.device_id,
                device_at=at,
                position=position,
                position_doubt=doubt,
            )
        )


def _face(face: PublicFace, *, accepted: bool | None = None) -> SosFace:
    return SosFace(phase=face.phase.value, tap_id=face.tap_id, accepted=accepted)
