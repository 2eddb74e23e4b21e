"""What has a device still to be told of its fixes? Stored and refused ones that wait for the next ack, bounded and not told too often.

A phone that sends a fix in five seconds hears of each at once. One that sends ten a second hears of many in one ack: it may delete them a
moment later, and costs the hub one frame instead of five. One that empties a backlog hears of each frame at once, as it waits for that.
"""

from collections.abc import Iterable

from realtime.raw_fixes import merged
from realtime.wire import Ack, Refused

MANY = 10
"""So many fixes of one frame do not wait: their phone sends the next frame when it has heard of this one."""


class UnreadAcks:
    """The waiting acks of one connection. `gap_ms`: between two acks; `bound`: ranges or refusals that may wait."""

    __slots__ = ("_bound", "_gap_ms", "_ranges", "_refused", "_stored", "_told_ms", "highest", "is_overfull", "is_urgent")

    def __init__(self, gap_ms: int, bound: int) -> None:
        self.highest = -1
        """The highest seq ever put in, -1 before any."""
        self.is_urgent = False
        """Whether a refusal waits, or a frame of many fixes: then the gap is not waited for."""
        self.is_overfull = False
        """Whether more waits than a phone that reads can leave unread."""
        self._gap_ms, self._bound = gap_ms, bound
        self._told_ms = 0
        self._stored: list[int] = []
        self._ranges: list[list[int]] = []
        self._refused: list[Refused] = []

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._stored or self._refused or self._ranges)

    @property
    def due_ms(self) -> int | None:
        """Return when the next ack may be told, None when nothing waits, 0 for what is urgent."""
        if self.is_urgent:
            return 0
        return self._told_ms + self._gap_ms if self._stored or self._ranges else None

    def store(self, seqs: list[int]) -> None:
        """Note fixes that may be deleted by the phone."""
        self._stored += seqs
        newest = seqs[0] if len(seqs) == 1 else max(seqs)
        if newest > self.highest:
            self.highest = newest
        self.is_urgent = self.is_urgent or len(seqs) >= MANY
        if len(self._stored) > self._bound:
            self._ranges, self._stored = merged(self._ranges, self._stored), []
            self.is_overfull = self.is_overfull or len(self._ranges) > self._bound

    def refuse(self, refused: Iterable[Refused]) -> None:
        """Note fixes that will never be taken, with the reasons."""
        self._refused.extend(refused)
        self.is_urgent = self.is_urgent or bool(self._refused)
        self.is_overfull = self.is_overfull or len(self._refused) > self._bound

    def take(self, device_epoch: int, now_ms: int) -> Ack:
        """Return everything that waits as one ack; what is returned counts as told."""
        ack = Ack(device_epoch=device_epoch, ranges=merged(self._ranges, self._stored), refused=self._refused)
        self._stored, self._ranges, self._refused = [], [], []
        self.is_urgent = self.is_overfull = False
        self._told_ms = now_ms
        return ack
