"""Who opens this socket? What a device's handshake and credential say."""

from starlette.datastructures import Headers
from starlette.websockets import WebSocket

from core.caller import Caller
from core.errors import NotSignedIn
from core.ids import DeviceId, SiteId, TechnicianId


def device_of(caller: Caller) -> tuple[SiteId, TechnicianId, DeviceId]:
    """Return site, technician and device of a device's credential; raises `NotSignedIn` for one that is bound to no single device."""
    if caller.technician_id is None or caller.device_id is None or len(caller.sites) != 1:
        raise NotSignedIn("This credential is not bound to one device of one technician. Enrol the device again.")
    return next(iter(caller.sites)), caller.technician_id, caller.device_id


def bearer_of(websocket: WebSocket) -> str | None:
    """Return the bearer token of the handshake, None without one."""
    scheme, _, token = Headers(scope=websocket.scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


