"""`porchlight fare policy`: on which figure does a site bill its ways, and what does a visit cost that did not finish?

By the flow that HTTP uses. What was agreed before keeps the policy of its moment.
"""

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import typer

from core.caller import Caller
from core.errors import BadInput
from hub.cli_desk import run_desk, site_of
from hub.cli_fare_site import SiteOption, site_tariffs
from hub.cli_tell import AsJson, err, tell, tell_all
from hub.local_people import Local
from tracking.fares.policy import Billing, Cause, Clause, Ending, FarePolicy, Ways, agreed_policy, clause_of
from tracking.fares.words import EN, money

_ROW = re.compile(r"^(?P<share>\d{1,3}(\.\d{1,2})?)%(,fee=(?P<fee>\d{1,9}))?(,ways=(?P<ways>[a-z_]+))?$")
_CHOICES = tuple(name for name in get_type_hints(FarePolicy) if name != "clauses")
_COLUMNS = ("ending", "cause", "customer pays", "technician is paid")
_BILLING = {
    Billing.QUOTED: "the agreed price; the meter is evidence",
    Billing.METERED: "what the meter read; the agreed price where the meter is not certain (grade C)",
    Billing.CAPPED: "what the meter read, at most {most} of the agreed price",
}
_PAID = {Ways.NONE: "nothing", Ways.AS_CHARGED: "the fare", Ways.BOTH: "both ways"}


def policy(
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to change, as NAME=VALUE; without any the policy is shown. billing=quoted, metered or capped; cap_bps=12000, the "
            "limit of capped in ten-thousandths of the agreed price; quote_ttl_s=900; max_way_km=300; max_days_ahead=92, how far ahead a "
            "price is promised; shows_live_fare=yes or no; and rows for visits that did not finish, such as no_show=50%,fee=300 or "
            "cancelled_on_way/platform=0%,ways=as_charged."
        ),
    ] = None,
    site: SiteOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Take the whole policy from this JSON file, - for standard input; as --json prints it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or set how a site bills its ways, such as `porchlight fare policy billing=capped cap_bps=11000 --site munich`.

    A row names an ending (finished, cancelled_before_departure, cancelled_on_way, cancelled_at_door, no_show), where wanted after a stroke
    a cause (customer, technician, platform), and the share of the fare that the customer pays; then a fee in minor units, and how she is
    paid: ways=none, as_charged or both. A row with nothing after the = is taken out, and the hub's own counts again.

    The cause is the first word of the reason that was given, else who acted. A no-show that she reports counts as the customer's, unless
    there is a row no_show/technician.

    A visit broken off as unsafe is charged as a finished one and always pays her both ways: that row cannot be set.
    """
    whole = None if file is None else _from_file(file)

    async def story(local: Local, caller: Caller) -> dict[str, Any]:
        where, flow = site_of(caller, site), site_tariffs(local)
        before = await flow.policy(where)
        after = changed(before if whole is None else whole, changes or [])
        if after != before:
            await flow.set_policy(where, after)
        currency = (await local.people.sites.get(caller, where)).currency
        return {"site": where, "currency": currency, "policy": after, "changed": after != before}

    done = run_desk(story)
    if as_json:
        tell(done["policy"], as_json)
    else:
        _tell(done["site"], done["currency"], msgspec.convert(done["policy"], FarePolicy))
    if done["changed"]:
        err.print(f"Set: what is agreed at {done['site']} from now on is billed so. What was agreed before keeps its policy.")


def changed(before: FarePolicy, changes: list[str]) -> FarePolicy:
    """Return the policy with `field=value` and rows changed; raises `BadInput` with the cure for what fits nothing."""
    told: dict[str, Any] = {}
    clauses = {(row.ending, row.cause): row for row in before.clauses}
    for change in changes:
        name, sign, value = change.partition("=")
        if name in _CHOICES and sign:
            told[name] = {"yes": True, "no": False}.get(value, value) if name == "shows_live_fare" else value
            continue
        place = _place_of(change, name, sign)
        clauses.pop(place, None)
        if value:
            clauses[place] = _clause_of(change, place, value)
    facts = {**msgspec.structs.asdict(before), **told, "clauses": tuple(clauses.values())}
    return _converted(facts)


def _place_of(change: str, name: str, sign: str) -> tuple[Ending, Cause | None]:
    ending, _, cause = name.partition("/")
    try:
        if not sign:
            raise ValueError
        return Ending(ending), Cause(cause) if "/" in name else None
    except ValueError:
        endings, causes = ", ".join(each for each in Ending), ", ".join(each for each in Cause)
        raise BadInput(
            f"{change!r} fits nothing. Write one of {', '.join(_CHOICES)} as NAME=VALUE, or a row as ENDING=SHARE% or "
            f"ENDING/CAUSE=SHARE%: endings are {endings}; causes {causes}."
        ) from None


def _clause_of(change: str, place: tuple[Ending, Cause | None], value: str) -> Clause:
    found = _ROW.match(value)
    if found is None or found["ways"] not in {None, *Ways} or Decimal(found["share"]) > 100:
        raise BadInput(
            f"{change!r} is no row. Write the share of the fare that the customer pays, then what else there is, such as "
            f"{place[0]}=50%,fee=300,ways=as_charged: a share of 0% to 100% with up to two decimals, a fee in minor units, "
            f"ways one of {', '.join(each for each in Ways)}."
        )
    ways = {} if found["ways"] is None else {"ways": Ways(found["ways"])}
    return Clause(ending=place[0], cause=place[1], share_bps=int(Decimal(found["share"]) * 100), fee_minor=int(found["fee"] or 0), **ways)


def _from_file(file: Path) -> FarePolicy:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        return msgspec.json.decode(text, type=FarePolicy)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise BadInput(f"{file} holds no fare policy: {error}. Start from what `porchlight fare policy --json` prints.") from None


def _converted(facts: dict[str, Any]) -> FarePolicy:
    try:
        return msgspec.convert(facts, FarePolicy, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(f"The policy does not fit: {error}. See `porchlight fare policy --help` for what each field takes.") from None


def _tell(site: str, currency: str, policy: FarePolicy) -> None:
    facts = {"site": site, **{name: getattr(policy, name) for name in _CHOICES}}
    facts["billing"] = f"{policy.billing}: {_BILLING[policy.billing].format(most=_percent(policy.cap_bps))}"
    tell(msgspec.to_builtins(facts), as_json=False)
    typer.echo("")
    tell_all(list(_rows(policy, currency)), _COLUMNS, as_json=False)


def _rows(policy: FarePolicy, currency: str) -> Iterator[dict[str, str]]:
    """Yield what applies to every ending, one row where every cause is treated alike."""
    agreed = agreed_policy(policy)
    for ending in Ending:
        by_cause = {cause.value: _said(clause_of(agreed, ending, cause), currency) for cause in Cause}
        alike = len(set(by_cause.values())) == 1
        for cause, (customer, technician) in [("any", by_cause[Cause.CUSTOMER])] if alike else by_cause.items():
            yield dict(zip(_COLUMNS, (ending.value, cause, customer, technician), strict=True))


def _said(clause: Clause, currency: str) -> tuple[str, str]:
    share = {0: "", 10_000: "the fare"}.get(clause.share_bps, f"{_percent(clause.share_bps)} of the fare")
    fee = money(clause.fee_minor, currency, EN) if clause.fee_minor else ""
    return " + ".join(each for each in (share, fee) if each) or "nothing", _PAID[clause.ways]


def _percent(bps: int) -> str:
    return f"{Decimal(bps) / 100:f} %"
