"""A press is rehearsed on real databases: all of it happens, nothing of it stays, and what is wrong comes out before anybody presses."""

import pytest
from sqlalchemy import event, func, select, text

from core.sql import truth
from notifications.sql_outbox import SqlOutbox
from safety.alerts_flow import AlertsFlow
from safety.sos_tap import PersonKind, Road, SosTap
from tests.doubles.safety_ports import safety_on

pytestmark = pytest.mark.anyio

TAP = SosTap(tap_id="tap-1", who="technician:t1", person=PersonKind.TECHNICIAN, site_id="s1", road=Road.SOCKET, technician_id="t1")


class NoWords:
    async def of_incident(self, tx, incident, unwritten=()):
        return {"name": "Nele", "place": "", "floor": "", "link": ""}


@pytest.fixture
def hub(work, clock, key_ring):
    return safety_on(work, clock, key_ring, AlertsFlow(SqlOutbox(key_ring, clock), None, NoWords()))


async def rows(work):
    async with work.read() as tx:
        return {table.name: await tx.conn.scalar(select(func.count()).select_from(table)) for table in truth.sorted_tables}


async def test_a_rehearsed_press_is_written_whole_and_leaves_nothing(work, hub):
    written = []
    event.listen(work.engine.sync_engine, "before_cursor_execute", lambda _conn, _cursor, statement, *_: written.append(statement))
    before = await rows(work)
    await hub.sos.rehearse(TAP)

    for table in ("incidents", "incident_events", "triggers", "notices", "timers"):
        assert any(f"INSERT INTO {table} " in said for said in written), table
    assert await rows(work) == before
    assert hub.pokes.poked == []


async def test_a_press_after_its_rehearsal_is_as_the_first(work, hub):
    await hub.sos.rehearse(TAP)
    receipt = await hub.sos.raise_sos(TAP)

    async with work.read() as tx:
        assert [incident.id for incident in await hub.incidents.open_at(tx, "s1")] == [receipt.incident_id]


async def test_what_a_press_would_meet_comes_out(work, hub):
    async with work.begin() as tx:
        await tx.conn.execute(text("ALTER TABLE triggers RENAME TO triggers_elsewhere"))
    try:
        with pytest.raises(Exception, match="triggers"):
            await hub.sos.rehearse(TAP)
    finally:
        async with work.begin() as tx:
            await tx.conn.execute(text("ALTER TABLE triggers_elsewhere RENAME TO triggers"))


@pytest.mark.parametrize("work", ["postgresql"], indirect=True)
async def test_a_rehearsed_connection_has_prepared_all_that_a_press_says(work, hub):
    await hub.sos.rehearse(TAP)
    before = await prepared(work)
    await hub.sos.raise_sos(TAP)

    assert before
    assert await prepared(work) == before


async def prepared(work):
    async with work.read() as tx:
        said = await tx.conn.scalars(text("SELECT statement FROM pg_prepared_statements ORDER BY 1"))
        return {each for each in said if "pg_prepared_statements" not in each}
