"""`porchlight site ladder`: who of a site is told when, shown and set. By the flow that HTTP uses."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from core.caller import Caller
from core.errors import BadInput
from core.ids import SiteId
from hub.cli_desk import run_desk, site_of
from hub.cli_tell import AsJson, err, tell, tell_all
from hub.cli_watch import SiteArgument, lacks
from hub.local_people import Local
from hub.wire_safety import site_rules
from safety.ladder import Ladder
from safety.ladder_file import CURE, read_ladder
from safety.preflight import Lack
from safety.site_safety_flow import SiteSafetyFlow

_COLUMNS = ("after_s", "tier", "groups", "channels")


def add_to(app: typer.Typer) -> None:
    """Add the command to `porchlight site`."""
    app.command("ladder")(ladder)


def ladder(
    site: SiteArgument = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Take the whole ladder from this JSON file, - for standard input; as --json prints it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or set who is told when nobody answers a call for help, such as `porchlight site ladder --file ladder.json --site munich`.

    Each rung names seconds since the call (`after_s`), its tier, whom it tells (`groups`) and by what (`channels`). Rungs rise in time and
    tier. After `exhausted_after_s` everyone is told again every `repeat_s` seconds, until somebody answers.
    """
    wanted = None if file is None else _from_file(file)

    async def story(local: Local, caller: Caller) -> dict[str, Any]:
        where = site_of(caller, site)
        flow = SiteSafetyFlow(local.floor.truth, site_rules(local.floor), None, local.floor.clock)
        before = await flow.ladder(caller, where)
        if wanted is not None and wanted != before:
            await flow.put_ladder(caller, where, wanted)
        holds = before if wanted is None else wanted
        return {"site": where, "ladder": holds, "changed": holds != before, "empty": await _empty_rungs(local, where)}

    done = run_desk(story)
    if as_json:
        tell(done["ladder"], as_json)
    else:
        _tell(done["site"], done["ladder"])
    if done["changed"]:
        err.print(f"Set: it holds at {done['site']} for every rung from now on, also where somebody calls for help already.")
    for cure in done["empty"]:
        err.print(cure)


async def _empty_rungs(local: Local, site_id: SiteId) -> list[str]:
    return [finding.cure for finding in await lacks(local, site_id) if finding.lack is Lack.TIER_EMPTY]


def _from_file(file: Path) -> Ladder:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}. {CURE}") from None
    return read_ladder(text)


def _tell(site: str, ladder: dict[str, Any]) -> None:
    tell({"site": site, **{name: ladder[name] for name in Ladder.__struct_fields__ if name != "rungs"}}, as_json=False)
    typer.echo("")
    tell_all(ladder["rungs"], _COLUMNS, as_json=False)
