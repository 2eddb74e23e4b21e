"""What has this phone not yet got rid of? Fixes kept until the hub names them in an `ack`; the newest is always sent first.

Pure: `device_client` puts, takes and deletes. A cut connection makes everything unsent again; what was acknowledged is gone for good.
"""

from collections.abc import Sequence

from realtime.wire import Ack, FixRow

MAX_KEPT = 200_000
"""Two days of a fix a second. Beyond that the oldest go: a phone's storage is finite, and the newest matter."""


class DeviceOutbox:
    """The fixes of one device_epoch that the hub has not acknowledged."""

    def __init__(self) -> None:
        self._kept: dict[int, FixRow] = {}
        self._unsent: list[int] = []
        self._next_seq = 1
        self.refused: dict[str, int] = {}
        """Reason -> how many fixes the hub refused for it."""
        self.lost = 0
        """How many were dropped because too many were kept."""

    def __len__(self) -> int:
        """Return how many fixes are kept."""
        return len(self._kept)

    @property
    def unsent(self) -> int:
        """Return how many wait to be sent on this connection."""
        return len(self._unsent)

    def put(self, at_ms: int, lat: float, lon: float, accuracy_m: float | None, speed_mps: float | None, heading_deg: float | None) -> int:
        """Keep a fix (degrees WGS-84; the phone's own milliseconds); return the seq it got."""
        seq, self._next_seq = self._next_seq, self._next_seq + 1
        self._kept[seq] = FixRow(seq, at_ms, round(lat, 7), round(lon, 7), accuracy_m, speed_mps, heading_deg)
        self._unsent.append(seq)
        if len(self._kept) > MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
            self.lost += 1
        return seq

    def take(self, count: int) -> list[FixRow]:
        """Return up to `count` unsent fixes, newest first; they count as sent until `cut`."""
        taken: list[FixRow] = []
        while self._unsent and len(taken) < count:
            row = self._kept.get(self._unsent.pop())
            if row is not None:
                taken.append(row)
        return taken

    def cut(self) -> None:
        """Count everything kept as unsent again, because the connection is gone or the hub was busy."""
        self._unsent = sorted(self._kept)

    def on_ack(self, ack: Ack) -> Sequence[int]:
        """Delete exactly what `ack` names; return the seqs that the hub stored."""
        stored: list[int] = []
        for first, last in ack.ranges:
            stored += [seq for seq in range(first, last + 1) if self._kept.pop(seq, None) is not None]
        for refused in ack.refused:
            if refused.seq is not None and self._kept.pop(refused.seq, None) is not None:
                self.refused[refused.reason] = self.refused.get(refused.reason, 0) + 1
        return stored
