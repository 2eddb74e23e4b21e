"""What does a console tail? Each incident once it is committed, also one that is committed while it is being read."""

import pytest

from core.unit_of_work import Tx
from tests.doubles.safety_ports import safety_on
from tests.edges.test_safety_tap import TAP

pytestmark = pytest.mark.anyio


class Between:
    """A connection beside which something happens after its first statement."""

    def __init__(self, conn, act):
        self._conn, self._act = conn, act
        self.dialect = conn.dialect

    async def execute(self, *given):
        found = await self._conn.execute(*given)
        act, self._act = self._act, None
        if act is not None:
            await act()
        return found


@pytest.mark.parametrize("brief", [True, False])
async def test_an_incident_that_is_raised_between_two_statements_of_a_look_is_not_passed_over(work, clock, key_ring, brief):
    hub = safety_on(work, clock, key_ring)
    raised = []

    async def press():
        raised.append(await hub.sos.raise_sos(TAP))

    async with work.read(brief=brief) as tx:
        found, mark = await hub.incidents.changed_since(Tx(Between(tx.conn, press)), TAP.site_id, 0)
    async with work.read(brief=True) as tx:
        later, _ = await hub.incidents.changed_since(tx, TAP.site_id, mark)

    assert {each.id for each in [*found, *later]} == {raised[0].incident_id}
