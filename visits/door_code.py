"""Is this the right person at the right door? The door code: six digits in two halves.

Both pages show the first half: she says it, and the customer sees that the right person came. Only the customer's page shows the second
half: the customer answers with it, and typing it proves that she stood at the door. So the code convinces both and starts the service.
"""

from enum import StrEnum

DIGITS = 6
HALF = 3


class DoorVerdict(StrEnum):
    """What became of a typed code."""

    MATCHES = "matches"
    """It is the customer's half, or the whole code."""
    WRONG = "wrong"
    """It is not; it may be tried again."""
    LOCKED = "locked"
    """Too many wrong tries: a dispatcher has to confirm the door with a reason."""


def spoken_half(code: str) -> str:
    """Return the half that both pages show and the technician says."""
    return code[:HALF]


def answer_half(code: str) -> str:
    """Return the half that only the customer's page shows; typing it starts the service."""
    return code[HALF:]


def judge_door_code(code: str, typed: str, misses: int, tries: int) -> DoorVerdict:
    """Return what became of `typed` after `misses` wrong tries of `tries` allowed. Spaces and dashes are people's, not the code's."""
    if misses >= tries:
        return DoorVerdict.LOCKED
    digits = "".join(sign for sign in typed if sign.isdigit())
    return DoorVerdict.MATCHES if digits in (code, answer_half(code)) else DoorVerdict.WRONG
