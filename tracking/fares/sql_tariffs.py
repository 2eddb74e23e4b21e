"""Keeps the tariffs of sites in SQL. Meets `ports.Tariffs`; each method is atomic with the caller's transaction."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import insert, select, update

from core.ids import SiteId
from core.unit_of_work import Tx
from tracking.fares.ports import SiteTariff
from tracking.fares.tables import fare_tariffs
from tracking.fares.tariff import canonical, of_canonical
from tracking.fares.tariff_terms import Mode


class SqlTariffs:
    """Tariff versions by site and hash."""

    async def add(self, tx: Tx, stored: SiteTariff) -> bool:
        """See `ports.Tariffs.add`."""
        if await self.by_hash(tx, stored.site_id, stored.hash) is not None:
            await self._set_retired(tx, stored.site_id, stored.hash, is_retired=False)
            return False
        await tx.conn.execute(insert(fare_tariffs).values(_values(stored)))
        return True

    async def of_site(self, tx: Tx, site_id: SiteId) -> Sequence[SiteTariff]:
        """See `ports.Tariffs.of_site`."""
        wanted = select(fare_tariffs).where(fare_tariffs.c.site_id == site_id).order_by(fare_tariffs.c.added_ms, fare_tariffs.c.hash)
        return [_stored(row) for row in await tx.conn.execute(wanted)]

    async def by_hash(self, tx: Tx, site_id: SiteId, tariff_hash: str) -> SiteTariff | None:
        """See `ports.Tariffs.by_hash`."""
        wanted = select(fare_tariffs).where(fare_tariffs.c.site_id == site_id, fare_tariffs.c.hash == tariff_hash)
        row = (await tx.conn.execute(wanted)).first()
        return None if row is None else _stored(row)

    async def valid(self, tx: Tx, site_id: SiteId, mode: Mode, day: date) -> SiteTariff | None:
        """See `ports.Tariffs.valid`; of two that begin on one day the one added later."""
        table = fare_tariffs.c
        wanted = (
            select(fare_tariffs)
            .where(table.site_id == site_id, table.mode == mode.value, table.valid_from <= day, table.is_retired.is_(False))
            .order_by(table.valid_from.desc(), table.added_ms.desc(), table.hash)
            .limit(1)
        )
        row = (await tx.conn.execute(wanted)).first()
        return None if row is None else _stored(row)

    async def retire(self, tx: Tx, site_id: SiteId, tariff_hash: str) -> bool:
        """See `ports.Tariffs.retire`."""
        return await self._set_retired(tx, site_id, tariff_hash, is_retired=True)

    async def _set_retired(self, tx: Tx, site_id: SiteId, tariff_hash: str, *, is_retired: bool) -> bool:
        this = (fare_tariffs.c.site_id == site_id) & (fare_tariffs.c.hash == tariff_hash)
        return (await tx.conn.execute(update(fare_tariffs).where(this).values(is_retired=is_retired))).rowcount > 0


def _values(stored: SiteTariff) -> dict[str, Any]:
    return {
        "site_id": stored.site_id,
        "hash": stored.hash,
        "tariff_id": stored.tariff.id,
        "mode": stored.tariff.mode.value,
        "valid_from": stored.tariff.valid_from,
        "canonical": canonical(stored.tariff).decode(),
        "text": stored.text,
        "added_ms": stored.added_ms,
        "is_retired": stored.is_retired,
    }


def _stored(row: Any) -> SiteTariff:
    return SiteTariff(
        site_id=row.site_id,
        hash=row.hash,
        tariff=of_canonical(row.canonical),
        text=row.text,
        added_ms=row.added_ms,
        is_retired=row.is_retired,
    )
