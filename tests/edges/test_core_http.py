"""What does a caller hear when a request fails inside the hub? Over HTTP, with real engines whose database is not there."""

import sqlite3
from contextlib import closing

import msgspec
import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from core.caller import NOBODY
from core.http_endpoint import Endpoint, route_of
from core.sql import is_away, open_engine
from core.unit_of_work import UnitOfWork

pytestmark = pytest.mark.anyio
NOBODY_LISTENS = "postgresql+asyncpg://porchlight:x@127.0.0.1:1/porchlight"


class Nobody:
    """Knows no credential."""

    async def caller_of(self, _request):
        return NOBODY


async def answered(url, statement="SELECT 1"):
    engine = open_engine(url)

    async def look(_call):
        async with UnitOfWork(engine).read() as tx:
            await tx.conn.execute(text(statement))

    row = Endpoint(method="GET", path="/look", name="look", handler=look, asks_caller_itself=True, tag="t", summary="Look.")
    app = Starlette(routes=[route_of(row, Nobody(), None, "http://hub")])
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://hub") as client:
        answer = await client.get("/look")
    await engine.dispose()
    return answer


async def test_without_sql_a_request_is_to_be_tried_again():
    answer = await answered(NOBODY_LISTENS)
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")


def test_a_file_that_cannot_be_opened_is_away_and_a_wrong_statement_is_not(tmp_path):
    with pytest.raises(sqlite3.OperationalError) as unopened:
        sqlite3.connect(tmp_path / "no" / "truth.db")
    with closing(sqlite3.connect(":memory:")) as memory, pytest.raises(sqlite3.OperationalError) as wrong:
        memory.execute("SELECT 1 FROM nowhere")
    assert is_away(OperationalError("SELECT 1", {}, unopened.value))
    assert not is_away(OperationalError("SELECT 1", {}, wrong.value))


async def test_what_is_the_hubs_own_fault_is_called_so(work):
    answer = await answered(work.engine.url.render_as_string(hide_password=False), "SELECT 'a' FROM")
    assert (answer.status_code, answer.json()["code"]) == (500, "hub_error")


class Told(msgspec.Struct):
    words: list[str]


class Asked(msgspec.Struct):
    words: str = ""


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/tell/7", rb'{"words": ["a", "b\u0000c"]}'),
        ("/tell/7?words=b%00c", b'{"words": []}'),
        ("/tell/%00", b'{"words": []}'),
        ("/tell/7", b'{"words": ' + b"[" * 100_000 + rb'"\u0000"'),
    ],
)
async def test_what_no_database_keeps_is_refused_in_words(target, body):
    heard = []

    async def tell(call):
        heard.append(call.body.words)

    row = Endpoint(
        method="POST", path="/tell/{id}", name="tell", handler=tell, request=Told, query=Asked, asks_caller_itself=True, tag="t",
        summary="Tell.",
    )
    app = Starlette(routes=[route_of(row, Nobody(), None, "http://hub")])
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://hub") as client:
        refused = await client.post(target, content=body)
        taken = await client.post("/tell/7", content=rb'{"words": ["a backslash, \\u0000"]}')

    assert (refused.status_code, refused.json()["code"]) == (422, "bad_input")
    assert (taken.status_code, heard) == (204, [["a backslash, \\u0000"]])
