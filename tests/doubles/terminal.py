"""A terminal on the hub's own machine: commands run on an empty, migrated data folder, and what they print as JSON."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.sql import open_engine, truth
from hub.all_tables import import_all_tables
from hub.cli import app


def terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs a command; errors of the house are raised."""
    monkeypatch.setenv("PORCHLIGHT_DATA_DIR", str(folder))
    monkeypatch.setenv("PORCHLIGHT_SECRET_KEYS", "a-secret-of-more-than-thirty-two-characters")
    import_all_tables()
    asyncio.run(_create(f"sqlite+aiosqlite:///{folder}/truth.db"))

    def run(*words: str) -> Any:
        found = CliRunner().invoke(app, words)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return run


def told(found: Any) -> Any:
    """Return what a command printed as JSON; fails where it failed."""
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


async def _create(url: str) -> None:
    engine = open_engine(url, durability="normal")
    async with engine.begin() as conn:
        await conn.run_sync(truth.create_all)
    await engine.dispose()
