"""What does tracking need from others? Ports, met by visits, realtime and the hub's metrics, joined in `hub/wiring.py`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from core.geo import LatLon
from core.ids import DeviceId, SiteId, TechnicianId, VisitId
from core.unit_of_work import Tx
from tracking.fix import Fix, Judged, Sender
from tracking.ledger import Entry, Offset, StreamState
from visits.shift import Interval
from visits.stage import Stage


class Part(msgspec.Struct, frozen=True):
    """One sender's share of a batch: `body` of `packing.pack_part` with `fixes` fixes; `marker`: the fix that may move her marker."""

    device_id: DeviceId
    session_no: int
    body: bytes
    fixes: int
    marker: Fix | None = None


class WriteStatus(StrEnum):
    """What a batch call did."""

    WRITTEN = "ok"
    """Everything that was not superseded is in the stream, now."""
    REPEATED = "repeated"
    """It was written by an earlier call whose answer was lost; nothing was written twice."""
    FULL = "busy"
    """The stream is at its limit and nothing was written."""


class Written(msgspec.Struct, frozen=True):
    """The answer of a batch call. `superseded`: numbers of the parts that an older session sent, which were left out.

    `epoch` names the life of the stream, `total` counts the fixes appended in it.
    """

    status: WriteStatus
    superseded: frozenset[int] = frozenset()
    epoch: str = ""
    total: int = 0


class Near(msgspec.Struct, frozen=True):
    """A technician near a place: her last known `fix`, `distance_m` from the place, great circle."""

    fix: Fix
    distance_m: float


class Positions(Protocol):
    """Keeps live positions and takes in fixes. Met by `redis_positions.RedisPositions`. All raise `Unavailable` when Redis is away."""

    shards: int
    """Into how many shards a site's technicians are divided; the same on every worker."""

    async def write(self, site_id: SiteId, shard: int, batch_id: str, parts: Sequence[Part]) -> Written:
        """Write one batch in one atomic call; each technician's marker in at most one part. Repeat an unanswered call with the same id."""
        ...

    async def take_fence(self, site_id: SiteId, technician_id: TechnicianId, device_id: DeviceId) -> int:
        """Return a new session_no of the device; from now on batches with an older one are left out."""
        ...

    async def last_known(self, site_id: SiteId, technician_ids: Sequence[TechnicianId]) -> dict[TechnicianId, Fix]:
        """Return the newest live fix of each technician that has one, however old: the caller judges its age."""
        ...

    async def nearby(self, site_id: SiteId, place: LatLon, radius_m: float, limit: int, fresh_from_ms: int) -> list[Near]:
        """Return up to `limit` technicians within `radius_m` of `place` whose fix is not older than `fresh_from_ms`, nearest first."""
        ...

    async def all_known(self, site_id: SiteId) -> dict[TechnicianId, Fix]:
        """Return the newest live fix of every technician of the site: the snapshot of a console."""
        ...

    async def ping(self) -> None:
        """Return when Redis answers; raises `Unavailable` when it does not."""
        ...

    async def sweep(self, site_id: SiteId, before_ms: int) -> int:
        """Forget technicians whose newest fix is older than `before_ms`; return how many."""
        ...


class FixStream(Protocol):
    """Where acknowledged fixes wait for the recorder. Met by `redis_stream.RedisStream`. All raise `Unavailable` when Redis is away."""

    async def hold_lease(self, site_id: SiteId, shard: int, holder: str, for_ms: int) -> bool:
        """Take or prolong the recorder's lease; False while another holds it."""
        ...

    async def release_lease(self, site_id: SiteId, shard: int, holder: str) -> None:
        """Give the lease up, so that another recorder can go on at once."""
        ...

    async def state(self, site_id: SiteId, shard: int) -> StreamState:
        """Return how the stream stands."""
        ...

    async def read(self, site_id: SiteId, shard: int, after_id: str, count: int, wait_ms: int) -> list[Entry]:
        """Return up to `count` entries after `after_id`, in order; wait up to `wait_ms` (1 or more) for the first one."""
        ...

    async def trim(self, site_id: SiteId, shard: int, through_id: str) -> None:
        """Drop the entries up to and including `through_id`."""
        ...


class KeptTrack(msgspec.Struct, frozen=True):
    """Fixes that may not be forgotten: of a technician, `from_ms` <= fix time < `until_ms`, milliseconds since 1970."""

    technician_id: TechnicianId
    from_ms: int
    until_ms: int


class KeptTracks(Protocol):
    """What is evidence? Met by safety's incidents: those still open, and those under legal hold."""

    async def kept(self) -> Sequence[KeptTrack]:
        """Return every track that stays, whatever its age. Raises rather than leave one out."""
        ...


class NoKeptTracks:
    """Meets `KeptTracks` where nothing is evidence."""

    async def kept(self) -> Sequence[KeptTrack]:
        """Keep nothing."""
        return ()


class Ledger(Protocol):
    """Keeps fixes, offsets and checkpoints in SQL. Met by `sql_fixes.SqlFixes`."""

    async def record(self, tx: Tx, judged: Sequence[Judged]) -> int:
        """Store the fixes that are not stored yet; return how many those were."""
        ...

    async def offset(self, tx: Tx, site_id: SiteId, shard: int) -> Offset:
        """Return the offset of a site shard; version 0 where none was ever committed."""
        ...

    async def move_offset(self, tx: Tx, before: Offset, after: Offset) -> bool:
        """Write `after` if the stored version is still that of `before`; False where another recorder was quicker."""
        ...

    async def checkpoints(self, tx: Tx, site_id: SiteId, shard: int) -> dict[VisitId, bytes]:
        """Return the journey states of a site shard."""
        ...

    async def save_checkpoints(self, tx: Tx, site_id: SiteId, shard: int, states: Mapping[VisitId, bytes | None]) -> None:
        """Write journey states; None forgets one."""
        ...

    async def purge(self, tx: Tx, before_ms: int, limit: int = 1000, kept: Sequence["KeptTrack"] = ()) -> int:
        """Delete up to `limit` fixes of whole minutes before `before_ms`, none of `kept`; return how many.

        Call again while it returns `limit`.
        """
        ...

    async def track(self, tx: Tx, technician_id: TechnicianId, from_ms: int, until_ms: int, limit: int) -> list[Judged]:
        """Return her fixes with `from_ms` <= fix time < `until_ms`, in the order of `Fix.order`, at most `limit`."""
        ...


class ShiftGate(Protocol):
    """Says when a technician may be followed. Met by visits, with other sources (open incidents of hers) added in wiring."""

    async def intervals(self, technician_id: TechnicianId) -> tuple[Interval, ...]:
        """Return her intervals of the last 72 hours and the open ones: shifts minus pauses, open incidents. Reads SQL, never a copy."""
        ...

    async def intervals_of(self, technician_ids: Sequence[TechnicianId]) -> Mapping[TechnicianId, tuple[Interval, ...]]:
        """Return the same for each of up to some hundred technicians, read together."""
        ...


class LiveFeed(Protocol):
    """Takes what moved a marker on this worker. Met by realtime's fan-out."""

    def feed(self, fixes: Sequence[Fix]) -> None:
        """Hand on live fixes that have just become durable, in the order of offering. Must not block and must not raise."""
        ...


class NoFeed:
    """Meets `LiveFeed` for a process without watchers."""

    def feed(self, fixes: Sequence[Fix]) -> None:
        """Forget them."""


class Counts(Protocol):
    """Takes the books. Met by the hub's Prometheus registry."""

    def add(self, name: str, n: float = 1, /, **labels: str) -> None:
        """Add `n` to the counter `name`. Names are those of `tracking.books`."""
        ...


class NoCounts:
    """Meets `Counts` for a process without metrics."""

    def add(self, name: str, n: float = 1, /, **labels: str) -> None:
        """Forget it."""


class OpenVisit(msgspec.Struct, frozen=True, kw_only=True):
    """What a journey must know of a visit with a technician on it: `place` is the address, WGS-84; times in ms since 1970."""

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId
    stage: Stage
    place: LatLon
    window_start_ms: int
    window_end_ms: int
    departed_at_ms: int | None = None
    arrived_at_ms: int | None = None
    device_id: DeviceId | None = None
    """The metering device, None for whichever speaks first."""


class OpenVisits(Protocol):
    """Says which visits are under way. Met by visits."""

    async def open_visits(self, site_id: SiteId) -> Sequence[OpenVisit]:
        """Return the visits of a site from `assigned` up to before `left`. Reads SQL."""
        ...


class TrackedVisit(msgspec.Struct, frozen=True, kw_only=True):
    """What the track of a visit is cut by: it runs from `from_ms` to `until_ms`, None while it is under way."""

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId
    from_ms: int
    until_ms: int | None = None


class TrackedVisits(Protocol):
    """Finds a visit for its track. Met by visits."""

    async def tracked_visit(self, visit_id: VisitId) -> TrackedVisit | None:
        """Return the visit, None where there is none or nobody has departed to it yet."""
        ...


class PhoneDoor(Protocol):
    """Tells whose stock phone this is. Met by visits (devices)."""

    async def sender_of(self, device_token: str) -> Sender | None:
        """Return the sender of a device token (session_no 0, device_epoch 0), None for an unknown or revoked one."""
        ...


class PhoneEar(Protocol):
    """Hears that a stock phone is alive. Met by realtime's presence; must neither wait nor raise."""

    def heard(self, sender: Sender, at_ms: int, battery_pct: float | None) -> None:
        """Note a sign of life at `at_ms` of the hub's clock, with the battery's charge where it was told."""
        ...


class NoEar:
    """Meets `PhoneEar` where nobody listens."""

    def heard(self, sender: Sender, at_ms: int, battery_pct: float | None) -> None:
        """Forget it."""


class SosTap(Protocol):
    """Takes the alarm of a stock phone. Met by safety; the answer waits until the tap is durable."""

    async def tap(self, sender: Sender, tap_id: str, at: datetime, place: LatLon | None) -> None:
        """Record one tap; the same `tap_id` again is the same tap. Raises `HubError` when it is not durable: the phone repeats."""
        ...


JourneySink = Callable[[str, OpenVisit, Sequence[Any]], Awaitable[None] | None]
"""Takes (observer's name, visit, outputs) of a journey after their commit; returns what is left to wait for, mostly None.

Must bear repetition: a crash may repeat outputs."""
