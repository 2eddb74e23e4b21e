"""The house's own files, parsed once, and what kind each is by its name."""

import ast
import functools
from collections.abc import Callable, Iterable
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


@functools.cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """Return (dotted module, line) of everything a module imports."""
    found: list[tuple[str, int]] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.module, node.lineno))
    return tuple(found)


@functools.cache
def calls(path: Path) -> tuple[tuple[str, int], ...]:
    """Return (dotted name, line) of every call by name, such as `time.time`."""
    return tuple((_dotted(node.func), node.lineno) for node in nodes(path) if isinstance(node, ast.Call))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return everything in a module."""
    return tuple(ast.walk(tree(path)))


def _dotted(callee: ast.expr) -> str:
    """Return the name that is called, "" where it is none; `ast.unparse` says the same forty times as slowly."""
    if isinstance(callee, ast.Attribute):
        return f"{_dotted(callee.value)}.{callee.attr}"
    return callee.id if isinstance(callee, ast.Name) else ""


def offences(paths: Iterable[Path], found: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """Return what `found` says of each of the modules, those left out that it says nothing of."""
    return {str(path): said for path in paths if (said := found(path))}
