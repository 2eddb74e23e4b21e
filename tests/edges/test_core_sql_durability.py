"""A commit that was answered is on the disk, whatever the server or the role says."""

import pytest
from sqlalchemy import make_url, text

from core.sql import open_engine

pytestmark = pytest.mark.anyio


@pytest.fixture
async def careless(postgres_url):
    """The URL of a database that answers commits before they are on the disk."""
    server = open_engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    async with server.connect() as connection:
        await connection.execute(text("CREATE DATABASE careless"))
        await connection.execute(text("ALTER DATABASE careless SET synchronous_commit = off"))
    yield make_url(postgres_url).set(database="careless").render_as_string(hide_password=False)
    async with server.connect() as connection:
        await connection.execute(text("DROP DATABASE careless WITH (FORCE)"))
    await server.dispose()


async def setting_of(url: str, durability: str, statement: str = "SELECT 1") -> str:
    engine = open_engine(url, durability=durability)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        async with engine.connect() as connection:
            return (await connection.execute(text("SHOW synchronous_commit"))).scalar_one()
    finally:
        await engine.dispose()


async def test_promises_are_not_kept_by_a_database_that_does_not_wait_for_its_disk(careless):
    assert await setting_of(careless, "full") == "on"
    assert await setting_of(careless, "normal") == "off"


async def test_a_database_that_waits_for_a_second_machine_goes_on_doing_so(postgres_url, careless):
    server = open_engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    async with server.connect() as connection:
        await connection.execute(text("ALTER DATABASE careless SET synchronous_commit = remote_apply"))
    await server.dispose()

    assert await setting_of(careless, "full") == "remote_apply"
