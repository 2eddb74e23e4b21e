"""What does a press say to SQL, through the hub's own wiring, until its receipt? Each statement is a way to PostgreSQL and back."""

import contextlib

import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import delete, event

from core.ids import incident_id_of_tap
from hub.settings import load
from hub.wiring import wire
from hub.worker import app_of
from notifications.tables import webhook_endpoints
from notifications.webhook import Endpoint, EndpointState, Family
from safety.sql_duties import SqlDuties
from tests.doubles.real_servers import fresh_database
from tests.doubles.served_hub import SITE
from tests.doubles.worker_house import worker_house

pytestmark = pytest.mark.anyio
PLACE = "9 Lantern Way"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request, tmp_path_factory):
    options = {"redis_url": request.getfixturevalue("valkey_url")}
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            options["PORCHLIGHT_SQL_URL"] = stack.enter_context(fresh_database(request.getfixturevalue("postgres_url")))
        yield stack.enter_context(worker_house(tmp_path_factory.mktemp("said"), technicians=6, **options))


@pytest.fixture
async def hub(house):
    async with contextlib.AsyncExitStack() as stack:
        hub = wire(load(house.environment), stack)
        now = hub.floor.clock.now()
        async with hub.floor.truth.begin() as tx:
            await SqlDuties(hub.floor.ids).begin(tx, SITE, house.people.dispatcher_id, now, now, is_lead=True)
        yield hub


async def said_by_a_press(hub, token):
    """Return the statements between a request and its answer; nothing else of the hub runs."""
    said, engine = [], hub.floor.truth.engine.sync_engine

    def note(_conn, _cursor, statement, *_):
        said.append(statement)

    async with AsyncClient(transport=ASGITransport(app_of(hub)), base_url="https://hub.example") as http:
        event.listen(engine, "before_cursor_execute", note)
        answer = await http.post("/v1/sos", json={"tap_id": "tap-1"}, headers={"authorization": f"Bearer {token}"})
        event.remove(engine, "before_cursor_execute", note)
    assert (answer.status_code, answer.json()["status"]) == (200, "received")
    return said


async def words_of(hub, who):
    """Return name and place in the texts of a press."""
    async with hub.floor.truth.read() as tx:
        texts = await hub.notices.outbox.listed(tx, sites=[SITE], subject=incident_id_of_tap(who, "tap-1"))
    return {(each.notice.variables["name"], each.notice.variables["place"]) for each in texts}


def on(hub, *, postgresql, sqlite):
    return postgresql if hub.floor.truth.engine.dialect.name == "postgresql" else sqlite


@pytest.mark.parametrize(("number", "place"), [(0, PLACE), (1, "")], ids=["on_her_way", "without_a_visit"])
async def test_a_technicians_press_says_no_more_than_it_must_and_tells_who_and_where(hub, house, number, place):
    she = house.people.technicians[number]
    said = await said_by_a_press(hub, she.token)

    # Her credential; is the tap known, her name and visits, what stands open, ladder and duty, notices; what is written.
    assert len(said) == on(hub, postgresql=7, sqlite=11), "\n".join(said)
    assert await words_of(hub, f"technician:{she.id}") == {("Tess", place)}


async def test_a_customers_press_says_no_more_than_it_must_and_tells_who_and_where(hub, house):
    said = await said_by_a_press(hub, house.people.link)

    # As hers, with the visit alone in place of her name and visits.
    assert len(said) == on(hub, postgresql=7, sqlite=11), "\n".join(said)
    assert await words_of(hub, f"customer:{house.people.visit_id}") == {("Cora", PLACE)}


@contextlib.asynccontextmanager
async def endpoint(hub, family, state=EndpointState.ACTIVE):
    """Let a program have an endpoint at the site while the block runs."""
    hooks, now = hub.notices.webhooks, hub.floor.clock.now()
    made = Endpoint(
        id="hook", site_id=SITE, url="https://a.example", families=(family,), secrets=("whsec_AAAA",), state=state, created_at=now
    )
    async with hub.floor.truth.begin() as tx:
        await hooks.add_endpoint(tx, made)
    try:
        yield
    finally:
        async with hub.floor.truth.begin() as tx:
            await tx.conn.execute(delete(webhook_endpoints))


async def heard(hub):
    """Return what the endpoint is to be sent."""
    async with hub.floor.truth.read() as tx:
        return [(each.type, each.subject) for each in await hub.notices.webhooks.deliveries_of(tx, ["hook"])]


async def test_an_endpoint_made_after_one_press_hears_of_the_next(hub, house):
    before, after = house.people.technicians[2:4]
    await said_by_a_press(hub, before.token)
    async with endpoint(hub, Family.INCIDENT):
        await said_by_a_press(hub, after.token)
        assert await heard(hub) == [("incident.raised", incident_id_of_tap(f"technician:{after.id}", "tap-1"))]


@pytest.mark.parametrize(
    ("number", "family", "state"), [(4, Family.VISIT, EndpointState.ACTIVE), (5, Family.INCIDENT, EndpointState.DISABLED)]
)
async def test_an_endpoint_that_takes_no_incidents_hears_of_none(hub, house, number, family, state):
    async with endpoint(hub, family, state):
        await said_by_a_press(hub, house.people.technicians[number].token)
        assert await heard(hub) == []
