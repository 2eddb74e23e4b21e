"""Which documents are made from the code? Settings, states, HTTP and sockets; written by `make docs`, compared by a test.

Nothing has to run for it: the hub is wired on addresses that nobody answers, and never started.
"""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import msgspec

from hub.settings import Settings, StoreSettings, all_settings
from hub.settings_read import Setting
from hub.states_document import states_document
from hub.version import VERSION
from hub.wire_document import wire_document
from hub.wiring import wire
from realtime.asyncapi import asyncapi
from realtime.openapi import openapi

FOLDER = Path(__file__).resolve().parents[1] / "docs"
EXAMPLE_URL = "https://hub.example"


def documents() -> dict[str, str]:
    """Return file name -> text of every generated document."""
    return {
        "settings.md": settings_document(),
        "states.md": states_document(),
        "wire.md": wire_document(),
        "openapi.json": _json(asyncio.run(_openapi())),
        "asyncapi.json": _json(asyncapi(VERSION)),
    }


def settings_document() -> str:
    """Return all settings as a Markdown table."""
    lines = [
        "# Settings",
        "",
        "Read from the environment at start; a bad start is refused with the whole list of what is wrong. Made from `hub/settings.py` by",
        "`make docs`; `porchlight doctor --settings` prints the same.",
        "",
        "| variable | unit | default | meaning |",
        "|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row, all_settings())]) + "\n"


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    return f"| `{setting.name}` | {setting.unit} | {default} | {setting.sentence} |"


async def _openapi() -> dict[str, Any]:
    store = StoreSettings(
        sql_url="sqlite+aiosqlite:///nowhere.db",
        fixes_sql_url="sqlite+aiosqlite:///nowhere-fixes.db",
        redis_url="redis://127.0.0.1:1",
        secret_keys=("documents-need-no-secret-but-a-long-one",),
    )
    async with contextlib.AsyncExitStack() as stack:
        hub = wire(Settings(store=store), stack)
        return dict(openapi(hub.floor.surface.endpoints, VERSION, EXAMPLE_URL))


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def main() -> None:
    """Write every document into docs/."""
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
        sys.stderr.write(f"wrote docs/{name}\n")


if __name__ == "__main__":
    main()
