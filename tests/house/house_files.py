"""The house's own files, parsed once, and what kind each is by its name."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "notifications", "visits", "tracking", "safety", "realtime", "hub", "porchlight_client")
IN_PREFIXES = ("ws_", "http_")
OUT_TECHNOLOGIES = {
    "redis_": {"redis", "hiredis"},
    "sql_": {"sqlalchemy", "asyncpg", "aiosqlite"},
    "twilio_": {"twilio", "aiohttp"},
    "argon2_": {"argon2"},
    "pyotp_": {"pyotp"},
    "aiohttp_": {"aiohttp"},
    "osrm_": {"aiohttp"},
    "valhalla_": {"aiohttp"},
    "file_": set(),
    "threaded_": set(),
}


@functools.cache
def modules() -> tuple[Path, ...]:
    """Return every module of the house, relative to the root."""
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple(path.relative_to(ROOT) for path in found if "node_modules" not in path.parts)


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return the parsed module."""
    return ast.parse((ROOT / path).read_text())


def kind(path: Path) -> str:
    """Return the kind of a module by its name: rule, flow, inbound, outbound, or `free` where kinds do not apply."""
    name = path.stem
    if path.parts[0] in ("hub", "core") or name in ("__init__", "ports", "tables") or "pages" in path.parts[:-1]:
        return "free"
    if name.endswith("_flow"):
        return "flow"
    if name.startswith(IN_PREFIXES):
        return "inbound"
    if name.startswith(tuple(OUT_TECHNOLOGIES)):
        return "outbound"
    return "rule"


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (dotted module, line) of everything a module imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (dotted name, line) of every call by name, such as `time.time`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno
