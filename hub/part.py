"""Which part of the hub does this process run? A worker serves people; the recorder writes the ledger; alone, one process does both.

All are wired alike, so each knows the same parts; they differ in the flows that the supervisor starts. Why: decision 19.
"""

from enum import StrEnum

RECORDING = frozenset({"recorders", "arrival_texts", "tidy"})
"""Flows of the recorder alone: what reads the stream, what its journeys feed, and what forgets old fixes: one process writes the ledger."""
BESIDE = frozenset({"redis_fanout", "gauges"})
"""Flows that the recorder needs beside them: to hear that a visit changed, and to be counted."""


class Part(StrEnum):
    """What a process is there for."""

    WHOLE = "whole"
    """Everything: a hub without a parent, as tests and tools open it."""
    WORKER = "worker"
    """Sockets and requests."""
    RECORDER = "recorder"
    """Fixes from the stream into SQL, with their journeys."""

    def runs(self, flow: str) -> bool:
        """Tell whether the flow of this name belongs here."""
        if self is Part.RECORDER:
            return flow in RECORDING or flow in BESIDE
        return self is Part.WHOLE or flow not in RECORDING
