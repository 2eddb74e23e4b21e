"""`porchlight fare add`, `tariffs`, `retire`: by which tariffs does a site price its ways? By the flow that HTTP uses."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.caller import Caller
from core.errors import BadInput
from core.ids import SiteId
from hub.cli_desk import run_desk, site_of
from hub.cli_tell import AsJson, err, tell, tell_all
from hub.local_people import Local
from tracking.fares.built_in import built_in_texts
from tracking.fares.ports import SiteTariff
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_tariffs import SqlTariffs
from tracking.fares.tariff_file import read_tariff
from tracking.fares.tariff_flow import TariffFlow

WhichTariff = Annotated[str, typer.Argument(help="A tariff file (TOML), or the id of one that comes with the hub.")]
SiteOption = Annotated[str | None, typer.Option("--site", help="Id of the site; not needed where there is only one.")]
COLUMNS = ("id", "mode", "currency", "zone", "valid_from", "retired", "hash")


def site_tariffs(local: Local) -> TariffFlow:
    """Return the tariffs of all sites, over the databases alone."""
    floor = local.floor
    quotes = SqlQuotes(floor.keys)
    return TariffFlow(work=floor.truth, tariffs=SqlTariffs(), quotes=quotes, sites=local.people.stores.sites, clock=floor.clock)


def tariff_text(which: str) -> str:
    """Return the text of a tariff, from a file or by the id of one that comes with the hub; raises `BadInput` where there is none."""
    path, known = Path(which), built_in_texts()
    try:
        if path.is_file():
            return path.read_text("utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{which} cannot be read as text: {error}. Save it as UTF-8.") from None
    if which not in known:
        ids = ", ".join(sorted(known))
        raise BadInput(f"There is no file {which} and no tariff of that id comes with the hub. Known ids: {ids}.")
    return known[which]


async def unpriced(local: Local, site_id: SiteId) -> list[str]:
    """Return what keeps ways of the site from being priced, a sentence with a cure."""
    if any(not stored.is_retired for stored in await site_tariffs(local).of_site(site_id)):
        return []
    return [f"No tariff is stored: ways can be neither quoted nor billed. Add one: porchlight fare add TARIFF --site {site_id}."]


def add(tariff: WhichTariff, site: SiteOption = None, as_json: AsJson = False) -> None:
    """Give a site a version of a tariff. It never changes; one with a newer `valid_from` takes over from its day on."""

    async def story(local: Local, caller: Caller) -> dict[str, Any]:
        where = site_of(caller, site)
        stored = await site_tariffs(local).add(where, tariff_text(tariff))
        return {"site_id": where, "site_zone": (await local.people.sites.get(caller, where)).zone, **_row(stored)}

    added = run_desk(story)
    if (zone := added.pop("site_zone")) != added["zone"]:
        err.print(f"[yellow]Nights are judged by the clocks of {added['zone']}[/yellow], the site's are those of {zone}. Is that meant?")
    tell(added, as_json)


def tariffs(
    site: Annotated[str | None, typer.Option("--site", help="Those of this site, retired ones too; without it those of the hub.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tariffs that come with the hub, or the versions of a site."""
    if site is None:
        found = [{"id": name, "title": read_tariff(text).title.en} for name, text in sorted(built_in_texts().items())]
        tell_all(found, ("id", "title"), as_json)
        return

    async def story(local: Local, caller: Caller) -> list[dict[str, Any]]:
        return [_row(stored) for stored in await site_tariffs(local).of_site(site_of(caller, site))]

    tell_all(run_desk(story), COLUMNS, as_json)


def retire(
    hash: Annotated[str, typer.Argument(help="Hash of the version; see `fare tariffs --site`.")], site: SiteOption = None
) -> None:
    """Hide a version from new quotes. What was quoted by it stays as it is."""

    async def story(local: Local, caller: Caller) -> None:
        await site_tariffs(local).retire(site_of(caller, site), hash)

    run_desk(story)
    err.print("Retired: new quotes do not use it.")


def add_to(app: typer.Typer) -> None:
    """Put the commands under `porchlight fare`."""
    for command in (tariffs, add, retire):
        app.command()(command)


def _row(stored: SiteTariff) -> dict[str, Any]:
    tariff = stored.tariff
    return {
        "id": tariff.id, "mode": tariff.mode, "currency": tariff.currency, "zone": tariff.zone, "valid_from": tariff.valid_from,
        "retired": stored.is_retired, "hash": stored.hash,
    }  # fmt: skip
