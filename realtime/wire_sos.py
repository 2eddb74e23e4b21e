"""What do phones and pages say to call for help, and what do they hear? Frames of the emergency lane, and the unions of all that come in.

A press is decoded so that nothing in it can make it fail: fields may be of any type, unknown ones are dropped, unlike in every other frame.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from realtime.wire import CustomerFrame, Frame, TechnicianFrame


class SosFrame(Frame, frozen=True, tag="sos"):
    """She calls for help. Say it again with the same `tap_id`, here or by POST /v1/sos, until `sos_receipt` comes.

    `tap_id`: the phone's own name of this press, 1-80 characters; `device_at_ms`: the phone's clock when she pressed; `drill`: practice;
    `queued`: pressed while there was no network. Everything may be absent or absurd: a press is never refused for what stands in it.
    """

    tap_id: Any = None
    device_at_ms: Any = None
    lat: Any = None
    lon: Any = None
    accuracy_m: Any = None
    battery_pct: Any = None
    drill: Any = False
    queued: Any = False


class SosReceipt(Frame, frozen=True, tag="sos_receipt"):
    """The press is stored: `received` once committed, `journaled` while SQL is away. Only now may the page say so."""

    tap_id: str
    status: str
    at_ms: int


class SosPin(Frame, frozen=True, tag="sos_pin"):
    """She enters a PIN after a press."""

    pin: Annotated[str, Meta(max_length=16)]


class SosFace(Frame, frozen=True, tag="sos_face"):
    """What the phone shows of its own press: `phase` quiet, received or cancelled. `accepted`: whether a PIN entered just now counted."""

    phase: str
    tap_id: str | None = None
    accepted: bool | None = None


class Prompt(Frame, frozen=True, tag="prompt"):
    """Ask her, in words of an ordinary notice, whether all is in order. `kind`: check_in, overrun, not_left, not_started or not_arrived.

    A reminder may be answered by a check-in; a question (`is_reminder` false) by POST /v1/me/answers within half a minute.
    """

    visit_id: str
    kind: str
    is_reminder: bool


TechnicianSays = TechnicianFrame | SosFrame | SosPin
CustomerSays = CustomerFrame | SosFrame
SOS_FIELDS = frozenset(SosFrame.__struct_fields__)


class Press(Struct, frozen=True):
    """Effect of a session: raise this press now, whatever else waits; answer with its receipt."""

    frame: SosFrame


class EnterPin(Struct, frozen=True):
    """Effect of a session: check this PIN; answer with the face."""

    frame: SosPin
