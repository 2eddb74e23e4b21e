"""`porchlight demo`: a hub with an invented town that lives, for looking, trying and scripting."""

import asyncio
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hub.demo_run import as_json as json_line
from hub.demo_run import demo_settings, running_demo
from hub.local_site import LocalSite, data_folder
from hub.logs import start_logging
from hub.settings import Settings
from hub.settings_read import BadSettings

err = Console(stderr=True, highlight=False, soft_wrap=True)


def demo(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.", min=0, max=65535)] = 8080,
    data: Annotated[Path | None, typer.Option(help="Folder for everything the demo keeps.")] = None,
    seconds: Annotated[float | None, typer.Option("--for", help="End by itself after so many seconds.", min=0)] = None,
    workers: Annotated[int, typer.Option(help="Processes that serve sockets.", min=1, max=4)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the links and credentials as one line of JSON first.")] = False,
) -> None:
    """Start a hub with an invented town, twelve technicians who drive along its streets, and visits in all stages.

    Prints three links and a log-in. Everything it makes is in one folder (.porchlight); a second start goes on with the same people. Ctrl-C
    ends it and leaves no process behind.
    """
    try:
        settings = demo_settings(port, data_folder(data), workers)
    except BadSettings as bad:
        err.print("\n".join(f"- {problem}" for problem in bad.problems))
        raise typer.Exit(2) from None
    start_logging(settings.serve.log_level, settings.serve.log_format)
    asyncio.run(_run(settings, seconds, as_json))


async def _run(settings: Settings, seconds: float | None, as_json: bool) -> None:
    async with running_demo(settings, _say) as (hub, site):
        if as_json:
            sys.stdout.write(json_line(site) + "\n")
            sys.stdout.flush()
        else:
            _welcome(site, settings.store.data_dir)
        try:
            async with asyncio.timeout(seconds):
                await hub.stopped()
        except TimeoutError:
            pass
        _say("ending")


def _say(text: str) -> None:
    err.print(f"[dim]porchlight:[/dim] {text}")


def _welcome(site: LocalSite, folder: Path) -> None:
    shown = site.shown
    out = Console(highlight=False, soft_wrap=True)
    out.print()
    out.print("[bold]Porchlight is running.[/bold] Three doors:")
    out.print(f"  customer     {shown.customer_url}")
    out.print(f"  console      {shown.console_url}   log in: {shown.dispatcher.user} / {shown.dispatcher.password}")
    out.print(f"  technician   {shown.technician_url}   her phone's token: {shown.technician.device_token}")
    out.print()
    out.print("  documents    " + shown.url + "/docs")
    out.print("  a real road  " + replay_line(sys.argv[0], folder, shown.technician.id))
    out.print()
    out.print("[dim]Ctrl-C ends it.[/dim]")


def replay_line(program: str, folder: Path, technician_id: str) -> str:
    """Return what to type, in the folder where the demo was started, to drive a recording through it: as it stands it works."""
    name = "porchlight" if shutil.which("porchlight") else os.path.relpath(program)
    where = "" if folder == data_folder(None).absolute() else f" --data {shlex.quote(str(folder))}"
    return f"{name} replay FILE --technician {technician_id} --speed 20 --to-visit{where}"
