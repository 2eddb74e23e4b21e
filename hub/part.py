"""Which part of the hub does this process run? A worker serves people; the recorder does what can wait; alone, one process does both.

All are wired alike, so each knows the same parts; they differ in the flows that the supervisor starts. Why: decisions 19 and 21.
"""

from enum import StrEnum

RECORDING = frozenset({"recorders", "arrival_texts", "tidy", "notices_p2", "notices_p3", "notices_looks"})
"""Flows of the recorder alone: what reads the stream, what its journeys feed, what forgets old fixes, and letters that are not urgent:
thousands of them must not share a loop, and an interpreter's lock, with a press."""
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

    def runs(self, flow: str) -> bool:
        """Tell whether the flow of this name belongs here."""
        if self is Part.RECORDER:
            return flow in RECORDING or flow in BESIDE
        return self is Part.WHOLE or flow not in RECORDING
