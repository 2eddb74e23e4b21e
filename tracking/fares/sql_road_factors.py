"""Keeps what each site's finished ways have taught. Meets `learn_flow.RoadFactorStore`; one row a site, replaced as it learns."""

import msgspec
from sqlalchemy import delete, insert, select

from core.ids import SiteId
from core.unit_of_work import Tx
from tracking.fares.calibration import RoadFactors
from tracking.fares.tables import fare_road_factors


class SqlRoadFactors:
    """Road factors by site."""

    async def of_site(self, tx: Tx, site_id: SiteId) -> RoadFactors | None:
        """See `RoadFactorStore.of_site`."""
        row = (await tx.conn.execute(select(fare_road_factors.c.factors).where(fare_road_factors.c.site_id == site_id))).one_or_none()
        return None if row is None else msgspec.json.decode(row.factors, type=RoadFactors)

    async def put(self, tx: Tx, site_id: SiteId, factors: RoadFactors, now_ms: int) -> None:
        """See `RoadFactorStore.put`."""
        await tx.conn.execute(delete(fare_road_factors).where(fare_road_factors.c.site_id == site_id))
        values = {"site_id": site_id, "trips": factors.trips, "learned_ms": now_ms, "factors": msgspec.json.encode(factors).decode()}
        await tx.conn.execute(insert(fare_road_factors).values(values))
