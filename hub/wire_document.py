"""What do the sockets say, in one page for people? `docs/wire.md`, made from the catalogue of frames and the table of close codes."""

from collections.abc import Iterator, Sequence
from typing import Any

from realtime.asyncapi import asyncapi
from realtime.close_code import SENTENCES, may_reconnect
from realtime.http_docs import type_words
from realtime.wire import SUBPROTOCOL
from realtime.wire_catalogue import CATALOGUE, Direction
from realtime.wire_values import MAX_FRAME_BYTES

_TITLES = {
    Direction.TECHNICIAN_TO_HUB: ("Technician to hub", "/v1/ws/technician"),
    Direction.HUB_TO_TECHNICIAN: ("Hub to technician", "/v1/ws/technician"),
    Direction.CUSTOMER_TO_HUB: ("Customer to hub", "/v1/ws/visit"),
    Direction.HUB_TO_CUSTOMER: ("Hub to customer", "/v1/ws/visit"),
    Direction.CONSOLE_TO_HUB: ("Console to hub", "/v1/ws/console"),
    Direction.HUB_TO_CONSOLE: ("Hub to console", "/v1/ws/console"),
}


def wire_document() -> str:
    """Return the document as Markdown."""
    return "\n".join([*_head(), *(line for direction in Direction for line in _direction(direction)), *_close_codes()]).rstrip() + "\n"


def _head() -> Iterator[str]:
    yield "# The wire\n"
    yield f"Subprotocol `{SUBPROTOCOL}`: JSON text frames of at most {MAX_FRAME_BYTES} bytes, each an object with a `type`. Unknown fields"
    yield "are refused by name. Positions are degrees WGS-84, times milliseconds since 1970 UTC. Programs read `asyncapi.json`; this page"
    yield "is made from `realtime/wire_catalogue.py` and `realtime/close_code.py` by `make docs`.\n"


def _direction(direction: Direction) -> Iterator[str]:
    title, path = _TITLES[direction]
    document = asyncapi("", "")
    yield f"## {title} (`{path}`)\n"
    for entry in CATALOGUE:
        if entry.direction is direction:
            payload = document["components"]["messages"][f"{entry.direction}.{entry.name}"]["payload"]
            yield f"**`{entry.name}`** {entry.sentence}\n"
            yield from _fields(document["components"]["schemas"][payload["$ref"].rpartition("/")[2]])


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    rows = [(name, part) for name, part in schema["properties"].items() if name != "type"]
    for name, part in rows:
        yield f"- `{name}`{'' if name in required else ' (may be absent)'}: {type_words(part)}"
    yield from [""] if rows else []


def _close_codes() -> Iterator[str]:
    yield "## Close codes\n"
    yield from _table(("code", "name", "come back?", "meaning"), _codes())


def _codes() -> Iterator[tuple[str, ...]]:
    for code, text in sorted(SENTENCES.items()):
        yield str(int(code)), f"`{code.name.lower()}`", "yes" if may_reconnect(code) else "no", text


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
