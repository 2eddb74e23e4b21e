"""`porchlight doctor`: look at every part and say what to do."""

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from core.clock import SystemClock
from hub.doctor import Finding, Mark, examine
from hub.settings import all_settings, load
from hub.settings_read import BadSettings

_COLOURS = {Mark.GOOD: "green", Mark.WARNING: "yellow", Mark.BAD: "red"}
out = Console(highlight=False)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="List every setting with unit, default and meaning, and end.")] = False,
) -> None:
    """Check Python, data folder, keys, SQL, schema, Redis, files, pages and address; exit code 1 when anything is bad."""
    if settings:
        _list_settings(as_json)
        return
    findings = _findings()
    if as_json:
        typer.echo(msgspec.json.encode(findings).decode())
    else:
        _print(findings)
    if any(finding.mark is Mark.BAD for finding in findings):
        raise typer.Exit(1)


def _findings() -> list[Finding]:
    """Return what was found; with settings that do not fit, nothing else can be looked at."""
    try:
        settings = load()
    except BadSettings as error:
        return [Finding("settings", Mark.BAD, problem, "Mend this first: no other part is looked at.") for problem in error.problems]
    return asyncio.run(examine(settings, SystemClock()))


def _print(findings: list[Finding]) -> None:
    table = Table("part", "", "seen", "what to do", box=None, header_style="bold")
    for finding in findings:
        table.add_row(finding.part, f"[{_COLOURS[finding.mark]}]{finding.mark.value}[/]", finding.seen, finding.cure)
    out.print(table)


def _list_settings(as_json: bool) -> None:
    listed = list(all_settings())
    if as_json:
        typer.echo(msgspec.json.encode(listed).decode())
        return
    table = Table("variable", "unit", "default", "meaning", box=None, header_style="bold")
    for setting in listed:
        table.add_row(setting.name, setting.unit, setting.default, setting.sentence)
    out.print(table)
