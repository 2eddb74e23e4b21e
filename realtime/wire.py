"""What do phones, customers' pages and consoles say to the hub, and the hub to them? The frames of `porchlight.v1`.

JSON text frames `{"type": ...}`, one struct a frame, unknown fields refused by name. They are listed with their direction in
`wire_catalogue`, what stands in them is in `wire_values`. Decoding of what comes in is in `wire_decode`, close codes are in `close_code`.
Positions are degrees WGS-84 unless `datum` says otherwise; times are milliseconds since 1970 UTC.
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from realtime.wire_values import (
    MAX_SEQ,
    AccuracyM,
    AltitudeM,
    Arrival,
    AtMs,
    BatteryPct,
    Datum,
    DeviceEpoch,
    HeadingDeg,
    Lat,
    Lon,
    Name,
    Permission,
    PositionFeature,
    Secret,
    Seq,
    SpeedMps,
    VisitFace,
)

SUBPROTOCOL = "porchlight.v1"


class Frame(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Any frame: its `type` is the struct's tag."""


# Technician to hub.


class Hello(Frame, frozen=True, tag="hello"):
    """The first frame of a device: who it is, which app, which counter.

    `token` or `ticket` where no Authorization header was sent; `device_epoch` renewed whenever the app's counter restarts; `sent_at_ms` the
    phone's clock now, from which its skew is measured; `capabilities` names of optional frames that the app understands.
    """

    device_epoch: DeviceEpoch
    sent_at_ms: AtMs
    token: Secret | None = None
    ticket: Secret | None = None
    device: Name | None = None
    technician: Name | None = None
    app: Name = ""
    capabilities: Annotated[list[Name], Meta(max_length=32)] = []


class FixFrame(Frame, frozen=True, tag="fix"):
    """One GPS report, alone or inside `fixes`. `at_ms` is the phone's own clock; the hub corrects its skew."""

    seq: Seq
    at_ms: AtMs
    lat: Lat
    lon: Lon
    accuracy_m: AccuracyM | None = None
    speed_mps: SpeedMps | None = None
    heading_deg: HeadingDeg | None = None
    altitude_m: AltitudeM | None = None
    battery_pct: BatteryPct | None = None
    mocked: bool = False
    datum: Datum = Datum.WGS84


class FixRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One GPS report as an array, about 50 bytes: [seq, at_ms, lat, lon, accuracy_m, speed_mps, heading_deg], without what is unknown."""

    seq: Seq
    at_ms: AtMs
    lat: Lat
    lon: Lon
    accuracy_m: AccuracyM | None = None
    speed_mps: SpeedMps | None = None
    heading_deg: HeadingDeg | None = None


class FixesFrame(Frame, frozen=True, tag="fixes"):
    """Several GPS reports, as objects (`fixes`), as compact `rows`, or both. `datum` is that of the rows.

    `batch`: name of this batch, so that a repetition is known at once; `sent_at_ms`: the phone's clock now, where skew may have changed.
    """

    fixes: list[FixFrame] = []
    rows: list[FixRow] = []
    batch: Name | None = None
    sent_at_ms: AtMs | None = None
    device_epoch: DeviceEpoch | None = None
    datum: Datum = Datum.WGS84


class FixesBody(FixesFrame, frozen=True, kw_only=True, tag="fixes"):
    """The body of `POST /v1/fixes`: a `fixes` frame whose `device_epoch` must be there, as no `hello` said it."""

    device_epoch: DeviceEpoch


class StatusFrame(Frame, frozen=True, tag="status"):
    """How the phone is: said when something changes, so that the desk knows why fixes stop."""

    battery_pct: BatteryPct | None = None
    charging: bool | None = None
    background: bool | None = None
    permission: Permission | None = None
    low_power: bool | None = None
    unsent: Annotated[int, Meta(ge=0, le=MAX_SEQ)] | None = None


class Heartbeat(Frame, frozen=True, tag="heartbeat"):
    """"I am here": sent when nothing else was for `heartbeat_s` seconds. `asks`: "and you?", which the hub answers with its own at once."""

    asks: bool = False  # Browsers cannot see pings, so pages ask in words.


# Hub to technician.


class Welcome(Frame, frozen=True, tag="welcome"):
    """The answer to `hello`: send fixes now, within these bounds.

    `acked`: highest seq of this device_epoch known to be held, null when unknown. A counter below it went back: renew device_epoch. Lower
    ones may be missing all the same: only `ack` says what may be deleted.
    """

    session_no: int
    server_at_ms: int
    max_fixes: int
    max_frame_bytes: int
    heartbeat_s: float
    acked: int | None = None


class Refused(Struct, frozen=True, kw_only=True):
    """One fix that the hub does not keep, with the reason as code and in words; `seq` null where unreadable. Do not send it again."""

    seq: int | None
    reason: str
    detail: str = ""


class Ack(Frame, frozen=True, tag="ack"):
    """The hub holds these fixes durably: delete exactly them. `ranges`: inclusive [from, to] of seq; `refused`: delete these too, they
    never fit."""

    device_epoch: int
    ranges: list[Annotated[list[int], Meta(min_length=2, max_length=2)]] = []
    refused: list[Refused] = []


class Cadence(Frame, frozen=True, tag="cadence"):
    """How often the phone should report from now on, and why: at the latest every `interval_s`, earlier after `displacement_m`.

    At most once a second. Said after `welcome` and whenever it changes; `reason` is a word of `tracking.cadence.CadenceReason`.
    """

    interval_s: float
    displacement_m: float
    reason: str


class BusyFrame(Frame, frozen=True, tag="busy"):
    """The hub cannot store fixes at the moment, and reads none of this device for `retry_after_s`. Keep what was not acked and send it
    again then; a press, a PIN and a status are heard at once."""

    retry_after_s: float


class ErrorFrame(Frame, frozen=True, tag="error"):
    """A frame was not understood or not allowed. The socket stays open unless `fatal`, which announces its close."""

    code: str
    detail: str
    fatal: bool = False


class HubHeartbeat(Frame, frozen=True, tag="heartbeat"):
    """The hub is here; its clock."""

    server_at_ms: int


class VisitChanged(Frame, frozen=True, tag="visit_changed"):
    """A visit of this technician changed: read it again over HTTP."""

    visit_id: str


# Customer and hub.


class WatchVisit(Frame, frozen=True, tag="watch"):
    """A customer's first frame: the token of her link, or a ticket got for it. Said again, it asks for a fresh snapshot."""

    link: Secret | None = None
    ticket: Secret | None = None


class VisitSnapshot(Frame, frozen=True, tag="snapshot"):
    """All of the customer's view. Sequence 0 of a new `view_epoch`; later frames count 1, 2, 3: a hole means `watch` again."""

    view_epoch: int
    sequence: int
    visit: VisitFace
    position: PositionFeature | None = None
    arrival: Arrival | None = None
    server_at_ms: int = 0


class PositionFrame(Frame, frozen=True, tag="position"):
    """She moved: her newest position.

    A slow reader skips positions and never lags. `position` null: it may no longer be shown.
    """

    view_epoch: int
    sequence: int
    position: PositionFeature | None
    arrival: Arrival | None = None


class VisitFrame(Frame, frozen=True, tag="visit"):
    """The visit itself changed: stage, window, technician."""

    view_epoch: int
    sequence: int
    visit: VisitFace


class Bye(Frame, frozen=True, tag="bye"):
    """The last frame before the hub closes, with the reason as a word."""

    reason: str


# Console and hub.


class Topic(StrEnum):
    """What a console can watch."""

    POSITIONS = "positions"
    INCIDENTS = "incidents"
    NOTICES = "notices"
    VISITS = "visits"


class WatchTopics(Frame, frozen=True, tag="watch"):
    """A console's first frame: a ticket and the topics; said again without a ticket it changes the topics and gets fresh snapshots."""

    topics: Annotated[list[Topic], Meta(min_length=1, max_length=8)]
    ticket: Secret | None = None


class TopicSnapshot(Frame, frozen=True, tag="snapshot"):
    """All items of a topic; each is an object with an `id`. Replace what you have. Sequence 0 of a new `view_epoch`."""

    topic: str
    view_epoch: int
    sequence: int
    items: list[Raw]


class TopicDelta(Frame, frozen=True, tag="delta"):
    """What changed in a topic: `put` items replace those of equal `id`, `drop` names ids that are gone. Sequences count 1, 2, 3 a topic."""

    topic: str
    view_epoch: int
    sequence: int
    put: list[Raw] = []
    drop: list[str] = []


TechnicianFrame = Hello | FixFrame | FixesFrame | StatusFrame | Heartbeat
CustomerFrame = WatchVisit | Heartbeat
ConsoleFrame = WatchTopics | Heartbeat


_encoder = msgspec.json.Encoder()


def encode(frame: Frame) -> bytes:
    """Return the frame as the text of one socket message, UTF-8. Numbers must be finite: msgspec would write NaN as null."""
    return _encoder.encode(frame)


def raw_item(item: Any) -> Raw:
    """Return a console item (an object with an `id`) encoded once, to be put into many envelopes."""
    return Raw(_encoder.encode(item))
