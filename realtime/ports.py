"""What do the sockets need from the rest of the house? Ports, met by visits, tracking, safety and notifications, joined in
`hub/wiring.py`."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from core.caller import Caller
from core.errors import Unavailable
from core.geo import LatLon
from core.ids import DeviceId, LinkId, SiteId, TechnicianId, VisitId
from realtime.wire import StatusFrame
from realtime.wire_sos import SosFace, SosFrame, SosPin, SosReceipt
from realtime.wire_values import Arrival, VisitFace
from tracking.fix import Fix, Outcome, RawFix, Sender
from visits.stage import Stage

__all__ = [
    "Access",
    "Arrivals",
    "Emergency",
    "Fence",
    "HeardPhones",
    "Intake",
    "LastKnown",
    "NoEmergency",
    "NoPhoneListener",
    "PhoneListener",
    "Poke",
    "PokeTopic",
    "Pokes",
    "TopicChanges",
    "TopicItems",
    "TopicSource",
    "VisitState",
    "VisitWindow",
    "Watched",
]

class Access(Protocol):
    """Who holds this credential? Met by visits."""

    async def caller_of_token(self, token: str) -> Caller:
        """Return the holder of a device, link, session or API token; raises `NotSignedIn` for one that does not count (any more)."""
        ...

    async def redeem_ticket(self, ticket: str) -> Caller:
        """Return the holder of a one-use ticket and use it up; raises `NotSignedIn` when it is unknown, used or older than 30 s."""
        ...

    async def ended(self, callers: Sequence[Caller]) -> Sequence[Caller]:
        """Return those whose credential is no longer in force. One query for all; asked every few seconds and after a poke."""
        ...


class Fence(Protocol):
    """Which connection of a device counts? Met by `tracking.redis_positions.RedisPositions`."""

    async def take_fence(self, site_id: SiteId, technician_id: TechnicianId, device_id: DeviceId) -> int:
        """Return a session number above every earlier one of this device, now in force. Raises `Unavailable` while the store is away."""
        ...


class Intake(Protocol):
    """Where fixes go: `tracking.fix_flow.FixFlow`."""

    def offer(
        self,
        sender: Sender,
        fixes: Sequence[RawFix],
        *,
        batch_id: str | None,
        on_done: Callable[[Outcome], None],
        sent_at_ms: int | None = None,
    ) -> None:
        """Take a frame's fixes at once, without waiting; `on_done` hears later, once, what became of them. Raises `Busy` when full."""
        ...

    def note_clock(self, device_id: DeviceId, sent_at_ms: int) -> None:
        """Learn the phone's clock from a frame without fixes."""
        ...

    def note_unreadable(self, fixes: int) -> None:
        """Count fixes that could not be read and are answered as malformed, so that the books close."""
        ...

    def note_unread(self) -> None:
        """Count a frame that was not read, because its phone had been told to wait."""
        ...


class PhoneListener(Protocol):
    """Who wants to know how phones are: presence, detectors, the desk. Must neither wait nor raise."""

    def on_connected(self, caller: Caller, at_ms: int) -> None:
        """A device said hello."""
        ...

    def on_status(self, caller: Caller, status: StatusFrame, at_ms: int) -> None:
        """A device said how it is."""
        ...

    def on_gone(self, caller: Caller, at_ms: int) -> None:
        """A device's socket ended, whoever ended it; not told where a newer connection of the same device is here already."""
        ...


class Emergency(Protocol):
    """Takes calls for help. Met by safety."""

    async def press(self, caller: Caller, press: SosFrame) -> SosReceipt:
        """Return the receipt once the press is durable; raises `HubError` when it is not: the phone goes on pressing."""
        ...

    async def pin(self, caller: Caller, entered: SosPin) -> SosFace:
        """Return the face after a PIN, at a moment that does not tell which PIN it was."""
        ...


class NoEmergency:
    """Meets `Emergency` for a hub without a safety side: nothing is promised."""

    async def press(self, caller: Caller, press: SosFrame) -> SosReceipt:
        """Refuse."""
        raise Unavailable("This hub takes no emergency calls. Call for help in another way.")

    async def pin(self, caller: Caller, entered: SosPin) -> SosFace:
        """Refuse."""
        raise Unavailable("This hub takes no emergency calls.")


class NoPhoneListener:
    """Meets `PhoneListener` where nobody listens."""

    def on_connected(self, caller: Caller, at_ms: int) -> None:
        """Forget it."""

    def on_status(self, caller: Caller, status: StatusFrame, at_ms: int) -> None:
        """Forget it."""

    def on_gone(self, caller: Caller, at_ms: int) -> None:
        """Forget it."""


class HeardPhones(Protocol):
    """When was each technician's phone last heard? Met by `realtime.redis_presence.RedisPresence`. Raises `Unavailable`."""

    async def heard(self, site_id: SiteId) -> Mapping[TechnicianId, int]:
        """Return the last sign of life of each technician's phones in a site, ms since 1970; a day back at most."""
        ...

    async def note(self, site_id: SiteId, heard: Mapping[TechnicianId, int]) -> None:
        """Keep these signs of life; an older one never replaces a newer."""
        ...


class LastKnown(Protocol):
    """The newest live fix of each technician: `tracking.redis_positions.RedisPositions`. Raises `Unavailable` while the store is away."""

    async def last_known(self, site_id: SiteId, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, Fix]:
        """Return the newest live fix of those technicians of whom one is known."""
        ...

    async def all_known(self, site_id: SiteId) -> Mapping[TechnicianId, Fix]:
        """Return the newest live fix of every technician of the site."""
        ...


class Poke(Struct, frozen=True, array_like=True):
    """Something of `topic` with this `id` changed in SQL: read it again. A poke carries no content and may be lost or repeated."""

    topic: str
    id: str


class PokeTopic(StrEnum):
    """What pokes are about. Console topics poke under their own name (`incidents`, `notices`, `visits`)."""

    VISITS = "visits"
    """`id` is the visit."""
    LINKS = "links"
    """`id` is the visit whose links changed."""
    DEVICES = "devices"
    """`id` is the device that was revoked."""
    SESSIONS = "sessions"
    """`id` is the dispatcher whose session ended."""
    TAKEN_OVER = "taken_over"
    """`id` is `DEVICE/SESSION_NO`: a newer connection of the device is in force."""
    TECHNICIANS = "technicians"
    """`id` is `TECHNICIAN/VISIT`: a visit of hers changed, her phone should read it again."""
    PROMPTS = "prompts"
    """`id` is `TECHNICIAN/VISIT/KIND/reminder|question`: ask her whether all is in order."""
    SHIFTS = "shifts"
    """`id` is the technician whose shift, pause or incident changed: her intervals must be read anew."""
    INCIDENTS = "incidents"
    """`id` is the incident."""
    NOTICES = "notices"
    """`id` is the notice."""
    LETTERS = "letters"
    """A letter that can wait was enqueued: whoever sends those looks now. No `id`."""


class Pokes(Protocol):
    """Tells every worker of a site that something changed. Met by `realtime.redis_fanout.RedisFanout`; flows call it after their commit."""

    def poke(self, site_id: SiteId, topic: str, about: str) -> None:
        """Hand on a poke, here at once and elsewhere soon. Never waits, never raises; best effort."""
        ...


class Watched(Struct, frozen=True):
    """What a customer's socket watches: a visit, through one link (None for a signed-in caller without one)."""

    visit_id: VisitId
    link_id: LinkId | None = None


class VisitState(Struct, frozen=True, kw_only=True):
    """A visit as its watchers need it, read from SQL at one moment. `face` is what the customer may be told; `place` serves arrival only.

    `departed_at_ms`, `departed_from` and `closed_at_ms` serve `tracking.customer_view`; `position_allowed` False hides it all the same (a
    setting of the site). `version` grows with every change of the visit.
    """

    visit_id: VisitId
    site_id: SiteId
    stage: Stage
    face: VisitFace
    version: int = 0
    technician_id: TechnicianId | None = None
    place: LatLon | None = None
    departed_at_ms: int | None = None
    departed_from: LatLon | None = None
    closed_at_ms: int | None = None
    position_allowed: bool = True


class VisitWindow(Protocol):
    """What stands in SQL of watched visits. Met by visits."""

    async def states(self, watched: Sequence[Watched]) -> Mapping[Watched, VisitState]:
        """Return the present state of each; one whose link ended, was revoked or never was is left out. One query for all of them."""
        ...


class Arrivals(Protocol):
    """When will she be there? Met by tracking's router."""

    async def window(self, at: LatLon, place: LatLon, now_ms: int) -> Arrival | None:
        """Return the arrival window of somebody at `at` setting out for `place` now; None when nobody can say."""
        ...


class TopicItems(Struct, frozen=True):
    """All items of a topic at one moment: objects with an `id`, and the `mark` (a counter of the site) up to which changes are
    contained."""

    items: Sequence[Any]
    mark: int = 0


class TopicChanges(Struct, frozen=True):
    """What changed since a mark: items to put (whole, newest), ids to drop, and the new `mark`."""

    put: Sequence[Any]
    drop: Sequence[str]
    mark: int


class TopicSource(Protocol):
    """The truth behind one console topic (incidents, notices, visits), site by site. A poke on the site's channel makes the hub look at
    once;
    without pokes it looks every second, so a lost poke costs a second and nothing else."""

    async def snapshot(self, site_id: SiteId) -> TopicItems:
        """Return all open items of the site."""
        ...

    async def changes(self, site_id: SiteId, after: int) -> TopicChanges | None:
        """Return what changed after `after`; None when that cannot be told, and then `snapshot` is read and compared. Cheap when nothing
        did."""
        ...
