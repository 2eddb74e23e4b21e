"""Where can something stand between two parts? The joints on a tap's way, by name, so that a test can end the process exactly there.

In a hub that serves people nothing stands there: `nothing` hands every part on as it is, and no setting, variable or option of the command
line can put anything else in its place. Only whoever calls `wire` or `serve` in code can, and only tests do.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any


class Joint(StrEnum):
    """A place where one part hands over to another."""

    SOS = "sos"
    """The door hands a tap to the flow that commits it: `safety.journal_ports.TapRaiser` and `safety.duress_flow.Raiser`."""
    INCIDENTS = "incidents"
    """Flows write into the tap's transaction: `safety.ports.Incidents`."""
    POKES = "pokes"
    """A commit is told to sockets: `safety.ports.Pokes`."""
    TIMERS = "timers"
    """Timers are set, claimed and forgotten: `core.timers.Timers`. A new incident's first one is written with it."""
    HASHES = "hashes"
    """PINs are hashed and compared: `safety.pin_ports.PinHashes`."""
    CARRIER = "carrier"
    """A letter leaves the house: `notifications.ports.Carrier`."""
    APP = "app"
    """Answers go out to the network: an ASGI application."""


Between = Callable[[Joint, Any], Any]
"""Takes a part and returns what stands in its place at the joint: of the same kind, usually the part itself."""


def nothing(_: Joint, part: Any) -> Any:
    """Return the part as it is: what every hub that serves people is given."""
    return part
