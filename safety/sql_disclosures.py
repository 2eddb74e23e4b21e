"""Requests for evidence in SQL."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from core.errors import NotFound
from core.ids import IncidentId
from core.sql import upsert
from core.unit_of_work import Tx
from safety.disclosure import Disclosure
from safety.tables import disclosures

_BODY = ("authority", "legal_reference", "scope")


class SqlDisclosures:
    """See `safety.evidence_flow.Disclosures`."""

    async def get(self, tx: Tx, disclosure_id: str) -> Disclosure:
        """See `Disclosures.get`."""
        row = (await tx.conn.execute(tx.held(select(disclosures).where(disclosures.c.id == disclosure_id)))).one_or_none()
        if row is None:
            raise NotFound("There is no such request.")
        return _disclosure(row)

    async def of(self, tx: Tx, incident_id: IncidentId) -> Sequence[Disclosure]:
        """See `Disclosures.of`."""
        found = select(disclosures).where(disclosures.c.incident_id == incident_id).order_by(disclosures.c.requested_at)
        return [_disclosure(row) for row in await tx.conn.execute(found)]

    async def put(self, tx: Tx, request: Disclosure) -> None:
        """See `Disclosures.put`."""
        row = msgspec.structs.asdict(request)
        row["body"] = msgspec.json.encode({name: row.pop(name) for name in _BODY}).decode()
        row["approved_by"] = msgspec.json.encode(request.approved_by).decode()
        insert = upsert(tx.dialect, disclosures).values(**row)
        await tx.conn.execute(insert.on_conflict_do_update(index_elements=[disclosures.c.id], set_=row))


def _disclosure(row: Any) -> Disclosure:
    values = dict(row._mapping)
    values |= msgspec.json.decode(values.pop("body"))
    values["approved_by"] = tuple(msgspec.json.decode(values["approved_by"]))
    return Disclosure(**values)
