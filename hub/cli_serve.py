"""`porchlight serve`: the hub with the settings of the environment; a few of them may be given as options."""

import os
from typing import Annotated

import typer

from hub.serve import serve as run_hub
from hub.serve import settings_or_exit


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve sockets.")] = None,
    data: Annotated[str | None, typer.Option(help="Folder for everything the hub keeps here.")] = None,
) -> None:
    """Run the hub until Ctrl-C or SIGTERM.

    Settings come from the environment; `porchlight doctor --settings` lists them with unit, default and meaning. Options given here win.
    A bad start is refused with the whole list of what is wrong.
    """
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers), ("DATA_DIR", data)):
        if value is not None:
            os.environ[f"PORCHLIGHT_{name}"] = str(value)
    run_hub(settings_or_exit())
