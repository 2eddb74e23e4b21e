"""What does each page say? Facts in, sentences out, as keys of the Fluent files with their arguments; no language, no markup.

Called by `http_pages` for the words that the server renders; `pages/js/customer_words.js` says the same in the browser while the page
lives,
and a test holds the two together. A page is useful by these words alone: the map only adds to them.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec

from core.clock import from_ms
from core.ids import SiteId
from realtime.fare_sight import FareSight
from realtime.wire_values import Arrival, PositionFeature, VisitFace
from visits.door_code import answer_half, spoken_half
from visits.stage import Stage

FRESH_S = 30
"""A position up to this old is shown as where she is."""
STALE_S = 120
"""A position older than this is shown as where she was."""


class CustomerPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that a customer's page may know at one moment: the same facts as the socket's `snapshot`. Absent things are None."""

    site_id: SiteId
    visit: VisitFace
    position: PositionFeature | None = None
    arrival: Arrival | None = None
    fare: FareSight | None = None


class Chapter(StrEnum):
    """The visit as a customer tells it; several stages may be one chapter."""

    BOOKED = "booked"
    """Somebody will come."""
    ON_THE_WAY = "on_the_way"
    """She has set out."""
    AT_THE_DOOR = "at_the_door"
    """She is there; now the door code."""
    IN_SERVICE = "in_service"
    """She is inside and at work."""
    ENDED = "ended"
    """The service is over."""
    CANCELLED = "cancelled"
    """It was called off."""
    NO_SHOW = "no_show"
    """Nobody opened."""


class StepState(StrEnum):
    """Where a step of the progress line stands."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"


class Freshness(StrEnum):
    """How far a position can be believed. Always shown as a word and a shape, never by colour alone."""

    FRESH = "fresh"
    """It is where she is."""
    AGING = "aging"
    """It is where she was a moment ago."""
    STALE = "stale"
    """It is where she was last seen."""
    NONE = "none"
    """There is none."""


class Said(msgspec.Struct, frozen=True):
    """One sentence: the Fluent message's `key` and its arguments (texts and whole numbers)."""

    key: str
    args: Mapping[str, str | int] = MappingProxyType({})


class Step(msgspec.Struct, frozen=True):
    """One step of the progress line."""

    chapter: Chapter
    state: StepState


class CustomerWords(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's page in sentences: `title` the one thing she wants to know, `line` the next, `seen` the age of the position."""

    chapter: Chapter
    title: Said
    line: Said
    seen: Said
    freshness: Freshness
    steps: tuple[Step, ...]
    door: tuple[str, str] | None
    """(the half that the technician says, the half that the customer answers), while they matter."""


_CHAPTERS = MappingProxyType(
    {
        Stage.CREATED: Chapter.BOOKED,
        Stage.ASSIGNED: Chapter.BOOKED,
        Stage.DEPARTED: Chapter.ON_THE_WAY,
        Stage.ARRIVED: Chapter.AT_THE_DOOR,
        Stage.IN_SERVICE: Chapter.IN_SERVICE,
        Stage.ENDED: Chapter.ENDED,
        Stage.LEFT: Chapter.ENDED,
        Stage.CANCELLED: Chapter.CANCELLED,
        Stage.NO_SHOW: Chapter.NO_SHOW,
        # Outside, breaking off for safety reads as an ordinary end.
        Stage.ABORTED_UNSAFE: Chapter.ENDED,
    }
)
_LINE = (Chapter.BOOKED, Chapter.ON_THE_WAY, Chapter.AT_THE_DOOR, Chapter.IN_SERVICE, Chapter.ENDED)
_DOOR = frozenset({Chapter.BOOKED, Chapter.ON_THE_WAY, Chapter.AT_THE_DOOR})


def chapter_of(stage: str) -> Chapter:
    """Return the chapter of a stage's name."""
    return _CHAPTERS[Stage(stage)]


def customer_words(page: CustomerPage, now_ms: int) -> CustomerWords:
    """Return everything that the customer's page says at `now_ms`, milliseconds since 1970."""
    chapter = chapter_of(page.visit.stage)
    on_the_way = chapter is Chapter.ON_THE_WAY
    return CustomerWords(
        chapter=chapter,
        title=_title(page, chapter, now_ms),
        line=_line(page, chapter, now_ms),
        seen=seen(page.position, now_ms) if on_the_way else Said("seen-nothing"),
        freshness=freshness(page.position, now_ms) if on_the_way else Freshness.NONE,
        steps=steps(chapter),
        door=door_halves(page.visit.door_code) if chapter in _DOOR else None,
    )


def steps(chapter: Chapter) -> tuple[Step, ...]:
    """Return the progress line; empty for a visit that did not take place."""
    if chapter not in _LINE:
        return ()
    here = _LINE.index(chapter)
    states = [StepState.DONE] * here + [StepState.NOW] + [StepState.NEXT] * (len(_LINE) - here - 1)
    return tuple(Step(each, state) for each, state in zip(_LINE, states, strict=True))


def freshness(position: PositionFeature | None, now_ms: int) -> Freshness:
    """Return how far `position` can be believed at `now_ms`."""
    if position is None:
        return Freshness.NONE
    age_s = (now_ms - position.properties.at_ms) / 1000
    if age_s <= FRESH_S:
        return Freshness.FRESH
    return Freshness.AGING if age_s <= STALE_S else Freshness.STALE


def seen(position: PositionFeature | None, now_ms: int) -> Said:
    """Return the sentence about the position's age; a clock that runs behind makes no negative age."""
    if position is None:
        return Said("seen-none")
    age_s = max(0, (now_ms - position.properties.at_ms) // 1000)
    if age_s < 90:
        return Said("seen-s", {"n": age_s})
    return Said("seen-min", {"n": age_s // 60}) if age_s < 5400 else Said("seen-h", {"n": age_s // 3600})


def door_halves(code: str | None) -> tuple[str, str] | None:
    """Return both halves of the door code, None without one."""
    return None if not code else (spoken_half(code), answer_half(code))


def clock_text(at_ms: int, visit: VisitFace) -> str:
    """Return the time of day at the visit's site, such as 14:32."""
    return from_ms(at_ms).astimezone(ZoneInfo(visit.time_zone)).strftime("%H:%M")


def minutes_until(arrival: Arrival, now_ms: int) -> int:
    """Return the whole minutes until the middle of the arrival window, at least 1."""
    middle_ms = (arrival.earliest_ms + arrival.latest_ms) / 2
    return max(1, round((middle_ms - now_ms) / 60_000))


def _title(page: CustomerPage, chapter: Chapter, now_ms: int) -> Said:
    visit, arrival = page.visit, page.arrival
    if chapter is Chapter.ON_THE_WAY and arrival is not None:
        if now_ms > arrival.latest_ms:
            return Said("title-expected", {"time": clock_text(arrival.latest_ms, visit)})
        start, end = clock_text(arrival.earliest_ms, visit), clock_text(arrival.latest_ms, visit)
        return Said("title-arrives-at", {"time": start}) if start == end else Said("title-arrives", {"from": start, "to": end})
    if chapter is Chapter.BOOKED and visit.window_start_ms is not None and visit.window_end_ms is not None:
        return Said("title-window", {"from": clock_text(visit.window_start_ms, visit), "to": clock_text(visit.window_end_ms, visit)})
    return Said(f"title-{chapter.value}", _name(visit))


def _line(page: CustomerPage, chapter: Chapter, now_ms: int) -> Said:
    visit = page.visit
    if chapter is Chapter.BOOKED and visit.technician_name is None:
        return Said("line-booked-nobody")
    if chapter is Chapter.ON_THE_WAY and page.arrival is not None and now_ms <= page.arrival.latest_ms:
        return Said("line-on_the_way-in", {**_name(visit), "n": minutes_until(page.arrival, now_ms)})
    if chapter is Chapter.IN_SERVICE and visit.started_at_ms is not None and visit.planned_min is not None:
        until_ms = visit.started_at_ms + visit.planned_min * 60_000
        times: dict[str, str | int] = {"from": clock_text(visit.started_at_ms, visit), "to": clock_text(until_ms, visit)}
        return Said("line-in_service-until", {**_name(visit), **times})
    return Said(f"line-{chapter.value}", _name(visit))


def _name(visit: VisitFace) -> dict[str, str | int]:
    return {"name": visit.technician_name or ""}
