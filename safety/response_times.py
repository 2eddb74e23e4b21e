"""How fast does the desk answer? From the moment an alarm was due to people until one of them claimed it, a table a month.

A tap counts from its commit, and one that SQL took late from when the hub heard it, whatever it joined then: she waited all that time. A
detector's question counts from the moment at which it became an alarm: until then only she was asked.
Source of the targets: BS 8484:2016, 80 % within 10 s and 98.5 % within 40 s; 120 s a tier is common practice.
"""

from collections.abc import Sequence
from datetime import datetime
from statistics import median, quantiles
from zoneinfo import ZoneInfo

import msgspec

from safety.evidence import Event, EventKind
from safety.incident import Incident

TARGETS_S = (10, 40, 120)
WANTED_PCT = {10: 80.0, 40: 98.5}
"""Within so many seconds, of how many of all alarms at least."""
_QUESTIONS = frozenset({"detector", "missed_check_in", "wrong_pins"})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm. `answered_s`: seconds until somebody claimed it, None where nobody did."""

    incident_id: str
    code: str
    alarmed_at: datetime
    answered_s: float | None


class Within(msgspec.Struct, frozen=True, kw_only=True):
    """How many were answered within `seconds`. `wanted_pct` and `is_met` are None where no standard says how many should be."""

    seconds: int
    count: int
    pct: float
    wanted_pct: float | None
    is_met: bool | None


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """One month at a site, drills left out. `month`: YYYY-MM by the site's clock; `never`: alarms that nobody ever claimed."""

    month: str
    alarms: int
    never: int
    within: Sequence[Within]
    median_s: float | None
    p90_s: float | None
    worst_s: float | None


def alarmed_at(incident: Incident, events: Sequence[Event]) -> datetime:
    """Return when the incident became an alarm: when it was raised, when a question went unanswered or was answered with a cry, or when the
    hub heard a press of hers that came into SQL after that.
    """
    heard = [datetime.fromisoformat(event.data["heard_at"]) for event in events if _is_press(event) and event.data.get("heard_at")]
    return min([_became_alarm(incident, events), *heard])


def _became_alarm(incident: Incident, events: Sequence[Event]) -> datetime:
    if not events or events[0].data.get("kind") not in _QUESTIONS:
        return incident.raised_at
    for event in events:
        if event.kind in (EventKind.TOLD, EventKind.CLAIMED):
            break
        if _is_cry(event):
            return event.at
    return incident.raised_at


def _is_cry(event: Event) -> bool:
    """Tell whether a question becomes an alarm here: a press, no answer, an answer that asks for help, or one under duress."""
    if event.kind is EventKind.PRESSED_AGAIN:
        return _is_press(event)
    if event.kind is EventKind.PIN_ACCEPTED:
        return event.data.get("kind") == "duress"
    return event.kind is EventKind.ANSWERED and event.data.get("answer") != "ok"


def _is_press(event: Event) -> bool:
    return event.kind in (EventKind.RAISED, EventKind.PRESSED_AGAIN) and event.data.get("kind") == "tap"


def answer_of(incident: Incident, events: Sequence[Event]) -> Answer:
    """Return how fast an incident was answered, from its log in order."""
    since = alarmed_at(incident, events)
    claimed = next((event.at for event in events if event.kind is EventKind.CLAIMED), None)
    answered_s = None if claimed is None else max(0.0, round((claimed - since).total_seconds(), 3))
    return Answer(incident_id=incident.id, code=incident.code, alarmed_at=since, answered_s=answered_s)


def months(answers: Sequence[Answer], zone: str) -> tuple[Month, ...]:
    """Return a row for each month in which anything was alarmed, newest first."""
    by_month: dict[str, list[Answer]] = {}
    for answer in answers:
        by_month.setdefault(f"{answer.alarmed_at.astimezone(ZoneInfo(zone)):%Y-%m}", []).append(answer)
    return tuple(_month(month, found) for month, found in sorted(by_month.items(), reverse=True))


def _month(month: str, found: Sequence[Answer]) -> Month:
    times = sorted(answer.answered_s for answer in found if answer.answered_s is not None)
    return Month(
        month=month, alarms=len(found), never=len(found) - len(times),
        within=[_within(seconds, sum(time <= seconds for time in times), len(found)) for seconds in TARGETS_S],
        median_s=round(median(times), 1) if times else None,
        p90_s=round(quantiles(times, n=10, method="inclusive")[-1], 1) if len(times) > 1 else (round(times[0], 1) if times else None),
        worst_s=round(times[-1], 1) if times else None,
    )  # fmt: skip


def _within(seconds: int, count: int, alarms: int) -> Within:
    pct, wanted = round(100 * count / alarms, 1), WANTED_PCT.get(seconds)
    return Within(seconds=seconds, count=count, pct=pct, wanted_pct=wanted, is_met=None if wanted is None else pct >= wanted)
