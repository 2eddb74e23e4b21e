"""`porchlight site`: a hub's cities, from a terminal on its own machine. A running hub notices what is changed within seconds."""

from collections.abc import Callable
from typing import Annotated, Any, get_origin, get_type_hints

import msgspec
import typer

from core.caller import Caller
from core.errors import BadInput, NotFound
from core.geo import Bounds
from core.ids import SiteId
from hub.cli_desk import run_desk
from hub.cli_fare_site import unpriced
from hub.cli_ladder import add_to as add_ladder_to
from hub.cli_tell import AsJson, Operator, err, run, tell, tell_all
from hub.cli_watch import add_to, unwatched
from hub.local_people import Local
from hub.site_likeness import take_after
from visits.site import EmergencyNumber, Site, SiteSettings

site_app = typer.Typer(no_args_is_help=True, help="Sites: make one, like another, set what it may choose, check it, its watch and ladder.")


@site_app.command("new")
def new_site(
    id: Annotated[str, typer.Argument(help="Short id: a-z, 0-9 and -, such as munich-east.")],
    name: Annotated[str | None, typer.Option(help="The city's name; the id without one.")] = None,
    like: Annotated[str | None, typer.Option(help="Take everything but name, borders and people from this site.")] = None,
    zone: Annotated[str, typer.Option(help="IANA time zone.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "EUR",
    locale: Annotated[str, typer.Option(help="Language of its pages, such as en or zh-CN.")] = "en",
    desk_phone: Annotated[str | None, typer.Option(help="The desk's phone, +491701234567.")] = None,
    emergency: Annotated[list[str] | None, typer.Option(help="Public number as service=number, such as police=110; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a site."""

    async def story(local: Local, caller: Caller) -> Site:
        if like is not None:
            made = await local.people.sites.make_like(SiteId(id), name or id, SiteId(like))
            await take_after(local, caller, made.id, SiteId(like))
            return made
        site = Site(id=SiteId(id), name=name or id, zone=zone, currency=currency, locale=locale, desk_phone=desk_phone)
        numbers = tuple(_emergency(each) for each in emergency or [])
        return await local.people.sites.make(msgspec.structs.replace(site, emergency_numbers=numbers))

    tell(run_desk(story), as_json)


@site_app.command("list")
def list_sites(as_json: AsJson = False) -> None:
    """List the sites."""
    tell_all(run(lambda operator: operator.people.sites.all()), ("id", "name", "zone", "currency", "locale", "desk_phone"), as_json)


@site_app.command("show")
def show_site(id: str, as_json: AsJson = False) -> None:
    """Show a site with all its settings."""
    tell(run(lambda operator: operator.people.sites.get(operator.caller, SiteId(id))), as_json)


@site_app.command("set")
def set_site(
    id: str,
    changes: Annotated[
        list[str],
        typer.Argument(
            help="field=value: name, zone, locale, desk_phone, emergency_numbers=police=110,ambulance=112, bounds=SOUTH,WEST,NORTH,EAST, "
            "or a setting; several values are divided by commas, and nothing after the = unsets."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Change fields or settings of a site, such as `porchlight site set munich arrival_accept_m=300`."""

    async def story(operator: Operator) -> Site:
        site = await operator.people.sites.get(operator.caller, SiteId(id))
        return await operator.people.sites.change(operator.caller, site.id, **_changes(site, changes))

    tell(run(story), as_json)


@site_app.command("check")
def check_site(id: Annotated[str | None, typer.Argument(help="Id; every site without one.")] = None, as_json: AsJson = False) -> None:
    """Say what a site still lacks, its settings and its watch; exit code 1 when it lacks anything."""

    async def story(local: Local, caller: Caller) -> dict[str, list[str]]:
        names = [SiteId(id)] if id is not None else sorted(caller.sites)
        return {name: await _lacks(local, name) for name in names}

    found = run_desk(story)
    if not found:
        raise NotFound("There is no site yet. Make one with porchlight site new.")
    if as_json:
        tell(found, as_json)
    for name, faults in found.items():
        for fault in faults or ["ready"]:
            err.print(f"{name}: {fault}")
    if any(found.values()):
        raise typer.Exit(1)


async def _lacks(local: Local, site_id: SiteId) -> list[str]:
    return [*await local.people.sites.check(site_id), *await unpriced(local, site_id), *await unwatched(local, site_id)]


def _emergency(text: str) -> EmergencyNumber:
    service, _, number = text.partition("=")
    try:
        return msgspec.convert({"service": service, "number": number}, EmergencyNumber)
    except msgspec.ValidationError as error:
        raise BadInput(f"{text!r} is no emergency number: {error}. Write it as police=110.") from None


def _bounds(text: str) -> Bounds | None:
    if not text:
        return None
    try:
        south, west, north, east = (float(each) for each in text.split(","))
        return Bounds(south, west, north, east)
    except ValueError:
        raise BadInput(f"{text!r} are no bounds. Write south, west, north, east in degrees, such as bounds=48.0,11.3,48.3,11.8.") from None


_FIELDS: dict[str, Callable[[str], Any]] = {
    "name": str,
    "zone": str,
    "locale": str,
    "desk_phone": lambda text: text or None,
    "bounds": _bounds,
    "emergency_numbers": lambda text: tuple(_emergency(each) for each in _parts(text)),
}
"""Field of a site -> how its text is read. Everything else is one of its settings; its currency is for ever, because fares are in it."""


def _changes(site: Site, changes: list[str]) -> dict[str, Any]:
    pairs = {name: value for name, _, value in (each.partition("=") for each in changes)}
    fields = {name: read(pairs.pop(name)) for name, read in _FIELDS.items() if name in pairs}
    if not pairs:
        return fields
    hints = get_type_hints(SiteSettings)
    told = {name: _parts(text) if get_origin(hints.get(name)) is tuple else text or None for name, text in pairs.items()}
    try:
        merged = {**msgspec.structs.asdict(site.settings), **told}
        return {**fields, "settings": msgspec.convert(merged, SiteSettings, strict=False)}
    except msgspec.ValidationError as error:
        raise BadInput(
            f"The settings do not fit: {error}. Settings are {', '.join(hints)}; fields are {', '.join(_FIELDS)}."
        ) from None


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


add_to(site_app)
add_ladder_to(site_app)
