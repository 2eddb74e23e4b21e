"""`porchlight fare meter`: how far was this recorded journey, and how certain is that? Needs no running hub.

The same settlement that bills a visit runs over a GPX, JSONL or GeoJSON file. Lines in any order, with any duplicates, give the same
digest. Registered as a command by `hub/cli_fare.py`.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from core.errors import HubError
from tracking.fares.meter_fix import MeterFix, meter_fix
from tracking.fares.metered import Gap, Grade, Metered, SliceKind
from tracking.fares.settlement import settle_distance
from tracking.recording import OnBad, Recording, read_recording
from tracking.recording_point import BadRecording

_UNSET_CLOCK_MS = 946_684_800_000
"""2000-01-01: no phone with a set clock recorded anything before; a fix of 1970 is a receiver without time."""

err = Console(stderr=True, highlight=False)


class GapLine(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch without usable fixes: RFC 3339 times, seconds, metres; `fill` is chord, route or cut."""

    start: str
    end: str
    seconds: float
    chord_m: float
    filled_m: float
    fill: str


class MeterLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is printed of one file. `seconds`: moving, slow, waiting and gap, which do not overlap and add up to the duration."""

    file: str
    metres: float
    low_m: float
    high_m: float
    grade: str
    seconds: dict[str, float]
    gaps: tuple[GapLine, ...]
    digest: str


def meter(
    files: Annotated[list[Path], typer.Argument(help="Recordings: .gpx, .jsonl or .geojson.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a file.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out lines that cannot be read instead of refusing the file.")] = False,
) -> None:
    """Meter recorded journeys: metres with low and high, a grade, the time moving, slow and waiting, and what no fix covers.

    Grade A is certain within 3 %, B within 6 %; C is worse, and a visit would be billed by its quote. This is not a legally controlled
    taximeter.
    """
    lines, failed = [], False
    for file in files:
        try:
            line = meter_file(file, OnBad.SKIP if skip_bad else OnBad.REFUSE)
        except HubError as error:
            err.print(f"[red]{error.code}[/red]: {error.detail}", soft_wrap=True)
            failed = True
            continue
        lines.append(line)
        if as_json:
            typer.echo(msgspec.json.encode(line).decode())
    if lines and not as_json:
        Console(highlight=False).print(_table(lines))
    if failed:
        raise typer.Exit(1)


def meter_file(file: Path, on_bad: OnBad) -> MeterLine:
    """Return the metered line of one file. Raises `BadRecording` for a file that cannot be read, with the cure."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise BadRecording(f"{file}: {bad}. Give a readable text file in UTF-8.") from bad
    recording = read_recording(file.name, text, on_bad=on_bad)
    fixes = _plain(recording)
    for words in (*recording.skipped[:5], *_left_out_words(recording, fixes)):
        err.print(f"[yellow]{file.name}[/yellow]: {words}", soft_wrap=True)
    metered = settle_distance(fixes)
    return _line(str(file), metered, _seconds(metered)) if recording.is_timed else _untimed(str(file), metered)


def _plain(recording: Recording) -> list[MeterFix]:
    """Return the fixes in fixed point; those of an unset clock are left out."""
    return [
        meter_fix(fix.at_ms, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps)
        for fix in recording.fixes if fix.at_ms >= _UNSET_CLOCK_MS or not recording.is_timed
    ]


def _left_out_words(recording: Recording, fixes: list[MeterFix]) -> list[str]:
    """Say what was left out or made up."""
    words = [] if recording.fixes else ["holds no fix: nothing was metered."]
    if len(fixes) < len(recording.fixes):
        count = len(recording.fixes) - len(fixes)
        words.append(f"left out {count} fix{'es' if count > 1 else ''} with a time before 2000, from a clock that was not set.")
    if recording.fixes and not recording.is_timed:
        words.append("no point has a time: only its length is measured, grade C.")
    return words


def _seconds(metered: Metered) -> dict[str, float]:
    """Return the duration by state."""
    gap_ms = sum(part.end_ms - part.start_ms for part in metered.slices if part.kind is SliceKind.GAP)
    by_state = {
        "moving": metered.moving_ms - metered.slow_ms, "slow": metered.slow_ms, "waiting": metered.waiting_ms, "gap": gap_ms,
    }
    return {state: ms / 1000 for state, ms in by_state.items()}


def _line(file: str, metered: Metered, seconds: dict[str, float]) -> MeterLine:
    """Return what is printed."""
    return MeterLine(
        file=file, metres=metered.distance_mm / 1000, low_m=metered.low_mm / 1000, high_m=metered.high_mm / 1000,
        grade=metered.grade.value, seconds=seconds, gaps=tuple(_gap_line(gap) for gap in metered.gaps), digest=metered.digest,
    )


def _untimed(file: str, metered: Metered) -> MeterLine:
    """Return what is printed of a track without times: a length, no seconds, never better than C."""
    nothing = dict.fromkeys(_seconds(metered), 0.0)
    return _line(file, msgspec.structs.replace(metered, grade=Grade.C, gaps=()), nothing)


def _gap_line(gap: Gap) -> GapLine:
    """Return a gap in seconds and metres."""
    return GapLine(
        start=_moment(gap.start_ms), end=_moment(gap.end_ms), seconds=(gap.end_ms - gap.start_ms) / 1000,
        chord_m=gap.chord_mm / 1000, filled_m=gap.filled_mm / 1000, fill=gap.fill.value,
    )


def _moment(at_ms: int) -> str:
    """Return a time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _table(lines: list[MeterLine]) -> Table:
    """Return the readable table."""
    table = Table(title="Metered journeys (not a legally controlled taximeter)", box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("file", overflow="ellipsis", no_wrap=True, max_width=19)
    for heading, width in (("metres", 6), ("low", 6), ("high", 6), ("grade", 5), ("moving", 7), ("slow", 7), ("waiting", 8), ("gap", 7)):
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
    for line in lines:
        clock = [_clock(line.seconds[state]) for state in ("moving", "slow", "waiting", "gap")]
        table.add_row(Path(line.file).name, f"{line.metres:.0f}", f"{line.low_m:.0f}", f"{line.high_m:.0f}", line.grade, *clock)
    return table


def _clock(seconds: float) -> str:
    """Return a duration as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
