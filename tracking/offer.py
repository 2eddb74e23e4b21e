"""One frame's fixes on their way through the hub: checked at once, judged and written with the batch, answered once."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tracking.fix import Fix, Outcome, OutcomeError, RawFix, Reason, Sender
from tracking.fix_check import refusal, well_formed
from tracking.skew import Skew, corrected_ms
from tracking.standing import Standing

LIVE_MS = 60_000
"""An offer whose newest fix is older than this is a backlog, and lets live ones pass."""


class Writer(Protocol):
    """Writes the offers of one site shard."""

    def put(self, offer: "Offer", standing: Standing) -> None:
        """Queue `offer` for the next batch."""
        ...


class Offer(msgspec.Struct):
    """`fixes`: well-formed ones still to be stored, oldest first; `refused`: those answered already; `number` orders offers and reads;
    `writer`: that of the sender's shard.
    """

    sender: Sender
    fixes: list[Fix]
    refused: list[tuple[int, Reason]]
    batch_id: str | None
    on_done: Callable[[Outcome], None]
    number: int
    received_ms: int
    writer: Writer


Answer = tuple[Offer, Outcome]
"""An offer and what became of it."""


def is_backlog(offer: Offer) -> bool:
    """Tell whether all its fixes are old."""
    return bool(offer.fixes) and offer.received_ms - offer.fixes[-1].at_ms > LIVE_MS


def checked(sender: Sender, raw_fixes: Sequence[RawFix], skew: Skew, now_ms: int) -> tuple[list[Fix], list[tuple[int, Reason]]]:
    """Return the well-formed fixes, oldest first, and the refusals of the others. One bad fix costs only itself."""
    fixes: list[Fix] = []
    refused: list[tuple[int, Reason]] = []
    for raw in raw_fixes:
        at_ms = corrected_ms(skew, raw.at_ms)
        if (reason := refusal(raw, at_ms, now_ms)) is None:
            fixes.append(well_formed(sender, raw, at_ms, now_ms))
        else:
            refused.append((raw.seq, reason))
    if len(fixes) > 1:
        fixes.sort(key=_at_ms)
    return fixes, refused


def _at_ms(fix: Fix) -> int:
    return fix.at_ms


def outcome(offer: Offer, error: OutcomeError | None = None) -> Outcome:
    """Return the answer to `offer`: durable as it stands, or failed as a whole."""
    if error is not None:
        return Outcome([], [], error, offer.batch_id)
    fixes = offer.fixes
    stored = [fixes[0].seq] if len(fixes) == 1 else [fix.seq for fix in fixes]
    return Outcome(stored, offer.refused, None, offer.batch_id)
