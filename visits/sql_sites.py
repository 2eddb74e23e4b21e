"""Sites in SQL. What an owner may change freely is one JSON column: new settings need no migration and take their default."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import Conflict
from core.geo import Bounds
from core.ids import SiteId
from core.unit_of_work import Tx
from visits.service import DEFAULT_SERVICES, ServiceKind
from visits.site import EmergencyNumber, Site, SiteSettings
from visits.tables import sites


class _Details(msgspec.Struct, frozen=True, kw_only=True):
    bounds: Bounds | None = None
    emergency_numbers: tuple[EmergencyNumber, ...] = ()
    settings: SiteSettings = SiteSettings()
    services: tuple[ServiceKind, ...] = DEFAULT_SERVICES


_DETAILS = msgspec.json.Decoder(_Details)


def settings_in(details: str) -> SiteSettings:
    """Return the settings in a site's column `details`; for rows that join the site's."""
    return _DETAILS.decode(details).settings


class SqlSites:
    """See `visits.ports.Sites` for the contract."""

    async def get(self, tx: Tx, id: SiteId) -> Site | None:
        """See `Sites.get`."""
        row = (await tx.conn.execute(select(sites).where(sites.c.id == id))).one_or_none()
        return None if row is None else _site(row)

    async def all(self, tx: Tx) -> Sequence[Site]:
        """See `Sites.all`."""
        return [_site(row) for row in await tx.conn.execute(select(sites).order_by(sites.c.id))]

    async def add(self, tx: Tx, site: Site, now: datetime) -> None:
        """See `Sites.add`."""
        try:
            await tx.conn.execute(insert(sites).values(**_row(site, now)))
        except IntegrityError:
            raise Conflict(f"There is a site {site.id!r} already. Choose another id, or change that one.") from None

    async def save(self, tx: Tx, site: Site, now: datetime) -> None:
        """See `Sites.save`."""
        stored = await tx.conn.execute(
            update(sites).where(sites.c.id == site.id, sites.c.version == site.version - 1).values(**_row(site, now))
        )
        if stored.rowcount != 1:
            raise Conflict("Somebody changed this site meanwhile. Read it again and decide anew.")


def _row(site: Site, now: datetime) -> dict[str, Any]:
    details = _Details(bounds=site.bounds, emergency_numbers=site.emergency_numbers, settings=site.settings, services=site.services)
    return {
        "id": site.id,
        "name": site.name,
        "zone": site.zone,
        "currency": site.currency,
        "locale": site.locale,
        "desk_phone": site.desk_phone,
        "details": msgspec.json.encode(details).decode(),
        "version": site.version,
        "updated_at": now,
    }


def _site(row: Any) -> Site:
    details = _DETAILS.decode(row.details)
    return Site(
        id=SiteId(row.id),
        name=row.name,
        zone=row.zone,
        currency=row.currency,
        locale=row.locale,
        desk_phone=row.desk_phone,
        bounds=details.bounds,
        emergency_numbers=details.emergency_numbers,
        settings=details.settings,
        services=details.services,
        version=row.version,
    )
