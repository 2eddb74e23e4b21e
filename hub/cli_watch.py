"""`porchlight site plan`, `unplan`, `drill`, `drills`: who is to watch a site and when, and whether its alarm chain works."""

from collections.abc import Awaitable, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer

from core.caller import Caller
from core.errors import BadInput, NotFound
from core.ids import DispatcherId, SiteId
from hub.cli_desk import run_desk, site_of
from hub.cli_tell import AsJson, err, tell, tell_all
from hub.local_people import Local
from hub.wire_desk_records import duty_plans
from hub.wire_safety import site_rules
from notifications.notice import Channel
from notifications.recipient import RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from safety.canary import fault_of
from safety.preflight import Finding, findings
from safety.site_rules import checked
from safety.sql_canary import SqlCanaryRuns
from safety.sql_duties import SqlResponders, SqlWatchers
from visits.visit_stores import Page

SiteArgument = Annotated[str | None, typer.Option("--site", help="Id of the site; not needed where there is only one.")]
EVERYONE = Page(limit=100_000)


def add_to(app: typer.Typer) -> None:
    """Add the commands to `porchlight site`."""
    for name, command in (("plan", plan), ("unplan", unplan), ("drill", drill), ("drills", drills)):
        app.command(name)(command)


async def lacks(local: Local, site_id: SiteId) -> Sequence[Finding]:
    """Return what the site's ladder lacks now, as if every channel had a carrier."""
    watchers = SqlWatchers(SqlResponders(), SqlRecipients(local.floor.keys), frozenset(Channel))
    async with local.floor.truth.read() as tx:
        return findings(await watchers.watchers(tx, site_id), local.floor.clock.now())


async def unwatched(local: Local, site_id: SiteId) -> list[str]:
    """Return what would keep a tap from being answered, a sentence with a cure each. Whether carriers work is `porchlight doctor`'s."""
    floor, rules = local.floor, site_rules(local.floor)
    plans, zone = duty_plans(floor, local.people.stores), await _zone(local, site_id)
    found = await lacks(local, site_id)
    async with floor.truth.read() as tx:
        found = [*found, *await plans.ahead(tx, site_id, zone.key)]
        runs, has_drill = await SqlCanaryRuns().newest(tx, site_id, 2), (await rules.of(tx, site_id)).canary_at_h is not None
    broken = fault_of(runs, floor.clock.now()) if has_drill else None
    # Health names the site, because it tells of all; whoever asked here knows which one it is.
    return [*(each.cure for each in found), *([broken.removeprefix(f"{site_id}: ")] if broken else [])]


def plan(
    user: Annotated[str | None, typer.Argument(help="Log-in name of who is to watch; nobody: show the plan.")] = None,
    from_at: Annotated[str | None, typer.Argument(help="From when: 2026-03-02T22:00, or 22:00 for the next one. The site's clock.")] = None,
    until_at: Annotated[str | None, typer.Argument(help="Until when, in the same way.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=336, help="Show so many hours ahead.")] = 24,
    site: SiteArgument = None,
    as_json: AsJson = False,
) -> None:
    """Show who is planned for the desk and when nobody is, or plan somebody: porchlight site plan ana 22:00 06:00."""
    if user is not None and (from_at is None or until_at is None):
        raise BadInput("Say from when and until when: porchlight site plan ana 22:00 06:00.")

    async def story(local: Local, caller: Caller) -> Any:
        where = site_of(caller, site)
        flow, zone, now = duty_plans(local.floor, local.people.stores), await _zone(local, where), local.floor.clock.now()
        if user is not None and from_at is not None and until_at is not None:
            first = _read(from_at, zone, now)
            return await flow.plan(caller, where, await _dispatcher(local, caller, user), first, _read(until_at, zone, first))
        planned, gaps = await flow.planned(caller, where, now, now + timedelta(hours=hours))
        names = {each.id: each.user for each in await local.people.desk.page(caller, EVERYONE)}
        return {
            "planned": [{**msgspec.structs.asdict(each), "user": names.get(each.dispatcher_id, each.dispatcher_id)} for each in planned],
            "gaps": gaps, "zone": zone.key,
        }  # fmt: skip

    found = run_desk(story)
    if as_json or user is not None:
        tell(found, as_json)
        return
    zone = ZoneInfo(found["zone"])
    rows = [("planned", each["user"], each) for each in found["planned"]] + [("nobody", "", each) for each in found["gaps"]]
    rows.sort(key=lambda row: row[2]["from_at"])
    shown = [
        {"what": what, "user": who, "from": _local(each["from_at"], zone), "until": _local(each["until_at"], zone), "id": each.get("id")}
        for what, who, each in rows
    ]
    tell_all(shown, ("what", "user", "from", "until", "id"), as_json)


def unplan(id: Annotated[str, typer.Argument(help="Id of the planned duty; see `plan`.")], site: SiteArgument = None) -> None:
    """Take a duty out of the plan."""

    async def story(local: Local, caller: Caller) -> None:
        await duty_plans(local.floor, local.people.stores).remove(caller, site_of(caller, site), id)

    run_desk(story)
    err.print("taken out")


def drill(
    hour: Annotated[str, typer.Argument(help="Local hour of the daily drill, 0 to 23; off ends the drills.")],
    phone: Annotated[str | None, typer.Option(help="The phone that gets its notices, +491701234567; kept where it was set before.")] = None,
    within_min: Annotated[int | None, typer.Option(min=1, max=60, help="Minutes within which they must arrive.")] = None,
    site: SiteArgument = None,
    as_json: AsJson = False,
) -> None:
    """Let the hub press for itself once a day and alarm the owners when its notice does not arrive."""
    if hour != "off" and not (hour.isdecimal() and int(hour) < 24):
        raise BadInput(f"{hour!r} is no hour. Write 0 to 23, by the site's clock, or off.")

    async def story(local: Local, caller: Caller) -> Any:
        where, rules = site_of(caller, site), site_rules(local.floor)
        async with local.floor.truth.begin() as tx:
            before = await rules.of(tx, where)
            recipient_id = before.canary.recipient_id if phone is None else (await _sink(local, where, phone)(tx)).id
            canary = msgspec.structs.replace(
                before.canary, recipient_id=recipient_id, within_min=within_min or before.canary.within_min
            )
            after = msgspec.structs.replace(before, canary_at_h=None if hour == "off" else int(hour), canary=canary)
            await rules.put(tx, where, checked(after), "dispatcher:operator", local.floor.clock.now())
        return {"site_id": where, "canary_at_h": after.canary_at_h, **msgspec.structs.asdict(canary)}

    tell(run_desk(story), as_json)


def drills(
    site: SiteArgument = None,
    limit: Annotated[int, typer.Option(min=1, max=400, help="At most so many.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Show how the daily drills went, newest first; leaves with code 1 where the last one failed."""

    async def story(local: Local, caller: Caller) -> Any:
        async with local.floor.truth.read() as tx:
            return list(await SqlCanaryRuns().newest(tx, site_of(caller, site), limit))

    found = run_desk(story)
    if not found and not as_json:
        err.print("There was no drill yet. Set its hour with: porchlight site drill 4 --phone +491701234567")
    tell_all(found, ("day", "outcome", "started_at", "ended_at", "detail"), as_json)
    if found and found[0]["outcome"] == "failed":
        raise typer.Exit(1)


def _sink(local: Local, site_id: SiteId, phone: str) -> Any:
    floor = local.floor
    people = RecipientsFlow(
        work=floor.truth, recipients=SqlRecipients(floor.keys), outbox=SqlOutbox(floor.keys, floor.clock), clock=floor.clock, ids=floor.ids
    )
    new = NewRecipient(site_id=site_id, kind=RecipientKind.CANARY, owner_id=site_id, name="Daily drill", number=phone, language="en")

    def add(tx: Any) -> Awaitable[Any]:
        return people.add(tx, new)

    return add


async def _zone(local: Local, site_id: SiteId) -> ZoneInfo:
    async with local.floor.truth.read() as tx:
        site = await local.people.stores.sites.get(tx, site_id)
    return ZoneInfo("UTC" if site is None else site.zone)


async def _dispatcher(local: Local, caller: Caller, user: str) -> DispatcherId:
    for each in await local.people.desk.page(caller, EVERYONE):
        if each.user == user.lower():
            return each.id
    raise NotFound(f"There is no dispatcher {user!r}. See `porchlight dispatcher list`.")


def _read(text: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Return the moment that a person wrote by the site's clock; an hour alone is the next one after `after`."""
    try:
        if "T" in text or len(text) > 5:
            at = datetime.fromisoformat(text)
            return at if at.tzinfo is not None else at.replace(tzinfo=zone)
        here = after.astimezone(zone)
        at = datetime.combine(here.date(), time.fromisoformat(text), tzinfo=zone)
    except ValueError:
        raise BadInput(f"{text!r} is no time. Write 22:00, or 2026-03-02T22:00, by the site's clock.") from None
    return at if at > after else at + timedelta(days=1)


def _local(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%a %d %b %H:%M}"


