"""One Alembic line serves one PostgreSQL and two SQLite files, up and down."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from core.errors import Conflict, Unavailable
from core.sql import fixes, open_engine, truth
from hub import migrate
from hub.all_tables import import_all_tables

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
async def urls(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/truth.db", f"sqlite+aiosqlite:///{tmp_path}/fixes.db"
    url = request.getfixturevalue("postgres_url")
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()
    return url, url


@pytest.fixture
def line():
    return migrate.head()


async def tables_of(url: str) -> set[str]:
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    finally:
        await engine.dispose()


async def test_an_upgraded_schema_is_what_the_code_expects(line, urls):
    """Fails when a table was changed and no revision written: porchlight db revision "What it does"."""
    await migrate.upgrade(*urls)

    assert await migrate.check(*urls) == []


async def test_upgrading_twice_changes_nothing(line, urls):
    await migrate.upgrade(*urls)
    await migrate.upgrade(*urls)

    assert await migrate.check(*urls) == []


async def test_each_file_holds_its_own_group(line, tmp_path: Path):
    import_all_tables()
    urls = f"sqlite+aiosqlite:///{tmp_path}/truth.db", f"sqlite+aiosqlite:///{tmp_path}/fixes.db"
    await migrate.upgrade(*urls)

    assert [await tables_of(url) - {"alembic_version"} for url in urls] == [set(truth.tables), set(fixes.tables)]


async def test_down_to_base_leaves_no_table(line, urls):
    await migrate.upgrade(*urls)
    await migrate.downgrade(*urls, "base")

    assert {name for url in urls for name in await tables_of(url)} <= {"alembic_version"}


async def test_a_schema_behind_the_code_is_told_with_the_cure(line, urls):
    assert all("porchlight db upgrade" in told for told in await migrate.check(*urls))


async def test_a_database_that_is_away_is_told_without_its_password():
    url = "postgresql+asyncpg://hub:opensesame@127.0.0.1:1/hub"

    with pytest.raises(Unavailable, match=r"hub:\*\*\*@127\.0\.0\.1:1/hub does not answer"):
        await migrate.upgrade(url, url)


async def test_a_revision_that_this_code_does_not_know_is_told_with_the_cure(line, urls):
    with pytest.raises(Conflict, match="newer code"):
        await migrate.upgrade(*urls, "fromthefuture")
