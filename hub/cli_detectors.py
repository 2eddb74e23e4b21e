"""`porchlight detectors`: what each may do and how often it was right, every hit, and what would have fired on a recording."""

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.caller import Caller
from core.clock import SystemClock, from_ms
from core.errors import BadInput
from core.geo import LatLon
from hub.cli_desk import run_desk, site_of
from hub.cli_tell import AsJson, err, tell_all
from hub.local_people import Local
from hub.wire_safety import site_rules
from safety.check_in import Watch
from safety.detectors.detection import UsedFix, Watching
from safety.detectors.rehearsal import Rehearsal, StageFrom, of_one_time, rehearsed
from safety.detectors.silence import Capability, SilenceSettings
from safety.detectors_flow import DetectorFace, DetectorsFlow
from safety.site_rules import SiteRules
from safety.site_safety_flow import SiteSafetyFlow
from safety.sql_detections import SqlDetections
from safety.sql_underway import SqlCapabilities
from tracking.recording import OnBad, read_recording
from visits.stage import Stage

app = typer.Typer(no_args_is_help=True, help="Detectors: what each may do, how often it was right, what would have fired on a recording.")
SiteOption = Annotated[str | None, typer.Option("--site", help="Id of the site; not needed where there is only one.")]
_STEP = re.compile(r"^(?P<stage>[a-z_]+)=(?P<n>[0-9]+(\.[0-9]+)?)(?P<unit>[smh]?)$")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
PLAN = "departed=0"


@app.command("list")
def list_detectors(site: SiteOption = None, as_json: AsJson = False) -> None:
    """Show what each detector of a site may do, and how often it was right in the last 90 days."""

    async def story(local: Local, caller: Caller) -> list[Any]:
        found = await _flow(local).detectors(caller, site_of(caller, site))
        return [{"detector": face.watch, "mode": face.mode, **record} for face in found for record in _records(face)]

    tell_all(run_desk(story), ("detector", "mode", "hits_in", "hits", "confirmed", "false", "undecided", "precision"), as_json)


@app.command()
def hits(
    site: SiteOption = None,
    detector: Annotated[Watch | None, typer.Option(help="Only of this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the hits of a site's detectors, in the shadow or not. JSON holds the fixes and thresholds they were judged by."""

    async def story(local: Local, caller: Caller) -> list[Any]:
        return list(await _flow(local).hits(caller, site_of(caller, site), detector, None, limit))

    tell_all(run_desk(story), ("entered_at", "left_at", "watch", "mode", "stage", "technician_id", "visit_id", "incident_id"), as_json)


@app.command("set")
def set_modes(
    modes: Annotated[list[str], typer.Argument(help="detector=mode, such as silence=on; mode is off, shadow or on. Several are possible.")],
    site: SiteOption = None,
    as_json: AsJson = False,
) -> None:
    """Say what detectors of a site may do. One that was never in the shadow has no record: look at `list` first."""
    wanted = dict(_mode(each) for each in modes)

    async def story(local: Local, caller: Caller) -> list[Any]:
        where, rules = site_of(caller, site), site_rules(local.floor)
        flow = SiteSafetyFlow(local.floor.truth, rules, None, SystemClock())
        before = await flow.rules(caller, where)
        await flow.put_rules(caller, where, msgspec.structs.replace(before, detectors={**before.detectors, **wanted}))
        return [
            {"detector": face.watch, "mode": face.mode, "decided": sum(each.confirmed + each.false for each in face.records)}
            for face in await _flow(local).detectors(caller, where)
        ]

    found = run_desk(story)
    for each in found:
        if wanted.get(each["detector"]) is Watching.ON and not each["decided"] and each["detector"] == Watch.SILENCE:
            err.print(f"{each['detector']} has no record here: nobody knows how often it is right. Let it run in the shadow first.")
    tell_all(found, ("detector", "mode"), as_json)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Recording: .gpx, .jsonl or .geojson.", exists=True, dir_okay=False)],
    stages: Annotated[
        str, typer.Option(help="When each stage began, since the first fix: departed=0,arrived=25m,in_service=30m,ended=95m,left=100m.")
    ] = PLAN,
    planned_min: Annotated[int, typer.Option(min=1, max=1440, help="Booked length of the service, minutes.")] = 60,
    place: Annotated[str | None, typer.Option(help="The visit's address as lat,lon; where the recording ends without one.")] = None,
    zone: Annotated[str, typer.Option(help="The site's time zone, for its night.")] = "UTC",
    ask_s: Annotated[int, typer.Option(min=30, max=3600, help="Silence after which she would be asked, s.")] = SilenceSettings().ask_s,
    foreground_only: Annotated[bool, typer.Option("--foreground-only", help="The phone cannot send in the background.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the detectors would have said on a recording, and from which fix. Nothing is asked, so nothing is answered."""
    recording = read_recording(file.name, file.read_text(), on_bad=OnBad.SKIP)
    if not recording.is_timed:
        err.print("This recording has no times: they are made up, and what silence says of them means nothing.")
    fixes = of_one_time([_used(number, fix) for number, fix in enumerate(recording.fixes)])
    if (strays := len(recording.fixes) - len(fixes)) > 0:
        err.print(f"Left out: {strays} of {len(recording.fixes)} fixes, whose time lies days from that of the others.")
    plan = _plan(stages, fixes[0].at_ms)
    silence = SilenceSettings(ask_s=ask_s, amber_s=min(60, ask_s // 2), leave_s=max(15, min(30, ask_s // 4)))
    said = rehearsed(
        Rehearsal(
            fixes=fixes, plan=plan, rules=SiteRules(silence=silence), planned_min=planned_min, zone=zone, place=_point(place),
            capability=Capability.FOREGROUND_ONLY if foreground_only else Capability.BACKGROUND,
            until_ms=max(fixes[-1].at_ms, plan[-1].from_ms),
        )
    )  # fmt: skip
    rows = [
        {"after": _clock((each.at_ms - fixes[0].at_ms) // 1000), "at": from_ms(each.at_ms), **msgspec.structs.asdict(each)} for each in said
    ]
    if plan[-1].from_ms > fixes[-1].at_ms:
        err.print(f"The recording ends at {_clock((fixes[-1].at_ms - fixes[0].at_ms) // 1000)}; what comes after it is silence.")
    if not rows:
        err.print(f"Nothing would have fired: {len(fixes)} fixes, {_clock((fixes[-1].at_ms - fixes[0].at_ms) // 1000)}.")
    tell_all(rows, ("after", "watch", "turn", "stage", "at", "fix_at_ms", "distance_m"), as_json)


def _plan(text: str, first_ms: int) -> list[StageFrom]:
    found = []
    for step in text.split(","):
        read = _STEP.match(step.strip())
        if read is None or read["stage"] not in list(Stage):
            raise BadInput(f"{step!r} is no stage with a time. Write it as arrived=25m, with one of: {', '.join(Stage)}; s, m or h.")
        found.append(StageFrom(Stage(read["stage"]), first_ms + int(float(read["n"]) * _UNITS[read["unit"]] * 1000)))
    if found[0].from_ms != first_ms:
        raise BadInput(f"The first stage begins with the first fix: write {found[0].stage.value}=0.")
    if sorted(found, key=lambda each: each.from_ms) != found:
        raise BadInput("The stages are not in the order of their times.")
    return found


def _point(text: str | None) -> LatLon | None:
    if text is None:
        return None
    try:
        lat, lon = (float(part) for part in text.split(","))
        return LatLon.checked(lat, lon)
    except ValueError:
        raise BadInput(f"{text!r} is no place. Write it as lat,lon in degrees, such as 48.1372,11.5755.") from None


def _mode(text: str) -> tuple[Watch, Watching]:
    name, _, mode = text.partition("=")
    if name not in list(Watch) or mode not in list(Watching):
        raise BadInput(f"{text!r} does not fit. Write detector=mode with one of {', '.join(Watch)} and one of {', '.join(Watching)}.")
    return Watch(name), Watching(mode)


def _used(number: int, fix: Any) -> UsedFix:
    return UsedFix(device_id="recording", seq=number, at_ms=fix.at_ms, lat=fix.lat, lon=fix.lon, accuracy_m=fix.accuracy_m)


def _records(face: DetectorFace) -> list[dict[str, Any]]:
    names = ("hits", "confirmed", "false", "undecided", "precision")
    return [{"hits_in": each.mode, **{name: getattr(each, name) for name in names}} for each in face.records] or [{"hits": 0}]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _flow(local: Local) -> DetectorsFlow:
    return DetectorsFlow(local.floor.truth, site_rules(local.floor), SqlDetections(), SqlCapabilities(), SystemClock())
