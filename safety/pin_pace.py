"""How fast may PINs be tried on one phone? One after another, and after many wrong ones ever more slowly; every try alike, right or wrong.

Nobody is locked out: the pause ends in six seconds and comes after the deed, so that a duress PIN raises its alarm as fast as ever. Only
wrong PINs of the last hour count, and time alone forgives them: a pause that a right PIN, the desk or an incident could end would tell of
it. Why: decision 23.
"""

from datetime import datetime, timedelta

import msgspec

ANSWER_AFTER_S = 0.8
"""The answer leaves this long after the PIN's turn came, or at a later multiple: far above two hashes and a commit (about 0.2 s)."""
FREE_WRONG = 5
"""So many wrong ones in an hour slow nothing down: fingers slip."""
LONGEST_S = 6.4
"""Half of what apps wait for an answer, because a try may wait for the one before it."""
FORGOTTEN_AFTER = timedelta(hours=1)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of her tries: `wrong` ones `since` the first that counts, and when the try under way makes room (`free_at`)."""

    wrong: int = 0
    since: datetime | None = None
    free_at: datetime | None = None


def wait_s(pace: Pace, now: datetime) -> float:
    """Return how many seconds the try under way still keeps the next one waiting, 0 when none does."""
    left_s = 0.0 if pace.free_at is None else (pace.free_at - now).total_seconds()
    # Longer than any pause: a clock was set back meanwhile, or one of two machines is wrong.
    return left_s if 0 < left_s <= LONGEST_S else 0.0


def answer_after_s(pace: Pace, now: datetime) -> float:
    """Return how many seconds after its beginning a try is answered: twice as many for each wrong one beyond the free ones."""
    beyond = max(_counting(pace, now).wrong - FREE_WRONG + 1, 0)
    return min(ANSWER_AFTER_S * float(2 ** min(beyond, 9)), LONGEST_S)


def begun(pace: Pace, now: datetime) -> Pace:
    """Return the pace while a try that begins now is under way."""
    return msgspec.structs.replace(pace, free_at=now + timedelta(seconds=answer_after_s(pace, now)))


def counted(pace: Pace, now: datetime) -> Pace:
    """Return the pace after one more wrong PIN."""
    before = _counting(pace, now)
    return msgspec.structs.replace(before, wrong=before.wrong + 1, since=before.since or now)


def _counting(pace: Pace, now: datetime) -> Pace:
    if pace.since is not None and now - pace.since < FORGOTTEN_AFTER:
        return pace
    return msgspec.structs.replace(pace, wrong=0, since=None)
