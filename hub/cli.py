"""What can be asked of `porchlight` at a terminal? One table of commands; each is imported only when it is used.

Results go to stdout (with `--json` for programs), progress and errors to stderr. Exit codes: 0 done, 1 the hub said no (with the reason
and the cure), 2 the command line or the settings do not fit.
"""

import importlib
import importlib.util
import sys
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from core.errors import HubError

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("hub.cli_demo", "demo", "Start a hub with an invented town, a dozen technicians and visits in all stages."),
    "serve": ("hub.cli_serve", "serve", "Run the hub with the settings of the environment."),
    "replay": ("hub.cli_replay", "replay", "Send a recorded journey through a device socket."),
    "simulate": ("hub.cli_simulate", "simulate", "Drive load: many technicians who move and report."),
    "db": ("hub.cli_db", "app", "Bring the schema up to date, check it, take it down."),
    "site": ("hub.cli_site", "site_app", "Sites: make one, like another, check it."),
    "technician": ("hub.cli_pins", "technician_app", "Technicians of a site."),
    "device": ("hub.cli_people", "device_app", "Devices: enrol, list, revoke."),
    "dispatcher": ("hub.cli_people", "dispatcher_app", "People of the desk: make, second factor, block."),
    "visit": ("hub.cli_visits", "visit_app", "Visits: make, list, show, move."),
    "token": ("hub.cli_keys", "token_app", "API keys and secret keys."),
    "fare": ("hub.cli_fare", "app", "Tariffs, quotes, metering of recordings, receipts."),
    "incident": ("hub.cli_incident", "app", "Incidents: list, show, verify, report, export, response times."),
    "detectors": ("hub.cli_detectors", "app", "Detectors: what each may do, how often it was right, what fires on a recording."),
    "notices": ("hub.cli_notices", "app", "Notices: list, show, preview texts; webhooks: list, log, replay, rotate secrets."),
    "export": ("hub.cli_export", "app", "Take data out: GeoJSON, GPX, CSV."),
    "doctor": ("hub.cli_doctor", "doctor", "Check every part and say what to do."),
    "bench": ("hub.cli_bench", "app", "Measure speed and memory."),
}
"""Command -> module, attribute (a Typer app or a function), one line of help."""


class LazyGroup(TyperGroup):
    """A group whose members are imported when asked for: `porchlight token` need not load the whole hub."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return [name for name in COMMANDS if importlib.util.find_spec(COMMANDS[name][0]) is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module_name, attribute, help_line = COMMANDS[cmd_name]
        try:
            found = getattr(importlib.import_module(module_name), attribute)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise
            return None
        return _as_command(found, cmd_name, help_line)


def _as_command(found: Any, name: str, help_line: str) -> Any:
    app = found
    if not isinstance(found, typer.Typer):
        app = typer.Typer()
        app.command(name)(found)
    app._add_completion = False  # the whole command line has one, at its root
    command = typer.main.get_command(app)
    command.name = name
    command.short_help = help_line
    if not command.help:
        command.help = help_line
    return command


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="Porchlight: a real-time safety and tracking hub for services that come to people's doors.\n\nStart with `porchlight demo`.",
)


@app.callback()
def _root() -> None:
    # Typer asks for at least one thing of its own before it builds a group.
    return


def main() -> None:
    """Run the command line; house errors are told as sentences, not as traces."""
    try:
        app()
    except HubError as error:
        Console(stderr=True, highlight=False).print(f"[red]{error.code}[/red]: {error.detail}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
