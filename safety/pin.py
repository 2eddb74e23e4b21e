"""Which PINs may she choose, and what did she enter? The true PIN cancels; the duress PIN looks as if it did.

Both are set in one request, so that nobody can learn from a refusal that a duress PIN exists, and must differ so much that a slip of one
finger never turns one into the other. Source: reference on safety alerts, rule 6 of 2.2 (lost alarms where duress = PIN + 1).
"""

from enum import StrEnum
from itertools import pairwise

from core.errors import BadInput

MIN_DIGITS, MAX_DIGITS = 4, 8
MIN_DIFFERENT_PLACES = 3
WRONG_PINS_ALARMING = 3


class PairFault(StrEnum):
    """Why a pair of PINs is refused: a page says it in her language."""

    DIGITS = "digits"
    """Not 4 to 8 digits."""
    GUESSABLE = "guessable"
    """One that people guess first."""
    LENGTHS = "lengths"
    """Of different lengths."""
    NEAR = "near"
    """So alike that a slip turns one into the other, or one follows from the other."""


class PinsRefused(BadInput):
    """This pair of PINs would endanger her. `fault` says why: choose two that have nothing in common."""

    code = "pins_refused"


class PresentPinNeeded(BadInput):
    """PINs are set already: send the one in force as `present_pin`. Whoever has forgotten it asks the operator to drop it."""

    code = "present_pin_needed"


class PinVerdict(StrEnum):
    """What an entered PIN was. Leaves the server only as accepted or refused."""

    TRUE = "true"
    DURESS = "duress"
    WRONG = "wrong"


def check_pair(true_pin: str, duress_pin: str) -> None:
    """Raise `PinsRefused` unless both are 4 to 8 digits of one length, not trivial, far apart, and neither is the other turned round."""
    for name, pin in (("pin", true_pin), ("duress_pin", duress_pin)):
        _check_one(name, pin)
    if len(true_pin) != len(duress_pin):
        raise PinsRefused("Both PINs need the same number of digits: a different length would tell them apart.", fault=PairFault.LENGTHS)
    different = sum(a != b for a, b in zip(true_pin, duress_pin, strict=True))
    if different < MIN_DIFFERENT_PLACES:
        told = f"The PINs differ in {different} places; {MIN_DIFFERENT_PLACES} are needed, so that a slip never swaps them."
        raise PinsRefused(told, fault=PairFault.NEAR)
    if true_pin == duress_pin[::-1] or abs(int(true_pin) - int(duress_pin)) <= 10:
        told = "One PIN follows from the other (turned round, or a few numbers on). Choose two that have nothing in common."
        raise PinsRefused(told, fault=PairFault.NEAR)


def _check_one(name: str, pin: str) -> None:
    if not (pin.isascii() and pin.isdigit() and MIN_DIGITS <= len(pin) <= MAX_DIGITS):
        raise PinsRefused(f"{name} must be {MIN_DIGITS} to {MAX_DIGITS} digits.", fault=PairFault.DIGITS)
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if steps in ({0}, {1}, {9}):
        told = f"{name} is one that people guess first (one digit repeated, or digits in a row). Choose another."
        raise PinsRefused(told, fault=PairFault.GUESSABLE)


def verdict(*, is_true: bool, is_duress: bool) -> PinVerdict:
    """Return what was entered; both comparisons have always been made before this is asked."""
    if is_duress:
        return PinVerdict.DURESS
    return PinVerdict.TRUE if is_true else PinVerdict.WRONG
