"""What did she earn by travelling on this shift? The receipts of one technician between two moments, added up.

Called by `receipt_flow`; shown to the technician herself and to her site's owner.
"""

from collections.abc import Sequence

import msgspec

from core.ids import TechnicianId, VisitId
from tracking.fares.policy import public_ending
from tracking.fares.receipt import Receipt


class StatementRow(msgspec.Struct, frozen=True, kw_only=True):
    """One visit: its metered way where there is one, and what she is paid for it; `number` above 1 says that it was amended."""

    visit_id: VisitId
    closed_ms: int
    ending: str
    distance_mm: int | None
    technician_minor: int
    currency: str
    number: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """All visits closed in [from_ms, until_ms), oldest first; `total_minor` by currency."""

    technician_id: TechnicianId
    from_ms: int
    until_ms: int
    rows: tuple[StatementRow, ...]
    total_minor: dict[str, int]


def statement_of(technician_id: TechnicianId, from_ms: int, until_ms: int, receipts: Sequence[Receipt]) -> Statement:
    """Return the statement over the newest receipt of each visit; those of others and of other times are left out."""
    newest: dict[VisitId, Receipt] = {}
    for receipt in receipts:
        is_hers = receipt.technician_id == technician_id and from_ms <= receipt.closed_ms < until_ms
        if is_hers and (receipt.visit_id not in newest or newest[receipt.visit_id].number < receipt.number):
            newest[receipt.visit_id] = receipt
    rows = tuple(_row(receipt) for receipt in sorted(newest.values(), key=lambda each: (each.closed_ms, each.visit_id)))
    total_minor: dict[str, int] = {}
    for row in rows:
        total_minor[row.currency] = total_minor.get(row.currency, 0) + row.technician_minor
    return Statement(technician_id=technician_id, from_ms=from_ms, until_ms=until_ms, rows=rows, total_minor=total_minor)


def _row(receipt: Receipt) -> StatementRow:
    return StatementRow(
        visit_id=receipt.visit_id,
        closed_ms=receipt.closed_ms,
        ending=public_ending(receipt.ending).value,
        distance_mm=None if receipt.meter is None or receipt.meter.fixes == 0 else receipt.meter.distance_mm,
        technician_minor=receipt.technician_minor,
        currency=receipt.currency,
        number=receipt.number,
    )
