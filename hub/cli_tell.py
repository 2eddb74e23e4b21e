"""How do commands about people run and answer? One story on the hub's own databases, told as a table or as JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import OperationalError, ProgrammingError

from core.caller import Caller
from core.errors import NotFound, Unavailable
from core.ids import SiteId
from hub.local_people import Local, local_people, operator_of
from hub.serve import settings_or_exit
from hub.wire_visits import People

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
T = TypeVar("T")
WIDTH = 250
LONG = 6
"""A thing within a thing that has more fields than this is told line by line."""
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Operator(msgspec.Struct, frozen=True):
    """Who types, what she reaches, and the flows that do it."""

    caller: Caller
    people: People
    public_url: str


def run(story: Callable[[Operator], Awaitable[T]]) -> T:
    """Carry out `story` as the operator, who reaches every site; returns what it returns.

    Raises `Unavailable` in words when the databases are away or their schema is older than the code.
    """
    settings = settings_or_exit()

    async def as_operator(local: Local) -> T:
        return await story(await _operator(local, settings.public_url))

    return run_local(as_operator)


def run_local(story: Callable[[Local], Awaitable[T]]) -> T:
    """Carry out `story` with the floor and people of this machine; raises as `run`."""
    settings = settings_or_exit()

    async def play() -> T:
        async with local_people(settings) as local:
            return await story(local)

    return run_on_databases(play())


def run_on_databases(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; raises `Unavailable` in words when the databases are away or their schema is older than the code."""
    try:
        return asyncio.run(work)
    except (OperationalError, ProgrammingError, ConnectionError) as error:
        said = getattr(error, "orig", error)
        raise Unavailable(f"The databases do not answer as expected ({said}). Run `porchlight db upgrade`, then try again.") from None


def tell(value: Any, as_json: bool) -> None:
    """Print one thing: JSON, or a line for each field."""
    facts = msgspec.to_builtins(value)
    if as_json:
        typer.echo(msgspec.json.encode(facts).decode())
        return
    _tell_facts(facts)


def _tell_facts(facts: dict[str, Any], indent: str = "") -> None:
    width = max((len(name) for name in facts), default=0)
    for name, fact in facts.items():
        if isinstance(fact, dict) and len(fact) > LONG:
            typer.echo(f"{indent}{name}")
            _tell_facts(fact, indent + "  ")
        elif fact not in (None, "", [], {}):
            typer.echo(f"{indent}{name:<{width}}  {_text(fact)}")


def tell_all(values: Sequence[Any], columns: Sequence[str], as_json: bool) -> None:
    """Print a list: JSON, or a table of `columns`; `shift.state` is the field of a field."""
    facts = [msgspec.to_builtins(value) for value in values]
    if as_json:
        typer.echo(msgspec.json.encode(facts).decode())
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="fold")
    for each in facts:
        table.add_row(*(_text(_field(each, column)) for column in columns))
    # Ids are copied from here into the next command: wider than the window is better than shortened.
    Console(highlight=False, width=WIDTH).print(table)


def _field(facts: dict[str, Any], column: str) -> Any:
    found: Any = facts
    for name in column.split("."):
        found = None if found is None else found.get(name)
    return found


def secret(name: str, value: str, note: str, facts: dict[str, Any] | None = None) -> None:
    """Print something that is told this once: the value alone on stdout, or `facts` as JSON, and what to do with it on stderr."""
    err.print(f"[bold]{name}[/bold] {note}")
    typer.echo(value if facts is None else msgspec.json.encode(facts).decode())


async def site_named(operator: Operator, site: str | None) -> SiteId:
    """Return the site meant: the one named, else the only one there is; raises `NotFound` where that is no answer."""
    reach = sorted(operator.caller.sites)
    if site is not None:
        if site not in reach:
            raise NotFound(f"There is no site {site!r}. There are: {', '.join(reach) or 'none; make one with porchlight site new'}.")
        return SiteId(site)
    if len(reach) != 1:
        raise NotFound(f"Say which site with --site. There are: {', '.join(reach) or 'none; make one with porchlight site new'}.")
    return reach[0]


async def _operator(local: Local, public_url: str) -> Operator:
    sites = await local.people.sites.all()
    return Operator(operator_of(*(site.id for site in sites)), local.people, public_url)


def _text(fact: Any) -> str:
    if fact is None:
        return ""
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, list | tuple):
        return ", ".join(_text(each) for each in fact)
    if isinstance(fact, dict):
        if "name" in fact and "policy" in fact:
            return str(fact["name"])
        if "state" in fact and "opened_at" in fact:
            return str(fact["state"])
        return ", ".join(f"{name} {_text(value)}" for name, value in fact.items() if value not in (None, "", []))
    return str(fact)
