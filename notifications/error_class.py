"""What sort of failure is it, and what follows? Twilio's answers and carriers' codes in seven classes, and each class's policy, as data.

Source: twilio.com/docs/api/errors (each code's page); the actions are the house's own.
"""

from enum import StrEnum

import msgspec

from notifications.notice import Lane


class ErrorClass(StrEnum):
    """Why a letter did not go, in terms of what to do next."""

    NOT_PROCESSED = "not_processed"
    """The carrier never looked at it (429, no connection): trying again cannot double it."""
    AMBIGUOUS = "ambiguous"
    """It may have been processed (5xx, deadline, reset): trying again may double it."""
    OUR_FAULT = "our_fault"
    """Account, sender or set-up is wrong: no fault of this person's phone. The operator must act."""
    CONGESTED = "congested"
    """This sender's queue is full or too slow: another sender can."""
    TEMPORARY = "temporary"
    """The phone is off or away, or the network hiccuped."""
    PERMANENT = "permanent"
    """This number cannot take texts (unknown, land line, STOP)."""
    BLOCKED = "blocked"
    """The words or the route were refused: other words or another route may pass."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a class means in a lane: `cap` attempts in all (None: as long as it is worth sending), seconds before each next one, and more.

    `crosses`: the other channel goes at once. `marks_number`: the number is known bad for texts. `alarm`: the operator hears this code.
    """

    cap: int | None
    delays_s: tuple[float, ...]
    crosses: bool = False
    marks_number: bool = False
    turns_sender: bool = False
    goes_plain: bool = False
    alarm: str | None = None

    def delay_s(self, attempts: int) -> float:
        """Return the seconds to wait after `attempts` attempts (1 or more); the last entry repeats."""
        return self.delays_s[min(attempts, len(self.delays_s)) - 1]


_E = ErrorClass
CODES: dict[int, ErrorClass] = {
    20429: _E.NOT_PROCESSED,
    20500: _E.AMBIGUOUS,
    20503: _E.AMBIGUOUS,
    20504: _E.AMBIGUOUS,
    20003: _E.OUR_FAULT,
    20005: _E.OUR_FAULT,
    20404: _E.OUR_FAULT,
    20422: _E.OUR_FAULT,
    21212: _E.OUR_FAULT,
    21606: _E.OUR_FAULT,
    21659: _E.OUR_FAULT,
    21660: _E.OUR_FAULT,
    21704: _E.OUR_FAULT,
    30002: _E.OUR_FAULT,
    21611: _E.CONGESTED,
    30001: _E.CONGESTED,
    30003: _E.TEMPORARY,
    30008: _E.TEMPORARY,
    30036: _E.TEMPORARY,
    21211: _E.PERMANENT,
    21217: _E.PERMANENT,
    21610: _E.PERMANENT,
    21614: _E.PERMANENT,
    30004: _E.PERMANENT,
    30005: _E.PERMANENT,
    30006: _E.PERMANENT,
    21215: _E.BLOCKED,
    21216: _E.BLOCKED,
    21408: _E.BLOCKED,
    21612: _E.BLOCKED,
    21617: _E.BLOCKED,
    30007: _E.BLOCKED,
    60220: _E.BLOCKED,
}
STOPPED = 21610
"""The person answered STOP: her phone works, only texts are blocked."""
KNOWN_STOPPED = "stopped"
"""The house's own code where STOP is known already, so that no carrier is asked."""
NO_CARRIER = "no_carrier"
"""The house's own code where no configured carrier reaches a number."""

_WORDS: dict[ErrorClass, str] = {
    _E.NOT_PROCESSED: "the carrier was busy or could not be reached; nothing left the house",
    _E.AMBIGUOUS: "nobody knows whether it left",
    _E.OUR_FAULT: "the carrier refuses this hub: check account, token, sender and balance",
    _E.CONGESTED: "the sender's queue is full",
    _E.TEMPORARY: "the phone is off or away, or the network was slow",
    _E.PERMANENT: "this number cannot take it",
    _E.BLOCKED: "the words or the route were refused: register the template",
}
_CODE_WORDS: dict[str, str] = {
    "21610": "this phone answered STOP: ask for START",
    KNOWN_STOPPED: "this phone answered STOP: ask for START",
    "21614": "this is no mobile number",
    "30005": "there is no such phone",
    "30006": "a land line, or a network that cannot be reached",
    "30036": "it did not arrive while it was of use",
    "no_number": "this recipient has no number",
    "no_texts": "this number takes no texts: a land line, or refused before",
    NO_CARRIER: "no carrier is set up that reaches this number",
    "no_sender": "no sender number is set up",
    "no_connection": "the carrier could not be reached; nothing left the house",
    "unreadable": "what answered does not speak the gateway's JSON: check its URL",
    "lease": "the worker that was sending it died; nobody knows whether it left",
    "voice_no_answer": "nobody picked up",
    "voice_voicemail": "a mailbox picked up",
    "voice_completed": "the call ended without the keys that take it",
    "voice_failed": "the call did not come about",
}


def in_words(error: str | None, code: str | None) -> str | None:
    """Return what a class of error with its code means, as `30003: the phone is off ...`; None where there was none."""
    words = _CODE_WORDS.get(code or "") or (_WORDS[ErrorClass(error)] if error in list(ErrorClass) else None)
    return ": ".join(part for part in (code or error, words) if part) or None


def classify(status: int | None, code: int | None) -> ErrorClass:
    """Return the class of an HTTP `status` with Twilio error `code`, or of a receipt's code (`status` None).

    A code we know wins over the status; an unknown failure of the network is temporary, an unknown 4xx our fault, anything else ambiguous.
    """
    if code in CODES:
        return CODES[code]
    if status is None:
        return ErrorClass.TEMPORARY
    if status == 429:
        return ErrorClass.NOT_PROCESSED
    return ErrorClass.OUR_FAULT if 400 <= status < 500 else ErrorClass.AMBIGUOUS


_URGENT: dict[ErrorClass, Policy] = {
    _E.NOT_PROCESSED: Policy(cap=14, delays_s=(0.3, 0.6, 1.2, 2.4, 5.0)),
    _E.AMBIGUOUS: Policy(cap=4, delays_s=(2.0,), crosses=True),
    _E.OUR_FAULT: Policy(cap=None, delays_s=(1.0, 15.0), crosses=True, turns_sender=True, alarm="carrier_refuses_us"),
    _E.CONGESTED: Policy(cap=4, delays_s=(0.0, 1.0, 2.0), crosses=True, turns_sender=True),
    _E.TEMPORARY: Policy(cap=2, delays_s=(5.0,), crosses=True),
    _E.PERMANENT: Policy(cap=1, delays_s=(0.0,), crosses=True, marks_number=True, alarm="number_unreachable"),
    _E.BLOCKED: Policy(cap=2, delays_s=(0.0,), crosses=True, turns_sender=True, goes_plain=True, alarm="text_blocked"),
}
_ORDINARY: dict[ErrorClass, Policy] = {
    _E.NOT_PROCESSED: Policy(cap=8, delays_s=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),
    _E.AMBIGUOUS: Policy(cap=1, delays_s=(0.0,)),
    _E.OUR_FAULT: Policy(cap=None, delays_s=(15.0, 60.0, 300.0), turns_sender=True, alarm="carrier_refuses_us"),
    _E.CONGESTED: Policy(cap=6, delays_s=(1.0, 5.0, 30.0, 60.0), turns_sender=True),
    _E.TEMPORARY: Policy(cap=2, delays_s=(60.0,)),
    _E.PERMANENT: Policy(cap=1, delays_s=(0.0,), marks_number=True),
    _E.BLOCKED: Policy(cap=2, delays_s=(0.0,), turns_sender=True, goes_plain=True, alarm="text_blocked"),
}


def policy(lane: Lane, error: ErrorClass) -> Policy:
    """Return what `error` means for a notice of `lane`."""
    return (_URGENT if lane.is_at_least_once else _ORDINARY)[error]
