"""How wrong is this phone's clock? Estimated from `sent_at_ms`, applied to the times of its fixes.

A frame says when it was sent by the phone's clock; the hub knows when it came. The difference is the clock's error plus the way through the
network, which is never negative: so the smallest of recent differences is the best. Below five seconds the network could be all of it and
nothing is corrected. Many phones take the fix's time from the satellites, not from their own clock: such times are right and stay.
"""

import msgspec

REMEMBERED = 8
"""Differences kept: enough to have met one quick frame, few enough to follow a clock that is set right."""
CORRECT_FROM_MS = 5_000
CLOCK_SET_MS = 120_000
"""No frame is two minutes on its way on a line that is cut after one: a difference that grew by more means that the clock was set."""
LIVE_MS = 60_000
"""The newest fix of a live frame was taken within this time before sending."""


class Skew(msgspec.Struct, frozen=True):
    """What is known of one device's clock. `samples_ms`: hub minus phone, recent frames; `fix_clock_right`: fix times are right as sent.

    `offset_ms`: what to add to the phone's clock to get the hub's, by `samples_ms`; 0 while nothing certain is known.
    """

    samples_ms: tuple[int, ...] = ()
    fix_clock_right: bool = False
    offset_ms: int = 0


def observed(skew: Skew, sent_at_ms: int, received_ms: int, newest_fix_ms: int | None) -> Skew:
    """Return `skew` after a frame.

    Args:
        skew: what was known before.
        sent_at_ms: the phone's clock when it sent the frame.
        received_ms: the hub's clock when the frame came.
        newest_fix_ms: time of the newest fix in it as sent, None for a frame without fixes.
    """
    sample_ms = received_ms - sent_at_ms
    was_set = bool(skew.samples_ms) and sample_ms - min(skew.samples_ms) > CLOCK_SET_MS
    earlier = () if was_set else skew.samples_ms[-(REMEMBERED - 1) :]
    samples_ms = (*earlier, sample_ms)
    offset_ms = _offset_ms(samples_ms)
    after = Skew(samples_ms, skew.fix_clock_right, offset_ms)
    if newest_fix_ms is None or after.offset_ms == 0:
        return after
    if 0 <= sent_at_ms - newest_fix_ms <= LIVE_MS:
        return Skew(samples_ms, False, offset_ms)
    if abs(received_ms - newest_fix_ms) <= LIVE_MS:
        return Skew(samples_ms, True, offset_ms)
    return after


def _offset_ms(samples_ms: tuple[int, ...]) -> int:
    smallest = min(samples_ms)
    return smallest if abs(smallest) >= CORRECT_FROM_MS else 0


def corrected_ms(skew: Skew, fix_ms: int) -> int:
    """Return the time of a fix by the hub's clock."""
    return fix_ms if skew.fix_clock_right or not skew.offset_ms else fix_ms + skew.offset_ms
