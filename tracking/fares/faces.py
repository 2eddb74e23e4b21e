"""What do people and programs see of a quote and a receipt? Figures for programs, words in Chinese and English for people.

Called by `http_quotes`, `http_receipts` and the pages. A quote's face holds no place: its start is near the technician, its end is an
address.
"""

from datetime import datetime
from typing import Any

import msgspec

from core.clock import from_ms
from tracking.fares.live_fare import LiveFare
from tracking.fares.priced import Line
from tracking.fares.quote import Basis, Quote
from tracking.fares.receipt import Receipt, customer_face, technician_face
from tracking.fares.tariff_terms import Mode, TripShape
from tracking.fares.words import EN, NOT_A_TAXIMETER, ZH, grade, money, sentence


class Words(msgspec.Struct, frozen=True):
    """The same thing said in both languages of the house."""

    zh: str
    en: str


class LineFace(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `amount_minor` for programs, `amount` and `text` for people, `numbers` behind the text."""

    code: str
    part: str
    amount_minor: int
    amount: Words
    text: Words
    numbers: dict[str, int | str]


class DistanceFace(msgspec.Struct, frozen=True, kw_only=True):
    """One way in metres with its range; `basis` says on what it stands, `is_estimated` that no road network was asked."""

    metres: int
    low_m: int
    high_m: int
    basis: Basis
    is_estimated: bool


class QuoteFace(msgspec.Struct, frozen=True, kw_only=True):
    """A quote as its asker sees it; `token` accepts it until `expires_at`, None where it is not for this reader to accept."""

    id: str
    site_id: str
    mode: Mode
    shape: TripShape
    depart_at: datetime
    expires_at: datetime
    amount_minor: int
    currency: str
    amount: Words
    distance: DistanceFace
    seconds_p50: int
    seconds_p90: int
    tariff_id: str
    tariff_hash: str
    lines: tuple[LineFace, ...]
    token: str | None = None


class LiveFace(msgspec.Struct, frozen=True, kw_only=True):
    """The fare so far. `limit`: the most the customer pays as agreed, None where the meter alone decides; `is_final` is always False.

    `metres` are rounded to 100, so that they add nothing to what the position tells.
    """

    amount_minor: int
    currency: str
    amount: Words
    billed: str
    metres: int
    limit: Words | None
    limit_minor: int | None
    as_of: datetime | None
    gaps: int
    has_arrived: bool
    is_final: bool = False


def live_face(live: LiveFare) -> LiveFace:
    """Return the fare so far with words."""
    return LiveFace(
        amount_minor=live.customer_minor,
        currency=live.currency,
        amount=money_words(live.customer_minor, live.currency),
        billed=live.billed.value,
        metres=live.distance_mm // 100_000 * 100,
        limit=None if live.limit_minor is None else money_words(live.limit_minor, live.currency),
        limit_minor=live.limit_minor,
        as_of=None if live.as_of_ms is None else from_ms(live.as_of_ms),
        gaps=live.gaps,
        has_arrived=live.has_arrived,
    )


def quote_face(quote: Quote, token: str | None) -> QuoteFace:
    """Return the quote as its asker sees it."""
    return QuoteFace(
        id=quote.id,
        site_id=quote.request.site_id,
        mode=quote.request.mode,
        shape=quote.shape,
        depart_at=from_ms(quote.request.depart_ms),
        expires_at=from_ms(quote.expires_ms),
        amount_minor=quote.customer_minor,
        currency=quote.currency,
        amount=money_words(quote.customer_minor, quote.currency),
        distance=DistanceFace(
            metres=round(quote.distance_mm / 1000),
            low_m=round(quote.low_mm / 1000),
            high_m=round(quote.high_mm / 1000),
            basis=quote.basis,
            is_estimated=quote.basis is Basis.ESTIMATED,
        ),
        seconds_p50=quote.seconds_p50,
        seconds_p90=quote.seconds_p90,
        tariff_id=quote.tariff_id,
        tariff_hash=quote.tariff_hash,
        lines=line_faces(quote.lines, quote.currency),
        token=token,
    )


def receipt_face(receipt: Receipt, *, for_technician: bool = False) -> dict[str, Any]:
    """Return a receipt as the customer, or as the technician, may read it: with words for every line."""
    shown = technician_face(receipt) if for_technician else customer_face(receipt)
    shown["lines"] = msgspec.to_builtins(line_faces(receipt.lines, receipt.currency))
    shown["amount"] = msgspec.to_builtins(money_words(receipt.customer_minor, receipt.currency))
    shown["notice"] = dict(NOT_A_TAXIMETER)
    if receipt.meter is not None:
        shown["certainty"] = {"zh": grade(receipt.meter.grade, ZH), "en": grade(receipt.meter.grade, EN)}
    if for_technician:
        shown["pay"] = msgspec.to_builtins(money_words(receipt.technician_minor, receipt.currency))
    return shown


def desk_face(receipt: Receipt) -> dict[str, Any]:
    """Return the whole receipt, for the desk and the integrator, with words for every line."""
    words = msgspec.to_builtins(line_faces(receipt.lines, receipt.currency))
    return {**msgspec.to_builtins(receipt), "lines": words, "notice": dict(NOT_A_TAXIMETER)}


def line_faces(lines: tuple[Line, ...], currency: str) -> tuple[LineFace, ...]:
    """Return lines with their words."""
    return tuple(
        LineFace(
            code=line.code.value,
            part=line.part.value,
            amount_minor=line.amount_minor,
            amount=money_words(line.amount_minor, currency),
            text=Words(zh=sentence(line, currency, ZH), en=sentence(line, currency, EN)),
            numbers=line.numbers,
        )
        for line in lines
    )


def money_words(amount_minor: int, currency: str) -> Words:
    """Return an amount as people of either language write it."""
    return Words(zh=money(amount_minor, currency, ZH), en=money(amount_minor, currency, EN))
