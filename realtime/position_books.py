"""What became of every position shown to a watcher? Counts that must add up: live = pushed + coalesced, but for those that wait now.

Plain numbers, because they move with every fix of every watcher; the hub puts them into metrics once a second.
"""

from dataclasses import dataclass


@dataclass
class PositionBooks:
    """`live`: put before a customer; `pushed`: written to her; `coalesced`: never written, because a newer one or a snapshot took over."""

    live: int = 0
    pushed: int = 0
    coalesced: int = 0

    def taken(self) -> dict[str, int]:
        """Return the counts by name and begin again at zero."""
        counts = {"live": self.live, "pushed": self.pushed, "coalesced": self.coalesced}
        self.live = self.pushed = self.coalesced = 0
        return counts
