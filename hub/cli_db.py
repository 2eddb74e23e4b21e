"""`porchlight db`: is the schema at the newest revision, and if not, bring it there."""

import asyncio
import json
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from core.errors import Unavailable
from hub import migrate
from hub.serve import settings_or_exit
from hub.settings import StoreSettings, make_data_folder

app = typer.Typer(no_args_is_help=True, help="Bring the schema up to date, check it, take it down.")
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")]
T = TypeVar("T")
say = Console(stderr=True, highlight=False, soft_wrap=True).print


@app.command()
def upgrade(revision: Annotated[str, typer.Argument(help="Revision to go to.")] = "head", as_json: AsJson = False) -> None:
    """Move the databases up to the newest revision. Safe to repeat; `serve` does the same at start."""
    store = _store()
    _run(migrate.upgrade(store.truth_url, store.fixes_url, revision))
    reached = migrate.head() if revision == "head" else revision
    if as_json:
        typer.echo(json.dumps({"revision": reached}))
    say(f"The schema is at {reached or 'its beginning'}.")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Revision to go back to; `base` removes every table and all that is in them.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Move the databases back. What newer tables held is lost: take a copy first."""
    store = _store()
    if not yes:
        typer.confirm(f"Go back to {revision}? Tables newer than that are dropped with everything in them.", abort=True)
    _run(migrate.downgrade(store.truth_url, store.fixes_url, revision))
    say(f"The schema is back at {revision}.")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare the databases with the code; exit code 1 and a list when they differ."""
    store = _store()
    differences = _run(migrate.check(store.truth_url, store.fixes_url))
    if as_json:
        typer.echo(json.dumps({"head": migrate.head(), "differences": differences}))
    for difference in differences:
        say(f"- {difference}")
    if differences:
        raise typer.Exit(1)
    say("The databases are as the code expects them.")


@app.command()
def revision(message: Annotated[str, typer.Argument(help="What the revision does, as a sentence.")]) -> None:
    """Write the next revision from what the code's tables have and the line has not. For developers."""
    with tempfile.TemporaryDirectory(prefix="pl-revision-") as folder:
        typer.echo(asyncio.run(migrate.new_revision(message, Path(folder))))


def _store() -> StoreSettings:
    store = settings_or_exit().store
    make_data_folder(store.data_dir)
    return store


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (SQLAlchemyError, OSError) as error:
        said = getattr(error, "orig", None) or error
        raise Unavailable(f"The databases do not answer as expected ({said}). Look at `porchlight doctor`.") from None
