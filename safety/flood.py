"""When is a further press only counted? A stolen token or a jammed button may press a thousand times; the desk hears of it once.

The first press is never limited, and neither is one that follows anything else: a PIN, an act of the desk, ten quiet seconds. What is only
counted is a press like the one before it, of which the log has plenty; the phone gets its receipt all the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from safety.evidence import Event, EventKind
from safety.sos_tap import SosTap

FLOOD_OF = 20
"""Presses of one incident after which the card says that somebody or something keeps pressing."""
LOGGED_EVERY = timedelta(seconds=10)
"""In a flood one press in so long is written out: the newest place that a press brought is never older."""


def is_only_counted(presses: int, newest: Event, now: datetime) -> bool:
    """Tell whether a press that follows `presses` others, and `newest` in the log, is counted without an event of its own."""
    return presses >= FLOOD_OF and newest.kind is EventKind.PRESSED_AGAIN and now - newest.at < LOGGED_EVERY


def is_kept_by_others(kept: Sequence[SosTap], tap: SosTap) -> bool:
    """Tell whether so many presses like `tap` are kept that it needs no room of its own: they open the incident that it would join.

    Like it: of the same person, as seriously meant, from a phone as much in force. The newest of them is never ten seconds older.
    """
    alike = [each for each in kept if _likeness(each) == _likeness(tap)]
    if len(alike) < FLOOD_OF or tap.heard_at is None:
        return False
    return any(each.heard_at is not None and tap.heard_at - each.heard_at < LOGGED_EVERY for each in alike)


def _likeness(tap: SosTap) -> tuple[str, bool, bool]:
    return tap.who, tap.is_drill, tap.device_is_revoked
