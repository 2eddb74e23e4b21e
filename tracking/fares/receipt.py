"""What is the customer charged and the technician paid, and how can anyone check it? The receipt of one visit.

Made by `receipt_flow`, stored by `sql_receipts`, shown by `http_receipts` and the pages. It names every input, so that `porchlight fare
replay` can compute it again; it never changes: what comes to light later makes an amendment with a number of its own.
"""

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from core.ids import SiteId, TechnicianId, VisitId
from tracking.fares.bill import Billed, Times, bill_of
from tracking.fares.metered import Gap, Grade, Metered
from tracking.fares.policy import Cause, Ending, FarePolicy, Ways, billing_facts, clause_of, public_ending
from tracking.fares.priced import Line
from tracking.fares.quote import Quote, quote_digest
from tracking.fares.tariff import Tariff

NOT_IN_DIGEST = ("number", "settled_ms", "digest", "amends", "difference_minor")
"""What may differ between two equal settlements."""
_NOT_FOR_CUSTOMERS = ("technician_minor", "platform_minor", "technician_id", "policy", "cause", "times", "site_id", "input_digest")


class PayWhy(StrEnum):
    """Why the technician is paid what she is paid, beside what the customer pays."""

    SAME = "same"
    """What the customer pays."""
    BOTH_WAYS = "both_ways"
    """The way there and back, more than the customer pays."""
    PLATFORM_ADDS = "platform_adds"
    """More: the platform bears what the customer is spared."""
    PLATFORM_KEEPS = "platform_keeps"
    """Less: the rules for visits that did not finish give her a smaller part."""


class MeterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the meter found, without the fixes: distances in millimetres, durations in ms, `digest` over its input and result."""

    distance_mm: int
    low_mm: int
    high_mm: int
    grade: Grade
    start_ms: int
    end_ms: int
    moving_ms: int
    slow_ms: int
    waiting_ms: int
    fixes: int
    rejected: dict[str, int]
    gaps: tuple[Gap, ...]
    algorithm: str
    digest: str


class QuoteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The accepted quote, without its places."""

    id: str
    basis: str
    distance_mm: int
    low_mm: int
    high_mm: int
    amount_minor: int
    customer_minor: int
    digest: str


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a receipt is computed from."""

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId | None
    currency: str
    ending: Ending
    cause: Cause
    closed_ms: int
    policy: FarePolicy
    quote: Quote | None = None
    tariff: Tariff | None = None
    metered: Metered | None = None
    times: Times = Times()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The final fare of a visit. `number` 1 is the first, higher ones amend it by `difference_minor` for the customer.

    `platform_minor` = what the technician is paid beyond what the customer pays; negative where less. `input_digest` is over all inputs,
    `digest` over the receipt itself.
    """

    visit_id: VisitId
    site_id: SiteId
    technician_id: TechnicianId | None
    number: int
    settled_ms: int
    closed_ms: int
    ending: Ending
    cause: Cause
    billed: Billed
    currency: str
    customer_minor: int
    technician_minor: int
    platform_minor: int
    lines: tuple[Line, ...]
    policy: FarePolicy
    times: Times
    quote: QuoteFacts | None
    meter: MeterFacts | None
    tariff_id: str | None
    tariff_hash: str | None
    input_digest: str
    digest: str
    amends: int | None = None
    difference_minor: int = 0


def receipt_of(inputs: Inputs, *, now_ms: int, before: Receipt | None = None) -> Receipt:
    """Return the receipt of `inputs`; `before` itself where nothing differs or fixes were lost since, else an amendment of it."""
    fresh = _fresh(inputs, now_ms)
    if before is None:
        return fresh
    # Fixes only ever come late. Fewer than before means that they were forgotten after their time: no reason to bill anew.
    if fresh.digest == before.digest or fixes_seen(fresh) < fixes_seen(before):
        return before
    return msgspec.structs.replace(
        fresh, number=before.number + 1, amends=before.number, difference_minor=fresh.customer_minor - before.customer_minor
    )


def fixes_seen(receipt: Receipt) -> int:
    """Return how many stored fixes a receipt stands on, those left out with them."""
    return 0 if receipt.meter is None else receipt.meter.fixes + sum(receipt.meter.rejected.values())


def differences(stored: Receipt, again: Receipt) -> list[tuple[str, Any, Any]]:
    """Return what a recomputed receipt says differently: (field, stored, again); empty for an identical one."""
    one, two = _content(stored), _content(again)
    return [(name, one[name], two[name]) for name in one if one[name] != two[name]]


def customer_face(receipt: Receipt) -> dict[str, Any]:
    """Return what the customer may read: what she pays and why.

    Nothing about pay, and a visit broken off for safety reads as finished.
    """
    shown = _content(receipt) | {"number": receipt.number, "settled_ms": receipt.settled_ms, "ending": public_ending(receipt.ending).value}
    for hidden in _NOT_FOR_CUSTOMERS:
        shown.pop(hidden)
    return shown | {"amends": receipt.amends, "difference_minor": receipt.difference_minor, "digest": _face_digest(shown)}


def technician_face(receipt: Receipt) -> dict[str, Any]:
    """Return what the technician may read: the customer's face, what she is paid, and why it is not the same where it is not."""
    return customer_face(receipt) | {"technician_minor": receipt.technician_minor, "pay_why": pay_why(receipt).value}


def pay_why(receipt: Receipt) -> PayWhy:
    """Return why she is paid another amount than the customer pays, where she is."""
    if receipt.technician_minor == receipt.customer_minor:
        return PayWhy.SAME
    if receipt.technician_minor < receipt.customer_minor:
        return PayWhy.PLATFORM_KEEPS
    pays_both = clause_of(receipt.policy, receipt.ending, receipt.cause).ways is Ways.BOTH
    return PayWhy.BOTH_WAYS if pays_both else PayWhy.PLATFORM_ADDS


def _fresh(inputs: Inputs, now_ms: int) -> Receipt:
    bill = bill_of(
        inputs.policy,
        ending=inputs.ending,
        cause=inputs.cause,
        quote=inputs.quote,
        tariff=inputs.tariff,
        metered=inputs.metered,
        times=inputs.times,
    )
    receipt = Receipt(
        visit_id=inputs.visit_id,
        site_id=inputs.site_id,
        technician_id=inputs.technician_id,
        number=1,
        settled_ms=now_ms,
        closed_ms=inputs.closed_ms,
        ending=inputs.ending,
        cause=inputs.cause,
        billed=bill.billed,
        currency=inputs.currency if inputs.quote is None else inputs.quote.currency,
        customer_minor=bill.customer_minor,
        technician_minor=bill.technician_minor,
        platform_minor=bill.technician_minor - bill.customer_minor,
        lines=bill.lines,
        policy=inputs.policy,
        times=inputs.times,
        quote=None if inputs.quote is None else _quote_facts(inputs.quote),
        meter=None if inputs.metered is None else _meter_facts(inputs.metered),
        tariff_id=None if inputs.quote is None else inputs.quote.tariff_id,
        tariff_hash=None if inputs.quote is None else inputs.quote.tariff_hash,
        input_digest=_input_digest(inputs),
        digest="",
    )
    return msgspec.structs.replace(receipt, digest=_digest(_content(receipt)))


def _quote_facts(quote: Quote) -> QuoteFacts:
    return QuoteFacts(
        id=quote.id,
        basis=quote.basis.value,
        distance_mm=quote.distance_mm,
        low_mm=quote.low_mm,
        high_mm=quote.high_mm,
        amount_minor=quote.amount_minor,
        customer_minor=quote.customer_minor,
        digest=quote_digest(quote),
    )


def _meter_facts(metered: Metered) -> MeterFacts:
    return MeterFacts(**{name: getattr(metered, name) for name in MeterFacts.__struct_fields__})


def _input_digest(inputs: Inputs) -> str:
    return _digest(
        {
            "visit_id": inputs.visit_id,
            "quote": None if inputs.quote is None else quote_digest(inputs.quote),
            "tariff": None if inputs.quote is None else inputs.quote.tariff_hash,
            "metered": None if inputs.metered is None else inputs.metered.digest,
            "policy": billing_facts(inputs.policy),
            "ending": inputs.ending.value,
            "cause": inputs.cause.value,
            "times": msgspec.to_builtins(inputs.times),
        }
    )


def _content(receipt: Receipt) -> dict[str, Any]:
    content = msgspec.to_builtins(receipt) | {"policy": billing_facts(receipt.policy)}
    for name in NOT_IN_DIGEST:
        content.pop(name)
    return dict(content)


def _face_digest(shown: dict[str, Any]) -> str:
    # The customer's copy has a digest of its own: that of the whole receipt would differ with what she may not know.
    return _digest({name: value for name, value in shown.items() if name != "settled_ms"})


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
