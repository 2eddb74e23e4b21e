"""A module's name says what it may do; these tests hold it to its name."""

import ast

import pytest
from house_files import IN_PREFIXES, OUT_TECHNOLOGIES, imports, kind, modules, tree

TECHNOLOGIES = {"redis", "sqlalchemy", "starlette", "twilio", "aiohttp", "websockets", "uvicorn", "asyncpg", "aiosqlite", "alembic"}
NOT_IN_RULES = TECHNOLOGIES | {"asyncio", "structlog", "logging", "random", "secrets", "time", "anyio", "threading"}
WAITING_RULES = {
    "realtime/eager.py": "the one socket loop, driven by edges",
    "realtime/ws_link.py": "",
    "realtime/fanout.py": "holds the rooms of one worker; called by edges in their own loop",
    "realtime/wake.py": "a bell for socket loops",
}
"""Modules without a prefix that wait or know the loop, by name and reason."""


def of_kind(wanted: str) -> list:
    return [pytest.param(path, id=str(path)) for path in modules() if kind(path) == wanted]


def own_async(module: ast.Module) -> list[ast.AsyncFunctionDef]:
    """Return async functions, except those of a Protocol: naming a port is no waiting."""
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    protocols = [node for node in classes if any("Protocol" in ast.unparse(base) for base in node.bases)]
    named = {id(node) for protocol in protocols for node in ast.walk(protocol)}
    return [node for node in ast.walk(module) if isinstance(node, ast.AsyncFunctionDef) and id(node) not in named]


@pytest.mark.parametrize("path", of_kind("rule"))
def test_rules_are_pure(path):
    """A plain noun decides; it neither waits nor touches the world."""
    if str(path) in WAITING_RULES:
        return
    banned = [f"line {line}: imports {name}" for name, line in imports(path) if name.split(".")[0] in NOT_IN_RULES]
    waiting = [f"line {node.lineno}: is async" for node in own_async(tree(path))]

    assert [*banned, *waiting] == [], f"{path} is a rule by its name. Move this into a *_flow, redis_*, sql_*, ws_* or http_* module."


@pytest.mark.parametrize("path", of_kind("flow"))
def test_flows_know_no_technology(path):
    """A flow tells the story over ports."""
    banned = [f"line {line}: imports {name}" for name, line in imports(path) if name.split(".")[0] in TECHNOLOGIES]

    assert banned == [], f"{path} is a flow by its name. Reach this through a Protocol in ports.py."


@pytest.mark.parametrize("path", of_kind("inbound"))
def test_inbound_edges_touch_no_store(path):
    """A socket or request is translated, not answered from a store."""
    stores = TECHNOLOGIES - {"starlette", "websockets"}
    banned = [f"line {line}: imports {name}" for name, line in imports(path) if name.split(".")[0] in stores]

    assert banned == [], f"{path} is an inbound edge by its name. Let a flow do this."


@pytest.mark.parametrize("path", of_kind("outbound"))
def test_outbound_edges_know_one_technology(path):
    """An adapter speaks to one thing, and calls no flow."""
    prefix = next(prefix for prefix in OUT_TECHNOLOGIES if path.stem.startswith(prefix))
    banned = [
        f"line {line}: imports {name}"
        for name, line in imports(path)
        if name.split(".")[0] in TECHNOLOGIES - OUT_TECHNOLOGIES[prefix] or name.rpartition(".")[2].endswith("_flow")
    ]

    assert banned == [], f"{path} speaks {prefix.rstrip('_')} by its name. Move the rest elsewhere."


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path)) for path in modules() if path.parts[0] != "hub"])
def test_edges_and_flows_of_others_are_reached_through_ports(path):
    """Only hub/ joins packages; elsewhere rules and value types are imported downward."""
    edges = (*IN_PREFIXES, *OUT_TECHNOLOGIES)
    foreign = [
        f"line {line}: imports {name}"
        for name, line in imports(path)
        if name.split(".")[0] not in (path.parts[0], "core")
        and name.split(".")[0] in ("notifications", "visits", "tracking", "safety", "realtime", "hub")
        and (name.rpartition(".")[2].startswith(edges) or name.rpartition(".")[2].endswith("_flow"))
    ]

    assert foreign == [], f"{path}: define a Protocol in {path.parts[0]}/ports.py and let hub/wiring.py join them."
