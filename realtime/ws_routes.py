"""Under which paths are the sockets? The three routes, for the application that `hub/wiring.py` builds."""

from starlette.routing import WebSocketRoute

from realtime.ws_console import ConsoleDoor
from realtime.ws_technician import TechnicianDoor
from realtime.ws_visit import VisitDoor

TECHNICIAN_PATH = "/v1/ws/technician"
VISIT_PATH = "/v1/ws/visit"
CONSOLE_PATH = "/v1/ws/console"


def socket_routes(technicians: TechnicianDoor, visits: VisitDoor, consoles: ConsoleDoor) -> list[WebSocketRoute]:
    """Return the routes of all sockets."""
    return [
        WebSocketRoute(TECHNICIAN_PATH, technicians.serve, name="ws_technician"),
        WebSocketRoute(VISIT_PATH, visits.serve, name="ws_visit"),
        WebSocketRoute(CONSOLE_PATH, consoles.serve, name="ws_console"),
    ]
