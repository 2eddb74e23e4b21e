"""`porchlight notices`: what was told to whom, what a text will look like, and the delivery log of webhooks.

`preview` needs no hub and no database; the others read the hub's own. Numbers stay masked. Exit codes: 0 done, 1 no such thing or a text
that is too long, 2 the command line does not fit.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from core.clock import Clock, SystemClock
from core.errors import BadInput
from core.ids import NoticeId, RandomIds, SiteId
from core.key_ring import KeyRing
from core.sql import open_engine
from core.unit_of_work import UnitOfWork
from hub.cli_tell import AsJson, run_on_databases, secret, tell, tell_all
from hub.join_customer_texts import DATED
from hub.serve import settings_or_exit
from notifications.alarms_flow import AlarmsFlow
from notifications.country import rule_of
from notifications.error_class import in_words
from notifications.http_notices import NoticeOut, notice_out
from notifications.notice import Lane, NoticeState
from notifications.notice_look_flow import NoticeLookFlow
from notifications.sql_outbox import SqlOutbox
from notifications.sql_recipients import SqlRecipients
from notifications.sql_webhooks import SqlWebhooks
from notifications.templates import LANGUAGES, MAX_PARTS, Templates, Variant, load_templates
from notifications.webhook import Answer, Delivery, Endpoint
from notifications.webhook_flow import WebhookFlow
from visits.sql_sites import SqlSites

app = typer.Typer(no_args_is_help=True, help="Notices: list, show, preview texts; webhooks: list, log, replay, rotate secrets.")
err = Console(stderr=True, highlight=False, soft_wrap=True)
T = TypeVar("T")
SAMPLE = {
    "name": {"zh-CN": "王小明", "en": "Wang Xiaoming"},
    "place": {"zh-CN": "浦东新区世纪大道100号1203室", "en": "1203, 100 Century Avenue"},
    "detail": {"zh-CN": "停留过久", "en": "a long stop"},
    "site": {"zh-CN": "上海", "en": "Shanghai"},
    "time": {"zh-CN": "14:32", "en": "14:32"},
    "amount": {"zh-CN": "¥18.00", "en": "CNY 18.00"},
    "link": {"zh-CN": "https://hub.example/t/abc", "en": "https://hub.example/t/abc"},
    "door_code": {"zh-CN": "38", "en": "38"},
    "digits": {"zh-CN": "482160", "en": "482160"},
    "who": {"zh-CN": "王小明 ***23", "en": "Wang Xiaoming ***23"},
    "error": {"zh-CN": "30006", "en": "30006"},
    "alarm": {"zh-CN": "number_unreachable", "en": "number_unreachable"},
}
"""What a previewed text is filled with where `--set` says nothing."""
SAMPLE_DAY = {"time": {"zh-CN": "11月28日周六 14:00-15:00", "en": "Sat 28 Nov, 14:00-15:00"}}
SAMPLES_OF = {text.template: SAMPLE_DAY for text in DATED} | {
    "operator_alarm": {
        "detail": {"zh-CN": "", "en": "Wang Xiaoming ***23 takes no texts (error 30006). Calls go on; ask for another number."},
    }
}
"""What in single texts stands instead."""
_SHORT = {"zh": "zh-CN", "cn": "zh-CN", "zh-cn": "zh-CN", "en": "en"}


class Opened(msgspec.Struct, frozen=True):
    """The hub's databases and flows, opened for one command."""

    sites: frozenset[SiteId]
    look: NoticeLookFlow
    webhooks: WebhookFlow


@app.command()
def preview(
    template: Annotated[str, typer.Argument(help="Which text; `all` for every one.")],
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    country: Annotated[str, typer.Option(help="Two letters: whose rules apply, such as CN or US.")] = "CN",
    lane: Annotated[Lane | None, typer.Option(help="Default: p0 for emergencies, else p2.")] = None,
    signature: Annotated[str, typer.Option(help="How the text begins.")] = "Porchlight",
    values: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE of a variable. Repeatable.")] = None,
    again: Annotated[bool, typer.Option("--again", help="As the second copy of an emergency.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a text as a phone gets it: words, alphabet, parts; and what a call says."""
    language = _language(lang)
    texts = load_templates()
    names = texts.names() if template == "all" else [template]
    if unknown := [name for name in names if name not in texts.names()]:
        raise BadInput(f"There is no text {unknown[0]!r}. There are: {', '.join(texts.names())}.")
    told = _values(values or [], _fillable(texts, names))
    if len(country) != 2 or not country.isalpha():
        raise BadInput(f"{country!r} is no country. Give its two letters, such as CN or US.")
    shown = []
    for name in names:
        given = {key: words[language] for key, words in (SAMPLE | SAMPLES_OF.get(name, {})).items()} | told
        in_lane = lane or (Lane.P0 if name.startswith(("sos", "helper")) else Lane.P2)
        made = texts.sms(
            name, given, language=language, lane=in_lane, rule=rule_of(country.upper()), code="4821", signature=signature, is_repeat=again
        )
        spoken = texts.speech(name, given, language=language, lane=in_lane, code="4821").text
        shown.append(
            {
                "template": name,
                "text": made.text,
                "encoding": made.segments.encoding.value,
                "units": made.segments.units,
                "parts": made.segments.parts,
                "max_parts": MAX_PARTS[in_lane],
                "spoken": spoken,
                "is_minimal": made.is_minimal,
            }
        )
    _show(shown, as_json)
    if any(one["parts"] > one["max_parts"] or one["is_minimal"] for one in shown):  # type: ignore[operator]
        raise typer.Exit(1)


@app.command("list")
def list_notices(
    subject: Annotated[str | None, typer.Option(help="Only about this incident or visit.")] = None,
    state: Annotated[NoticeState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List notices, newest first."""

    async def story(opened: Opened) -> Any:
        found = await opened.look.listed(opened.sites, subject, state, None, limit)
        return [_with_words(notice_out(row, person)) for row, person in found]

    tell_all(_run(story), ("id", "created_at", "lane", "channel", "template", "to", "state", "error"), as_json)


@app.command()
def show(id: Annotated[str, typer.Argument(help="The notice's id.")], as_json: AsJson = False) -> None:
    """Show one notice with every request that was made for it."""

    async def story(opened: Opened) -> Any:
        return _with_words(notice_out(*await opened.look.read(opened.sites, NoticeId(id))))

    facts = _run(story)
    tries = () if as_json else facts.pop("tries")
    tell(facts, as_json)
    if tries:
        typer.echo()
        tell_all(tries, ("number", "carrier", "started_at", "receipt", "error"), as_json)


@app.command()
def webhooks(as_json: AsJson = False) -> None:
    """List webhook endpoints."""

    async def story(opened: Opened) -> Any:
        return [_without_secrets(endpoint) for endpoint in await opened.webhooks.endpoints(opened.sites)]

    tell_all(_run(story), ("id", "site_id", "url", "families", "state", "reason", "failing_since"), as_json)


@app.command()
def deliveries(
    endpoint: Annotated[str, typer.Argument(help="The endpoint's id.")],
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was delivered to an endpoint, newest first."""

    async def story(opened: Opened) -> Any:
        return [_without_body(delivery) for delivery in await opened.webhooks.log_of(endpoint, limit=limit)]

    tell_all(_run(story), ("id", "created_at", "type", "subject", "state", "attempts", "last_status", "last_error"), as_json)


@app.command()
def replay(
    endpoint: Annotated[str, typer.Argument(help="The endpoint's id.")],
    delivery: Annotated[str, typer.Argument(help="The delivery's id.")],
    as_json: AsJson = False,
) -> None:
    """Put a delivery into the queue once more; a running hub sends it within seconds. Prints the id of the new delivery."""

    async def story(opened: Opened) -> Delivery:
        return await opened.webhooks.replay(endpoint, delivery)

    sent_again = _run(story)
    if as_json:
        tell(_without_body(sent_again), as_json)
    else:
        typer.echo(sent_again.id)


@app.command()
def rotate(endpoint: Annotated[str, typer.Argument(help="The endpoint's id, as `webhooks` lists it.")], as_json: AsJson = False) -> None:
    """Give an endpoint a new secret, shown this once. Nothing is lost on the way: the former secret signs beside it for a day.

    Put the new secret into the receiving program within the day; read_hook of porchlight_client takes a list of both meanwhile. When a
    secret may be in wrong hands, rotate at once and refuse the former one at the receiver. The secret alone goes to stdout.
    """

    async def story(opened: Opened) -> Endpoint:
        return await opened.webhooks.rotate(endpoint)

    rotated = _run(story)
    if as_json:
        tell(_without_secrets(rotated) | {"secret": rotated.secrets[0]}, as_json)
    else:
        until = f"{rotated.old_secret_until:%Y-%m-%d %H:%M} UTC"
        secret("secret", rotated.secrets[0], f"of {rotated.url}, shown this once; the former one signs too until {until}")


class _NotSent:
    """Stands where a running hub sends: the command line only puts into the queue."""

    async def send(self, endpoint: Endpoint, delivery: Delivery, now: object) -> Answer:
        return Answer(None, "the command line does not send")


def _run(story: Callable[[Opened], Awaitable[T]]) -> T:
    settings = settings_or_exit()

    async def play() -> T:
        engine = open_engine(settings.store.truth_url)
        try:
            return await story(await _opened(UnitOfWork(engine), KeyRing(settings.store.secret_keys), SystemClock()))
        finally:
            await engine.dispose()

    return run_on_databases(play())


async def _opened(work: UnitOfWork, keys: KeyRing, clock: Clock) -> Opened:
    ids, outbox, recipients = RandomIds(), SqlOutbox(keys, clock), SqlRecipients(keys)
    async with work.read() as tx:
        sites = frozenset(site.id for site in await SqlSites().all(tx))
    alarms = AlarmsFlow(outbox=outbox, recipients=recipients, clock=clock)
    hooks = WebhookFlow(
        work=work, webhooks=SqlWebhooks(keys, clock, ids), sender=_NotSent(), alarms=alarms, clock=clock, ids=ids
    )
    return Opened(sites, NoticeLookFlow(work=work, outbox=outbox, recipients=recipients), hooks)


def _show(shown: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(shown).decode())
        return
    if len(shown) == 1:
        tell(shown[0], as_json=False)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("template", "encoding", "units", "parts"):
        table.add_column(column)
    table.add_column("text", overflow="fold")  # Chinese has no spaces to break at: it would be cropped
    for one in shown:
        table.add_row(*(str(one[column]) for column in ("template", "encoding", "units", "parts", "text")))
    Console(highlight=False).print(table)


def _language(lang: str) -> str:
    found = _SHORT.get(lang.lower(), lang)
    if found not in LANGUAGES:
        raise BadInput(f"There are no texts in {lang!r}. There are: zh, en.")
    return found


def _fillable(texts: Templates, names: list[str]) -> list[str]:
    """Return what can be set: a floor goes with a place, a code is always 4821."""
    wanted = {variable for name in names for variant in Variant for variable in texts.variables_of(name, variant)}
    return sorted((wanted | ({"floor"} if "place" in wanted else set())) - {"code"})


def _values(pairs: list[str], fillable: list[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise BadInput(f"{wrong[0]!r} is no NAME=VALUE.")
    given = dict(pair.split("=", 1) for pair in pairs)
    if unknown := [name for name in given if name not in fillable]:
        raise BadInput(f"No such variable {unknown[0]!r} in this text. There are: {', '.join(fillable) or 'none'}.")
    return given


def _with_words(notice: NoticeOut) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(notice)
    for one in (facts, *facts["tries"]):
        one["error"] = in_words(one["error_class"], one["error_code"])
    return facts


def _without_secrets(endpoint: Endpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in Endpoint.__struct_fields__ if name != "secrets"}


def _without_body(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in Delivery.__struct_fields__ if name != "body"}
