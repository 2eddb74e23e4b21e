"""`porchlight replay`: a recorded journey through a real device socket, so that maps and meters can be tried with real roads."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from core.clock import SystemClock
from core.errors import BadInput, NotFound, NotSignedIn
from core.geo import LatLon
from core.ids import RandomIds
from hub.device_client import DeviceClient
from hub.hub_api import hub_api
from hub.local_site import LocalSite, data_folder, hub_url, remembered
from hub.replay_flow import Replayed
from hub.replay_flow import replay as drive
from hub.replay_plan import Step, Times, duration_s, ending_at, timetable
from tracking.recording import OnBad, read_recording
from tracking.recording_point import RecordedFix

err = Console(stderr=True, highlight=False)
OFF_SHIFT = "Open a shift for her first; with --times backdated one that had begun before the first fix."


def replay(
    file: Annotated[Path, typer.Argument(help="Recording: .gpx, .jsonl or .geojson.", exists=True, dir_okay=False)],
    technician: Annotated[str | None, typer.Option(help="Id of the technician who drives it; the demo prints one.")] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="1 as recorded, 20 twenty times as fast.")] = 1.0,
    url: Annotated[str | None, typer.Option(help="Address of the hub; without one the demo's of the data folder.")] = None,
    token: Annotated[str | None, typer.Option(envvar="PORCHLIGHT_TOKEN", help="Device token of her phone (pl_dev_...).")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of the demo, where phones' tokens are.")] = None,
    times: Annotated[Times, typer.Option(help="Time the fixes claim: live = when sent; backdated = as recorded.")] = Times.LIVE,
    to_visit: Annotated[
        bool, typer.Option("--to-visit", help="Move the recording so that it ends where she is expected: map and arrival time then live.")
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out lines that cannot be read instead of stopping.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Send a recorded journey through a device socket, with progress; a cut connection is resumed without loss.

    While it runs it takes the place of her phone: the newest connection of a device wins. Stretches on which the sped-up car would be
    faster than 60 m/s are played only that fast: the hub believes no faster fix and makes no exception for a replay. Stops and slow
    stretches are sped up in full. So a drive that is fast already takes longer than its length divided by --speed.

    With --times backdated everything is played at full --speed: fixes then claim their recorded spacing and end now, which ledger and meter
    take as it is. The map does not follow where a newer fix of hers is known already, and her shift must have begun before the first.
    """
    fixes = _fixes(file, skip_bad)
    site = remembered(data_folder(data))
    client_token, hub = token or _token_of(site, technician), hub_url(url, site)
    if to_visit:
        fixes = ending_at(fixes, asyncio.run(expected_at(hub, client_token)))
    result = asyncio.run(_run(hub, client_token, _steps(file.name, fixes, speed, times), file.name))
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
    _tell(result)
    if result.unanswered:
        raise typer.Exit(1)


def _fixes(file: Path, skip_bad: bool) -> Sequence[RecordedFix]:
    recording = read_recording(file.name, file.read_text(), on_bad=OnBad.SKIP if skip_bad else OnBad.REFUSE)
    if not recording.fixes:
        raise BadInput(f"{file.name} holds no fix. Give a recording with at least one.")
    for line in recording.skipped[:5]:
        err.print(f"[yellow]left out[/yellow] {line}")
    return recording.fixes


async def expected_at(url: str, token: str) -> LatLon:
    """Return where she is going, else the place of her next visit; raises `NotFound` where she has none, `Unavailable` without a hub."""
    async with hub_api(url) as api:
        visits = (await api.get("/v1/me/visits", token))["items"]
    places = {each["stage"]: each["place"] for each in visits if each["place"] is not None}
    place = places.get("departed") or next(iter(places.values()), None)
    if place is None:
        raise NotFound("She has no open visit with a place to go to. Assign one, or leave out --to-visit.")
    return LatLon(place["lat"], place["lon"])


def _steps(name: str, fixes: Sequence[RecordedFix], speed: float, times: Times) -> list[Step]:
    steps = timetable(fixes, speed, times)
    err.print(f"{name}: {len(steps)} fixes, about {duration_s(steps):.0f} s")
    if duration_s(steps) > 1.2 * duration_s(timetable(fixes, speed, Times.BACKDATED)) and speed > 1:
        err.print("longer than --speed says, because nothing above 60 m/s is believed; --times backdated is faster and moves no map")
    return steps


def _token_of(site: LocalSite | None, technician: str | None) -> str:
    if site is None:
        raise NotSignedIn(
            "A phone's token is needed to speak for a technician: give --token (the demo prints one), or --data, the demo's folder."
        )
    found = site.phones.get(technician or site.shown.technician.id)
    if found is None:
        known = ", ".join(list(site.phones)[:3])
        raise NotSignedIn(f"The demo in this data folder knows no technician {technician}. It knows {known} and others; or give --token.")
    return found


async def _run(url: str, token: str, steps: list[Step], title: str) -> Replayed:
    clock = SystemClock()
    client = DeviceClient(url, token, clock=clock, ids=RandomIds(), app="porchlight-replay")
    acked = TextColumn("acked {task.fields[acked]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), acked, TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal or bool(os.environ.get("CI"))) as progress:
        task = progress.add_task(title, total=len(steps), acked=0)

        def tell(number: int) -> None:
            _show(progress, task, number, client)

        async with client.running():
            return await drive(client, steps, clock, tell)


def _show(progress: Progress, task: TaskID, number: int, client: DeviceClient) -> None:
    progress.update(task, completed=number, acked=client.stored)
    if not err.is_terminal and number % 200 == 0:
        err.print(f"sent {number}, acked {client.stored}, waiting {len(client.outbox)}")


def _tell(result: Replayed) -> None:
    err.print(f"{result.fixes} fixes in {result.took_s:g} s over {result.connections} connection(s): {result.stored} stored")
    for reason, count in sorted(result.refused.items()):
        err.print(f"[yellow]{count} refused:[/yellow] {reason}" + (f". {OFF_SHIFT}" if reason == "off_shift" else ""))
    if result.unanswered:
        err.print(f"[red]{result.unanswered} without an answer[/red]: the hub is away or busy; look at /v1/health.")
