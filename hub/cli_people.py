"""`porchlight technician`, `device`, `dispatcher`: the people of a hub, from a terminal on its own machine.

They use the flows that HTTP uses, as an owner of every site. A running hub notices what they change within seconds.
"""

from typing import Annotated, Any

import msgspec
import typer

from core.caller import Role
from core.errors import NotFound
from core.ids import DeviceId, RandomIds, TechnicianId
from hub.cli_tell import AsJson, Operator, err, run, secret, site_named, tell, tell_all
from visits.credential import Dispatcher
from visits.desk_access_flow import NewDispatcher
from visits.http_desk_access import dispatcher_face
from visits.people_flow import EnrolledDevice, NewTechnician
from visits.person_face import device_face, technician_face
from visits.service import VerifiedLevel
from visits.visit_stores import Page

technician_app = typer.Typer(no_args_is_help=True, help="Technicians: enter, list, show, verify, stop and start them.")
device_app = typer.Typer(no_args_is_help=True, help="Phones: codes that enrol them, tokens for tracker apps, lists, revoking.")
dispatcher_app = typer.Typer(no_args_is_help=True, help="Dispatchers: enter, list, block, give a new password.")
SiteOption = Annotated[str | None, typer.Option("--site", help="Id of the site; not needed where there is only one.")]
TechnicianArgument = Annotated[str, typer.Argument(help="Id of the technician.")]
LEVELS = "What was seen of her: 0 nothing, 1 her phone number was proved, 2 her identity document, 3 that and her certificate."
ALL = Page(limit=100_000)


@technician_app.command("new")
def new_technician(
    name: Annotated[str, typer.Argument(help="Her name, as the desk knows it.")],
    site: SiteOption = None,
    shown_name: Annotated[str | None, typer.Option(help="What customers read; the first word of the name without one.")] = None,
    phone: Annotated[str | None, typer.Option(help="Her phone, +491701234567.")] = None,
    language: Annotated[str | None, typer.Option(help="Her language, such as de or zh-CN.")] = None,
    level: Annotated[int, typer.Option(min=0, max=3, help=LEVELS)] = 1,
    as_json: AsJson = False,
) -> None:
    """Enter a technician."""

    async def story(operator: Operator) -> Any:
        new = NewTechnician(name=name, shown_name=shown_name, phone=phone, language=language, verified_level=VerifiedLevel(level))
        return await operator.people.people.enter(operator.caller, await site_named(operator, site), new)

    tell(technician_face(run(story), phone=phone), as_json)


@technician_app.command("list")
def list_technicians(
    site: Annotated[str | None, typer.Option("--site", help="Only of this site.")] = None,
    on_shift: Annotated[bool, typer.Option("--on-shift", help="Only those with an open shift.")] = False,
    as_json: AsJson = False,
) -> None:
    """List technicians and their shifts."""

    async def story(operator: Operator) -> list[Any]:
        where = None if site is None else await site_named(operator, site)
        found = await operator.people.roster.page(operator.caller, ALL, where, only_on_shift=on_shift)
        return [technician_face(each.technician, shift=each.shift) for each in found]

    tell_all(run(story), ("id", "site_id", "name", "verified_level", "is_active", "shift.state", "shift.planned_end"), as_json)


@technician_app.command("show")
def show_technician(id: TechnicianArgument, as_json: AsJson = False) -> None:
    """Show a technician; the look is noted."""
    technician = run(lambda operator: operator.people.people.get(operator.caller, TechnicianId(id)))
    tell(technician_face(technician, phone=technician.phone), as_json)


@technician_app.command("level")
def set_level(
    id: TechnicianArgument,
    level: Annotated[int, typer.Argument(min=0, max=3, help=LEVELS)],
    as_json: AsJson = False,
) -> None:
    """Say how well the site knows a technician: which services she may be given, and what customers read about her."""

    async def story(operator: Operator) -> Any:
        return await operator.people.people.change(operator.caller, TechnicianId(id), verified_level=VerifiedLevel(level))

    tell(technician_face(run(story)), as_json)


@technician_app.command("stop")
def stop_technician(id: TechnicianArgument, as_json: AsJson = False) -> None:
    """Make a technician inactive; her phones are revoked."""
    tell(technician_face(_set_active(id, is_active=False)), as_json)


@technician_app.command("start")
def start_technician(id: TechnicianArgument, as_json: AsJson = False) -> None:
    """Make a technician active again; her phones have to be enrolled anew."""
    tell(technician_face(_set_active(id, is_active=True)), as_json)


@device_app.command("enrol")
def enrol(technician: TechnicianArgument, as_json: AsJson = False) -> None:
    """Print a one-time code by which one phone of hers is enrolled, within 24 hours."""
    code = run(lambda operator: operator.people.people.offer_enrolment(operator.caller, TechnicianId(technician)))
    note = "for one phone, once, within 24 hours. She types it on the technician's page or in the app."
    secret("enrolment code", code, note, {"code": code, "technician_id": technician} if as_json else None)


@device_app.command("token")
def token(
    technician: TechnicianArgument,
    label: Annotated[str, typer.Option(help="What to call the phone.")] = "tracker",
    platform: Annotated[str, typer.Option(help="What it is, such as traccar or osmand.")] = "tracker",
    as_json: AsJson = False,
) -> None:
    """Enrol a phone here and print its token, for tracker apps that cannot type a code."""

    async def story(operator: Operator) -> EnrolledDevice:
        code = await operator.people.people.offer_enrolment(operator.caller, TechnicianId(technician))
        return await operator.people.people.enrol(code, label, platform, "terminal")

    made = run(story)
    facts = {"token": made.token, "device_id": made.device.id, "technician_id": technician}
    secret("device token", made.token, "told this once. A tracker app reports to /in/osmand/TOKEN.", facts if as_json else None)


@device_app.command("list")
def list_devices(technician: TechnicianArgument, as_json: AsJson = False) -> None:
    """List her phones."""
    found = run(lambda operator: operator.people.people.devices(operator.caller, TechnicianId(technician)))
    columns = ("id", "device_no", "label", "platform", "enrolled_at", "revoked_at")
    tell_all([device_face(each) for each in found], columns, as_json)


@device_app.command("revoke")
def revoke(id: Annotated[str, typer.Argument(help="Id of the phone; `porchlight device list` shows it.")], as_json: AsJson = False) -> None:
    """End a phone's token and its open sockets at once."""
    run(lambda operator: operator.people.people.revoke_device(operator.caller, DeviceId(id)))
    if as_json:
        tell({"id": id, "revoked": True}, as_json)
    else:
        err.print("revoked")


@dispatcher_app.command("new")
def new_dispatcher(
    user: Annotated[str, typer.Argument(help="Log-in name.")],
    site: Annotated[list[str] | None, typer.Option("--site", help="Sites she watches; every one without. Repeatable.")] = None,
    role: Annotated[Role, typer.Option(help="What she may do.")] = Role.DISPATCHER,
    name: Annotated[str, typer.Option(help="Her name.")] = "",
    password: Annotated[str | None, typer.Option(envvar="PORCHLIGHT_NEW_PASSWORD", help="First password; made and told without.")] = None,
    as_json: AsJson = False,
) -> None:
    """Enter a dispatcher and print her first password; she changes it after logging in."""
    first = password or RandomIds().new_token("")[:20]

    async def story(operator: Operator) -> Dispatcher:
        sites = frozenset([await site_named(operator, each) for each in site]) if site else operator.caller.sites
        new = NewDispatcher(user=user, name=name, password=first, sites=sites, roles=frozenset({role}))
        return await operator.people.desk.enter(operator.caller, new)

    entered = run(story)
    err.print(f"{entered.user} watches {', '.join(sorted(entered.sites))} as {role.value}.")
    if as_json:
        tell({**msgspec.to_builtins(dispatcher_face(entered)), "password": first if password is None else None}, as_json)
    elif password is None:
        secret("first password", first, "told this once.")


@dispatcher_app.command("list")
def list_dispatchers(as_json: AsJson = False) -> None:
    """List dispatchers."""
    found = run(lambda operator: operator.people.desk.page(operator.caller, ALL))
    tell_all([dispatcher_face(each) for each in found], ("id", "user", "name", "sites", "roles", "has_totp", "is_active"), as_json)


@dispatcher_app.command("reset")
def reset(user: Annotated[str, typer.Argument(help="Log-in name.")], as_json: AsJson = False) -> None:
    """Give a dispatcher a new password and drop her second factor; all her sessions end."""
    fresh = RandomIds().new_token("")[:20]

    async def story(operator: Operator) -> None:
        await operator.people.desk.reset_password(operator.caller, (await _dispatcher(operator, user)).id, fresh)

    run(story)
    secret("new password", fresh, "told this once.", {"user": user, "password": fresh} if as_json else None)


@dispatcher_app.command("block")
def block(user: Annotated[str, typer.Argument(help="Log-in name.")], as_json: AsJson = False) -> None:
    """Block a dispatcher at once; all her sessions end."""
    _set_dispatcher_active(user, is_active=False, as_json=as_json)


@dispatcher_app.command("unblock")
def unblock(user: Annotated[str, typer.Argument(help="Log-in name.")], as_json: AsJson = False) -> None:
    """Let a blocked dispatcher log in again."""
    _set_dispatcher_active(user, is_active=True, as_json=as_json)


def _set_active(id: str, *, is_active: bool) -> Any:
    return run(lambda operator: operator.people.people.change(operator.caller, TechnicianId(id), is_active=is_active))


def _set_dispatcher_active(user: str, *, is_active: bool, as_json: bool) -> None:
    async def story(operator: Operator) -> None:
        await operator.people.desk.change(operator.caller, (await _dispatcher(operator, user)).id, is_active=is_active)

    run(story)
    if as_json:
        tell({"user": user, "is_active": is_active}, as_json)
    else:
        err.print(f"{user} is {'active' if is_active else 'blocked'}.")


async def _dispatcher(operator: Operator, user: str) -> Dispatcher:
    for each in await operator.people.desk.page(operator.caller, ALL):
        if each.user == user.lower():
            return each
    raise NotFound(f"There is no dispatcher {user!r}. See `porchlight dispatcher list`.")
