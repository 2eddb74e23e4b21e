"""Which part of the hub does this process run? A worker serves people; the recorder does what can wait; alone, one process does both.

All are wired alike, so each knows the same parts; they differ in the flows that the supervisor starts. Why: decisions 19, 22 and 25.
"""

from enum import StrEnum

import msgspec

RECORDING = frozenset({"recorders", "arrival_texts", "tidy", "notices_p2", "notices_p3", "notices_looks"})
"""Flows of the recorder alone: what reads the stream, what its journeys feed, what forgets old fixes, and letters that are not urgent:
thousands of them must not share a loop, and an interpreter's lock, with a press."""
SHARED = frozenset({"recorders", "arrival_texts"})
"""Of these what each of several recorders does for its share of the shards; the rest is the first one's."""
BESIDE = frozenset({"redis_fanout", "gauges"})
"""Flows that the recorder needs beside them: to hear that a visit changed, and to be counted."""


class Part(StrEnum):
    """What a process is there for."""

    WHOLE = "whole"
    """Everything: a hub without a parent, as tests and tools open it."""
    WORKER = "worker"
    """Sockets and requests."""
    RECORDER = "recorder"
    """Fixes from the stream into SQL, with their journeys; arrival texts and other letters that can wait."""
    FURTHER_RECORDER = "further_recorder"
    """Fixes of other shards beside the first recorder, with their journeys and arrival texts."""

    def runs(self, flow: str) -> bool:
        """Tell whether the flow of this name belongs here."""
        if self is Part.RECORDER:
            return flow in RECORDING or flow in BESIDE
        if self is Part.FURTHER_RECORDER:
            return flow in SHARED or flow in BESIDE
        return self is Part.WHOLE or flow not in RECORDING


class Share(msgspec.Struct, frozen=True):
    """Which shards a recorder records: it is number `number`, from 0, `of` so many of its parent. By default it records all.

    The recorders of one parent cover every shard once, so machines with different numbers of them still stand by for each other.
    """

    number: int = 0
    of: int = 1

    def has(self, shard: int) -> bool:
        """Tell whether `shard`, from 0, is one of its own."""
        return shard % self.of == self.number

    @property
    def part(self) -> Part:
        """Return what its process does besides."""
        return Part.RECORDER if self.number == 0 else Part.FURTHER_RECORDER


EVERYTHING = Share()
