"""`porchlight fare`: what does a tariff charge, what would a way cost, how far was a journey, and can a receipt be proved?

`check`, `quote` and `meter` need no hub; `replay`, and what is about a site (`cli_fare_site`), use the hub's databases. Exit codes: 0 good,
1 a bad tariff or a receipt that differs, 2 the command line does not fit.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console

from core.clock import SystemClock, to_ms
from core.errors import BadInput
from core.geo import LatLon
from core.ids import VisitId
from hub.cli_fare_meter import meter
from hub.cli_fare_policy import policy
from hub.cli_fare_site import WhichTariff, add_to, tariff_text
from hub.cli_tell import run_on_databases
from hub.floor import open_floor
from hub.serve import settings_or_exit
from hub.wire_fares import fare_flows
from tracking.factor_route import factor_route
from tracking.fares.faces import desk_face, line_faces
from tracking.fares.pricing import price, refusal
from tracking.fares.quote import Basis, way_range
from tracking.fares.receipt import fixes_seen
from tracking.fares.receipt_flow import Replay
from tracking.fares.tariff import Tariff, tariff_hash
from tracking.fares.tariff_chart import chart_svg, curves
from tracking.fares.tariff_file import BadTariff, read_tariff
from tracking.fares.tariff_words import explain
from tracking.fares.way import plain_trip
from tracking.fares.words import NOT_A_TAXIMETER, distance, money
from tracking.router_flow import FactorRouter
from visits.sql_stores import sql_stores

app = typer.Typer(no_args_is_help=True, help="Tariffs, quotes, metering of recordings, receipts.")
app.command("meter")(meter)
add_to(app)
app.command("policy")(policy)
err = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")]
Language = Annotated[str, typer.Option("--lang", help="zh or en.")]


@app.command()
def check(
    tariff: WhichTariff,
    svg: Annotated[Path | None, typer.Option("--svg", help="Where to draw price over distance; default: ID.svg here.")] = None,
    lang: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Say in words what a tariff charges and draw its price over distance by day and night; or say what is wrong, with line and cure."""
    language, found = _language(lang), _tariff(tariff, as_json)
    picture = svg or Path(f"{found.id}.svg")
    picture.write_text(chart_svg(found, language), "utf-8")
    if as_json:
        day, night = curves(found)
        points = {"day": day.points, "night": () if night is None else night.points}
        head = {"id": found.id, "hash": tariff_hash(found), "currency": found.currency, "svg": str(picture)}
        typer.echo(json.dumps({**head, "explained": explain(found, language), "points_mm_minor": points}, ensure_ascii=False))
        return
    typer.echo(
        f"{found.title.zh if language == 'zh' else found.title.en} ({found.id}, {found.currency}, {found.zone}, from {found.valid_from})"
    )
    typer.echo(f"{found.source} [{found.confidence.value}]")
    for sentence in explain(found, language):
        typer.echo(f"  - {sentence}")
    typer.echo(f"version {tariff_hash(found)}")
    err.print(f"drawn: {picture}")


@app.command()
def quote(
    tariff: WhichTariff,
    km: Annotated[float | None, typer.Option("--km", min=0, max=2000, help="Length of one way, in kilometres.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="LAT,LON instead of --km.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="LAT,LON instead of --km.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="When she departs, such as 2026-03-02T22:30; the tariff's own zone.")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="How long one way takes; default: at 18 km/h.")] = None,
    visit_minutes: Annotated[float, typer.Option("--visit-minutes", min=0, help="How long she stays before the way back.")] = 60,
    carries: Annotated[list[str] | None, typer.Option("--carries", help="WORD or WORD=COUNT, such as luggage=2.")] = None,
    lang: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Price one way by a tariff, line by line, without a running hub. A distance between places is an estimate with a range."""
    language, found = _language(lang), _tariff(tariff, as_json)
    metres, seconds, basis = _way(km, start, end)
    depart_ms = _moment(at, found.zone)
    duration_ms = round(seconds * 1000 if minutes is None else minutes * 60_000)
    back_ms = depart_ms + duration_ms + round(visit_minutes * 60_000)
    if (why := refusal(found, depart_ms, back_ms)) is not None:
        _refuse(f"This tariff does not serve that trip: {why.value}. Choose another time or another tariff.", as_json, reason=why.value)
    more = {"appointment_ms": depart_ms + duration_ms, "back_start_ms": back_ms, "carries": _carried(carries or [])}
    priced = price(found, plain_trip(round(metres * 1000), depart_ms, duration_ms, **more))
    lines = line_faces(priced.lines, priced.currency)
    if as_json:
        low_mm, high_mm = way_range(round(metres * 1000), basis)
        way = {"basis": basis.value, "metres": round(metres), "low_m": round(low_mm / 1000), "high_m": round(high_mm / 1000)}
        typer.echo(json.dumps({**msgspec.to_builtins(priced), "lines": msgspec.to_builtins(lines), "way": way}, ensure_ascii=False))
        return
    for line in lines:
        typer.echo(f"{getattr(line.amount, language):>14}  {getattr(line.text, language)}")
    typer.echo(
        f"{money(priced.total_minor, priced.currency, language):>14}  = {distance(round(metres * 1000), found.unit.value, language)}"
    )
    if basis is Basis.ESTIMATED:
        err.print("The distance is estimated: straight line x 1.27.")


@app.command()
def replay(visit: Annotated[str, typer.Argument(help="The visit's id.")], lang: Language = "en", as_json: AsJson = False) -> None:
    """Compute a visit's newest receipt again from the stored fixes: `identical`, or what differs (exit code 1)."""
    language = _language(lang)
    found = run_on_databases(_replayed(visit))
    if as_json:
        told = [{"field": name, "stored": stored, "again": again} for name, stored, again in found.differences]
        head = {"visit_id": visit, "identical": found.is_identical, "lost_fixes": found.lost_fixes}
        shown = {**head, "differences": told, "receipt": desk_face(found.again)}
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        _tell_replay(found, language)
    if not found.is_identical:
        raise typer.Exit(1)


async def _replayed(visit: str) -> Replay:
    async with contextlib.AsyncExitStack() as stack:
        floor = open_floor(settings_or_exit(), stack)
        fares = fare_flows(floor, sql_stores(floor.keys, floor.ids), FactorRouter(), None)
        return await fares.receipts.replay(VisitId(visit))


def _tell_replay(found: Replay, language: str) -> None:
    receipt = found.again
    for line in line_faces(receipt.lines, receipt.currency):
        typer.echo(f"{getattr(line.amount, language):>14}  {getattr(line.text, language)}")
    typer.echo(f"{money(receipt.customer_minor, receipt.currency, language):>14}  = {receipt.billed.value}, tariff {receipt.tariff_id}")
    for name, stored, again in (leaf for each in found.differences for leaf in unlike(*each)):
        typer.echo(f"differs: {name}: stored {_plain(stored)}, computed {_plain(again)}")
    typer.echo(f"identical: {receipt.digest}" if found.is_identical else "NOT identical")
    if found.lost_fixes:
        err.print(
            f"{found.lost_fixes} of the {fixes_seen(found.stored)} fixes that the receipt stands on are no longer stored, so it cannot be "
            "proved here: they are forgotten after PORCHLIGHT_FIX_DAYS. The receipt stays."
        )
    err.print(NOT_A_TAXIMETER[language])


def unlike(name: str, stored: Any, again: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs within a field, as (path, stored, again): `meter.gaps[1].filled_mm` rather than two whole meters."""
    if isinstance(stored, dict) and isinstance(again, dict):
        pairs = [(f"{name}.{key}", stored.get(key), again.get(key)) for key in {**stored, **again}]
    elif isinstance(stored, list | tuple) and isinstance(again, list | tuple):
        pairs = [(f"{name}[{at}]", *each) for at, each in enumerate(zip_longest(stored, again))]
    else:
        yield name, stored, again
        return
    for path, one, two in pairs:
        if one != two:
            yield from unlike(path, one, two)


def _plain(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tariff(which: str, as_json: bool) -> Tariff:
    try:
        return read_tariff(tariff_text(which))
    except BadTariff as bad:
        problems = bad.members["problems"]
        _refuse("\n".join(f"{which}:{each['line']}: {each['what']} {each['cure']}" for each in problems), as_json, problems=problems)
    except BadInput as bad:
        _refuse(bad.detail, as_json)


def _refuse(text: str, as_json: bool, **members: Any) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"error": text, **members}, ensure_ascii=False))
    else:
        err.print(text, markup=False)
    raise typer.Exit(1)


def _language(lang: str) -> str:
    if lang not in ("zh", "en"):
        raise typer.BadParameter("Write zh or en.", param_hint="--lang")
    return lang


def _way(km: float | None, start: str | None, end: str | None) -> tuple[float, float, Basis]:
    if km is not None and start is None and end is None:
        return km * 1000, km * 200, Basis.ROAD
    if km is not None or start is None or end is None:
        raise typer.BadParameter("Give --km, or --from and --to.")
    route = factor_route(_place(start), _place(end))
    return route.metres, route.seconds_p50, Basis.ESTIMATED


def _place(text: str) -> LatLon:
    try:
        lat, lon = (float(part) for part in text.split(","))
        return LatLon.checked(lat, lon)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no place: {error} Write LAT,LON such as 39.908,116.397.") from None


def _moment(at: str | None, zone: str) -> int:
    try:
        told = SystemClock().now() if at is None else datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f"{at!r} is no time. Write 2026-03-02T22:30.", param_hint="--at") from None
    return to_ms(told if told.tzinfo is not None else told.replace(tzinfo=ZoneInfo(zone)))


def _carried(words: list[str]) -> list[tuple[str, int]]:
    found = [re.fullmatch(r"([a-z][a-z0-9_]*)(?:=(\d{1,3}))?", word) for word in words]
    if not all(found):
        raise typer.BadParameter("Write WORD or WORD=COUNT, such as luggage=2.", param_hint="--carries")
    return [(each[1], int(each[2] or 1)) for each in found if each is not None]
