"""What may go wrong at Twilio: the faults that a test asks for, one a request, and how callbacks misbehave."""

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """How a create request is answered."""

    ACCEPT = "accept"
    """As usual."""
    REFUSE = "refuse"
    """With an error code, nothing sent."""
    ERROR_BEFORE = "error_before"
    """500, and nothing was sent."""
    ERROR_AFTER = "error_after"
    """500, although it was sent: the worst of all."""
    HANG_BEFORE = "hang_before"
    """No answer, nothing sent."""
    HANG_AFTER = "hang_after"
    """No answer, although it was sent."""
    RESET = "reset"
    """The connection breaks, although it was sent."""
    SLOW = "slow"
    """As usual, after `seconds`."""
    IN_PIECES = "in_pieces"
    """As usual, the answer's bytes in two pieces, `seconds` apart."""


@dataclass(frozen=True)
class Fault:
    """One answer. `status` and `code` for a refusal."""

    how: How
    status: int = 400
    code: int = 0
    seconds: float = 0.0


RATE_LIMITED = Fault(How.REFUSE, 429, 20429)
ERROR_BEFORE = Fault(How.ERROR_BEFORE)
ERROR_AFTER = Fault(How.ERROR_AFTER)
HANG_BEFORE = Fault(How.HANG_BEFORE)
HANG_AFTER = Fault(How.HANG_AFTER)
RESET = Fault(How.RESET)
WRONG_TOKEN = Fault(How.REFUSE, 401, 20003)


def refuse(code: int, status: int = 400) -> Fault:
    """Return a refusal with a Twilio error code."""
    return Fault(How.REFUSE, status, code)


def slow(seconds: float) -> Fault:
    """Return a late acceptance."""
    return Fault(How.SLOW, seconds=seconds)


def in_pieces(seconds: float = 0.05) -> Fault:
    """Return an acceptance whose answer arrives in pieces."""
    return Fault(How.IN_PIECES, seconds=seconds)


class Callbacks(StrEnum):
    """How status callbacks arrive."""

    NORMAL = "normal"
    """Each once, in order."""
    TWICE = "twice"
    """Each two times."""
    BACKWARDS = "backwards"
    """The last one first."""
    MISSING = "missing"
    """Not at all."""
