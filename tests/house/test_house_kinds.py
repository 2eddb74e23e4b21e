"""A module's name says what it may do; these tests hold it to its name."""

import ast
from pathlib import Path

from house_files import IN_PREFIXES, OUT_TECHNOLOGIES, imports, kind, modules, nodes, offences, tree

TECHNOLOGIES = {"redis", "sqlalchemy", "starlette", "twilio", "aiohttp", "websockets", "uvicorn", "asyncpg", "aiosqlite", "alembic"}
NOT_IN_RULES = TECHNOLOGIES | {"asyncio", "structlog", "logging", "random", "secrets", "time", "anyio", "threading"}
WAITING_RULES = {
    "realtime/eager.py": "the one socket loop, driven by edges",
    "realtime/fanout.py": "holds the rooms of one worker; called by edges in their own loop",
    "realtime/wake.py": "a bell for socket loops",
}
"""Modules without a prefix that wait or know the loop, by name and reason."""


def of_kind(wanted: str) -> list[Path]:
    found = [path for path in modules() if kind(path) == wanted]
    assert found, f"There is no {wanted} module at all."
    return found


def own_async(path: Path) -> list[ast.AsyncFunctionDef]:
    """Return async functions, except those of a Protocol: naming a port is no waiting."""
    classes = [node for node in tree(path).body if isinstance(node, ast.ClassDef)]
    protocols = [node for node in classes if any("Protocol" in ast.unparse(base) for base in node.bases)]
    named = {id(node) for protocol in protocols for node in ast.walk(protocol)}
    return [node for node in nodes(path) if isinstance(node, ast.AsyncFunctionDef) and id(node) not in named]


def imported(path: Path, banned: set[str]) -> list[str]:
    return [f"line {line}: imports {name}" for name, line in imports(path) if name.split(".")[0] in banned]


def test_rules_are_pure():
    """A plain noun decides; it neither waits nor touches the world."""
    def found(path: Path) -> list[str]:
        return imported(path, NOT_IN_RULES) + [f"line {node.lineno}: is async" for node in own_async(path)]

    rules = [path for path in of_kind("rule") if str(path) not in WAITING_RULES]
    assert offences(rules, found) == {}, "These are rules by their names. Move this into a *_flow, redis_*, sql_*, ws_* or http_* module."


def test_flows_know_no_technology():
    """A flow tells the story over ports."""
    found = offences(of_kind("flow"), lambda path: imported(path, TECHNOLOGIES))
    assert found == {}, "These are flows by their names. Reach this through a Protocol in ports.py."


def test_inbound_edges_touch_no_store():
    """A socket or request is translated, not answered from a store."""
    found = offences(of_kind("inbound"), lambda path: imported(path, TECHNOLOGIES - {"starlette", "websockets"}))
    assert found == {}, "These are inbound edges by their names. Let a flow do this."


def test_outbound_edges_know_one_technology():
    """An adapter speaks to one thing, and calls no flow."""
    def found(path: Path) -> list[str]:
        own = next(own for prefix, own in OUT_TECHNOLOGIES.items() if path.stem.startswith(prefix))
        flows = [f"line {line}: imports {name}" for name, line in imports(path) if name.rpartition(".")[2].endswith("_flow")]
        return imported(path, TECHNOLOGIES - own) + flows

    assert offences(of_kind("outbound"), found) == {}, "These speak one technology by their names. Move the rest elsewhere."


def test_edges_and_flows_of_others_are_reached_through_ports():
    """Only hub/ joins packages; elsewhere rules and value types are imported downward."""
    edges = (*IN_PREFIXES, *OUT_TECHNOLOGIES)

    def found(path: Path) -> list[str]:
        return [
            f"line {line}: imports {name}"
            for name, line in imports(path)
            if name.split(".")[0] not in (path.parts[0], "core")
            and name.split(".")[0] in ("notifications", "visits", "tracking", "safety", "realtime", "hub")
            and (name.rpartition(".")[2].startswith(edges) or name.rpartition(".")[2].endswith("_flow"))
        ]

    outside = [path for path in modules() if path.parts[0] != "hub"]
    assert offences(outside, found) == {}, "Define a Protocol in the package's own ports.py and let hub/wiring.py join them."
