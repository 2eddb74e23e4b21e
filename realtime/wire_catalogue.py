"""Which frames are there, and who says them? The table from which the AsyncAPI document is made; what is not here does not exist."""

from enum import StrEnum

from msgspec import Struct

from realtime.schema_parts import sentence
from realtime.wire import (
    Ack,
    BusyFrame,
    Bye,
    Cadence,
    ErrorFrame,
    FixesFrame,
    FixFrame,
    Frame,
    Heartbeat,
    Hello,
    HubHeartbeat,
    PositionFrame,
    StatusFrame,
    TopicDelta,
    TopicSnapshot,
    VisitChanged,
    VisitFrame,
    VisitSnapshot,
    WatchTopics,
    WatchVisit,
    Welcome,
)
from realtime.wire_console import TopicBehind
from realtime.wire_sos import Prompt, SosFace, SosFrame, SosPin, SosReceipt


class Direction(StrEnum):
    """Who says it on which socket."""

    TECHNICIAN_TO_HUB = "technician_to_hub"
    HUB_TO_TECHNICIAN = "hub_to_technician"
    CUSTOMER_TO_HUB = "customer_to_hub"
    HUB_TO_CUSTOMER = "hub_to_customer"
    CONSOLE_TO_HUB = "console_to_hub"
    HUB_TO_CONSOLE = "hub_to_console"


class Entry(Struct, frozen=True):
    """One row of the catalogue: the frame's name on the wire, its direction, its struct."""

    name: str
    direction: Direction
    struct: type[Frame]

    @property
    def sentence(self) -> str:
        """Return the first sentence of the struct's docstring: what the frame says."""
        return sentence(self.struct.__doc__)


def _entries(direction: Direction, *structs: type[Frame]) -> tuple[Entry, ...]:
    return tuple(Entry(str(struct.__struct_config__.tag), direction, struct) for struct in structs)


CATALOGUE: tuple[Entry, ...] = (
    *_entries(Direction.TECHNICIAN_TO_HUB, Hello, FixFrame, FixesFrame, StatusFrame, Heartbeat, SosFrame, SosPin),
    *_entries(Direction.HUB_TO_TECHNICIAN, Welcome, Ack, Cadence, BusyFrame, ErrorFrame, HubHeartbeat, VisitChanged, Bye),
    *_entries(Direction.HUB_TO_TECHNICIAN, SosReceipt, SosFace, Prompt),
    *_entries(Direction.CUSTOMER_TO_HUB, WatchVisit, Heartbeat, SosFrame),
    *_entries(Direction.HUB_TO_CUSTOMER, VisitSnapshot, PositionFrame, VisitFrame, ErrorFrame, HubHeartbeat, Bye, SosReceipt),
    *_entries(Direction.CONSOLE_TO_HUB, WatchTopics, Heartbeat),
    *_entries(Direction.HUB_TO_CONSOLE, TopicSnapshot, TopicDelta, TopicBehind, ErrorFrame, HubHeartbeat, Bye),
)
