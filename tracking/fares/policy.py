"""Which figure is billed, and to whom? The site's policy: quoted, metered or capped, and what a visit costs that did not finish.

Called by `receipt`. Data, not code: a site may store its own table of unfinished visits. One row cannot be changed: a visit broken off
for safety is charged as an ordinary end and always pays the technician both ways.
"""

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from core.errors import BadInput
from visits.stage import Stage

Bps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
"""Ten-thousandths of a fare: 10,000 is all of it."""


class Billing(StrEnum):
    """Which figure is billed."""

    QUOTED = "quoted"
    """The accepted quote; the meter is evidence."""
    METERED = "metered"
    """The meter's way by the quote's tariff; the quote where the meter is not certain enough."""
    CAPPED = "capped"
    """The meter's, but never more than `cap_bps` of the accepted quote."""


class Ending(StrEnum):
    """How a visit came to its end, as far as the fare is concerned."""

    FINISHED = "finished"
    """The service took place."""
    CANCELLED_BEFORE_DEPARTURE = "cancelled_before_departure"
    """Called off before she set out."""
    CANCELLED_ON_WAY = "cancelled_on_way"
    """Called off while she was on her way."""
    CANCELLED_AT_DOOR = "cancelled_at_door"
    """Called off when she was there."""
    NO_SHOW = "no_show"
    """She waited and nobody opened."""
    ABORTED_UNSAFE = "aborted_unsafe"
    """She broke off because it was not safe; to everyone outside the desk it reads as finished."""


class Cause(StrEnum):
    """On whose side the reason lies."""

    CUSTOMER = "customer"
    """The customer's, or nobody said otherwise."""
    TECHNICIAN = "technician"
    """The technician's: illness, breakdown, a change of mind."""
    PLATFORM = "platform"
    """The platform's: a double booking, a mistake at the desk."""


class Ways(StrEnum):
    """How much of the way she is paid for."""

    NONE = "none"
    """Nothing."""
    AS_CHARGED = "as_charged"
    """The fare as its tariff makes it, whole, whatever share the customer pays."""
    BOTH = "both"
    """The way there and the way back, also where the tariff charges one way only."""


class Clause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: for this `ending` and `cause` (None: any) the customer pays `share_bps` of the fare and `fee_minor`.

    She is paid `ways`.
    """

    ending: Ending
    cause: Cause | None = None
    share_bps: Bps = 10_000
    fee_minor: Annotated[int, msgspec.Meta(ge=0)] = 0
    ways: Ways = Ways.AS_CHARGED


DEFAULT_CLAUSES = (
    Clause(ending=Ending.FINISHED),
    # Nobody was on the way: nothing is due.
    Clause(ending=Ending.CANCELLED_BEFORE_DEPARTURE, share_bps=0, ways=Ways.NONE),
    # She drove because the customer asked her to: all published rules keep the fare from departure on.
    Clause(ending=Ending.CANCELLED_ON_WAY, cause=Cause.CUSTOMER),
    Clause(ending=Ending.CANCELLED_ON_WAY, cause=Cause.PLATFORM, share_bps=0),
    Clause(ending=Ending.CANCELLED_ON_WAY, cause=Cause.TECHNICIAN, share_bps=0, ways=Ways.NONE),
    Clause(ending=Ending.CANCELLED_AT_DOOR, cause=Cause.CUSTOMER),
    Clause(ending=Ending.CANCELLED_AT_DOOR, cause=Cause.PLATFORM, share_bps=0),
    Clause(ending=Ending.CANCELLED_AT_DOOR, cause=Cause.TECHNICIAN, share_bps=0, ways=Ways.NONE),
    Clause(ending=Ending.NO_SHOW),
)
"""Starting values, from the published rules of at-home platforms; a site stores its own."""
_UNSAFE = Clause(ending=Ending.ABORTED_UNSAFE, ways=Ways.BOTH)


class FarePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site's choices. `cap_bps`: limit of `capped` in ten-thousandths of the quote; `quote_ttl_s`.

    How long a quote holds, in seconds.
    """

    billing: Billing = Billing.QUOTED
    cap_bps: Annotated[int, msgspec.Meta(ge=10_000, le=50_000)] = 12_000
    quote_ttl_s: Annotated[int, msgspec.Meta(ge=30, le=86_400)] = 900
    max_way_km: Annotated[int, msgspec.Meta(ge=1, le=2_000)] = 300
    """A longer way is taken for a mistake in the coordinates."""
    max_days_ahead: Annotated[int, msgspec.Meta(ge=1, le=731)] = 92
    """A quote for later is refused: until then the tariff may have changed, and a quote is a promise."""
    shows_live_fare: bool = True
    """Whether the customer sees the provisional figure while she is on her way."""
    clauses: tuple[Clause, ...] = DEFAULT_CLAUSES


def clause_of(policy: FarePolicy, ending: Ending, cause: Cause) -> Clause:
    """Return the one row that applies: the row of this cause, else the row of any cause, else that of the defaults."""
    if ending is Ending.ABORTED_UNSAFE:
        finished = clause_of(policy, Ending.FINISHED, cause)
        return msgspec.structs.replace(_UNSAFE, share_bps=finished.share_bps, fee_minor=finished.fee_minor)
    for rows in (policy.clauses, DEFAULT_CLAUSES):
        for wanted in (cause, None):
            if (found := _row(rows, ending, wanted)) is not None:
                return found
    return Clause(ending=ending, cause=cause)


def checked_policy(policy: FarePolicy) -> FarePolicy:
    """Return the policy, or raise `BadInput` when two rows say the same thing or one speaks of visits broken off for safety."""
    pairs = [(row.ending, row.cause) for row in policy.clauses]
    if len(set(pairs)) != len(pairs):
        raise BadInput("Two clauses are for the same ending and cause. Leave one of them out.")
    if any(row.ending is Ending.ABORTED_UNSAFE for row in policy.clauses):
        raise BadInput("aborted_unsafe always pays the technician both ways and charges as an ordinary end. Leave that clause out.")
    return policy


def agreed_policy(policy: FarePolicy) -> FarePolicy:
    """Return the policy as a new agreement takes it: a no-show that she reports costs what the site's row for the customer says.

    Her report counts as hers (`cause_of`), though it tells of the customer. A site's own row for the technician goes before
    it. Done at agreeing: what is agreed keeps its rows, and so old receipts their digests.
    """
    customers = _row(policy.clauses, Ending.NO_SHOW, Cause.CUSTOMER)
    if customers is None or _row(policy.clauses, Ending.NO_SHOW, Cause.TECHNICIAN) is not None:
        return policy
    return msgspec.structs.replace(policy, clauses=(*policy.clauses, msgspec.structs.replace(customers, cause=Cause.TECHNICIAN)))


def billing_facts(policy: FarePolicy) -> dict[str, Any]:
    """Return what of a policy a bill can depend on, for digests: a choice about quotes alone must not change what old receipts prove."""
    return {name: value for name, value in msgspec.to_builtins(policy).items() if name != "max_days_ahead"}


def ending_of(stages: Sequence[Stage]) -> Ending:
    """Return how a visit ended from the stages it went through, oldest first, its closing stage last."""
    if Stage.ABORTED_UNSAFE in stages:
        return Ending.ABORTED_UNSAFE
    last = stages[-1]
    if last is Stage.NO_SHOW:
        return Ending.NO_SHOW
    if last is not Stage.CANCELLED:
        return Ending.FINISHED
    before = next((stage for stage in reversed(stages[:-1]) if stage is not Stage.CANCELLED), Stage.CREATED)
    return _CANCELLED.get(before, Ending.CANCELLED_BEFORE_DEPARTURE)


def cause_of(actor: str, reason: str | None) -> Cause:
    """Return the side of a cancellation: the word of its reason where it begins with one of `Cause`, else by who acted (`kind:id`)."""
    word = (reason or "").split(":")[0].strip().lower()
    if word in {each.value for each in Cause}:
        return Cause(word)
    return Cause.TECHNICIAN if actor.partition(":")[0] in ("device", "technician") else Cause.CUSTOMER


def public_ending(ending: Ending) -> Ending:
    """Return the ending as anyone but the desk reads it."""
    return Ending.FINISHED if ending is Ending.ABORTED_UNSAFE else ending


def _row(rows: Sequence[Clause], ending: Ending, cause: Cause | None) -> Clause | None:
    return next((row for row in rows if row.ending is ending and row.cause is cause), None)


_CANCELLED = MappingProxyType({Stage.DEPARTED: Ending.CANCELLED_ON_WAY, Stage.ARRIVED: Ending.CANCELLED_AT_DOOR})
