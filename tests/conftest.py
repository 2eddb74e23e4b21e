"""What every test may ask for: a clock that stands, ids that count, real databases and a real Valkey.

The real servers start when the first test asks for them and live as long as the run; each test gets empty tables and an empty keyspace.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis import asyncio as aioredis
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

import core.tables  # noqa: F401  (registers its tables on the metadata)
from core.key_ring import KeyRing
from core.sql import fixes, open_engine, truth
from core.unit_of_work import UnitOfWork
from tests.doubles.fake_clock import FakeClock
from tests.doubles.fixed_ids import FixedIds
from tests.doubles.real_servers import MEMORY, running_postgres, running_valkey
from tests.no_hang import pytest_runtest_teardown, pytest_sessionfinish, pytest_testnodedown, pytest_xdist_make_scheduler  # noqa: F401

_LAX = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("local", max_examples=50, deadline=None, suppress_health_check=_LAX)
settings.register_profile("ci", max_examples=300, deadline=None, suppress_health_check=_LAX, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Let Python collect again after a test whose loop ended before `core.right_of_way` could."""
    yield
    gc.enable()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ids() -> FixedIds:
    return FixedIds()


@pytest.fixture
def key_ring() -> KeyRing:
    return KeyRing(["test-secret-of-more-than-thirty-two-characters"])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("The real recordings are not beside this checkout.")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[aioredis.Redis]:
    client = aioredis.Redis.from_url(valkey_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    return valkey_url


@pytest.fixture(params=["sqlite", "postgresql"])
async def work(request: pytest.FixtureRequest) -> AsyncIterator[UnitOfWork]:
    """The truth tables, empty, on both databases."""
    async for unit in _emptied(request, truth):
        yield unit


@pytest.fixture(params=["sqlite", "postgresql"])
async def fixes_work(request: pytest.FixtureRequest) -> AsyncIterator[UnitOfWork]:
    """The fixes tables, empty, on both databases."""
    async for unit in _emptied(request, fixes):
        yield unit


async def _emptied(request: pytest.FixtureRequest, tables: MetaData) -> AsyncIterator[UnitOfWork]:
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(prefix="pl-sqlite-", dir=MEMORY) as folder:
            template = await _sqlite_template(request, tables)
            shutil.copy(template, f"{folder}/test.db")
            engine = open_engine(f"sqlite+aiosqlite:///{folder}/test.db", durability="full" if tables is truth else "normal")
            yield UnitOfWork(engine)
            await engine.dispose()
    else:
        engine = open_engine(request.getfixturevalue("postgres_url"), durability="normal")
        await _empty_postgres(engine, tables)
        yield UnitOfWork(engine)
        await engine.dispose()


_made: dict[MetaData, tuple[int, Path]] = {}
"""Tables are made once a run and emptied or copied after: making sixty tables takes longer than most tests."""


async def _sqlite_template(request: pytest.FixtureRequest, tables: MetaData) -> Path:
    count, path = _made.get(tables, (0, Path()))
    if count != len(tables.tables):
        path = request.getfixturevalue("tmp_path_factory").mktemp("template") / "empty.db"
        engine = open_engine(f"sqlite+aiosqlite:///{path}", durability="normal")
        async with engine.begin() as conn:
            await conn.run_sync(tables.create_all)
        await engine.dispose()
        _made[tables] = (len(tables.tables), path)
    return path


async def _empty_postgres(engine: AsyncEngine, tables: MetaData) -> None:
    async with engine.begin() as conn:
        found = set((await conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars())
        if found != set(tables.tables):
            await conn.execute(text("DROP SCHEMA public CASCADE"))
            await conn.execute(text("CREATE SCHEMA public"))
            await conn.run_sync(tables.create_all)
            return
        for table in reversed(tables.sorted_tables):
            await conn.execute(table.delete())


PAGE_S = 120
"""What a test of a page may take; pyproject.toml has the limit of the others."""
LONG_PAGES = {"test_pages_sos_story.py", "test_pages_incidents.py", "test_pages_technician.py", "test_pages_help_tap.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test's folder say its ring, so that no test can land in the wrong one by a forgotten mark."""
    for item in items:
        folder = Path(str(item.fspath)).relative_to(Path(__file__).parent).parts[0]
        if (mark := {"edges": "edge", "stories": "story", "pages": "page"}.get(folder)) is not None:
            item.add_marker(mark)
        if folder == "pages" and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PAGE_S))
    # At the end of a run some process waits for the other: not for a long file. Pages stay last, and all else stays in its order.
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.get_closest_marker("page") is None:
        return 0
    return 1 if item.path.name in LONG_PAGES else 2
