"""`porchlight simulate`: many technicians who move and report, and how the hub answers them, live."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from core.clock import SystemClock
from core.ids import RandomIds
from hub.crowd_flow import CrowdFlow
from hub.demo_town import build_town
from hub.local_people import local_people
from hub.local_site import data_folder, hub_url, remembered
from hub.logs import start_logging
from hub.serve import settings_or_exit
from hub.settings import LogFormat
from hub.simulate_flow import Simulation, Tally

err = Console(stderr=True, highlight=False)


def simulate(
    technicians: Annotated[int, typer.Option(min=1, max=20_000, help="How many technicians drive.")] = 500,
    interval: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds between two fixes of one technician.")] = 5.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long.")] = 60.0,
    url: Annotated[str | None, typer.Option(help="Address of the hub; without one the demo's of the data folder.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of the hub, where its technicians are made.")] = None,
    tokens: Annotated[Path | None, typer.Option(help="File with a device token a line, for a hub on another machine.", exists=True)] = None,
    seed: Annotated[int, typer.Option(help="Of the traffic.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Drive load through device sockets: sent, acknowledged, and the time from a fix to its ack as quantiles.

    Beside a hub on this machine it makes technicians of its own, in a site called `crowd`, and opens their shifts. For a hub elsewhere give
    --url and --tokens.
    """
    start_logging("warning", LogFormat.CONSOLE)
    folder = data_folder(data)
    if data is not None:
        os.environ["PORCHLIGHT_DATA_DIR"] = str(folder)
    tally, failures = asyncio.run(
        _run(hub_url(url, remembered(folder)), _given(tokens, technicians), technicians, interval, seconds, seed, folder)
    )
    if as_json:
        typer.echo(msgspec.json.encode(tally).decode())
    else:
        Console().print(_table(tally))
    for failure in failures[:3]:
        err.print(f"[red]{failure}[/red]")
    if failures or tally.waiting:
        raise typer.Exit(1)


def _given(file: Path | None, count: int) -> list[str] | None:
    if file is None:
        return None
    found = [line.strip() for line in file.read_text().splitlines() if line.strip()]
    if len(found) < count:
        raise typer.BadParameter(f"{file} holds {len(found)} tokens; {count} technicians need as many.")
    return found[:count]


async def _run(
    url: str, given: list[str] | None, technicians: int, interval: float, seconds: float, seed: int, folder: Path
) -> tuple[Tally, list[str]]:
    if given is None:
        with err.status("making technicians") as status:
            async with local_people(settings_or_exit()) as local:
                given = await CrowdFlow(local, folder).tokens(technicians, lambda n: status.update(f"technicians ready: {n}"))
    simulation = Simulation(url, given, build_town(7), interval_s=interval, seed=seed, clock=SystemClock(), ids=RandomIds())
    shower = asyncio.create_task(_show(simulation))
    try:
        return await simulation.run(seconds), simulation.failures
    finally:
        shower.cancel()
        await asyncio.gather(shower, return_exceptions=True)


async def _show(simulation: Simulation) -> None:
    if not err.is_terminal:
        return
    with Live(console=err, refresh_per_second=2, transient=True) as live:
        while True:
            live.update(_table(simulation.tally()))
            await asyncio.sleep(0.5)


def _table(tally: Tally) -> Table:
    table = Table(box=None, show_header=False)
    rows = {
        "technicians": f"{tally.connected} of {tally.technicians} connected, {tally.reconnects} reconnects",
        "sent": f"{tally.sent}",
        "acked": f"{tally.acked} ({tally.acked_per_s:g} a second over {tally.seconds:g} s)",
        "waiting": f"{tally.waiting}",
        "refused": ", ".join(f"{count} {reason}" for reason, count in tally.refused.items()) or "none",
        "fix to ack": f"p50 {_ms(tally.p50_ms)}, p90 {_ms(tally.p90_ms)}, p99 {_ms(tally.p99_ms)}",
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    return table


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
