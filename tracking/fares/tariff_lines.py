"""On which line of the file is that? Line numbers of a TOML document's keys, since the standard reader forgets them.

Called by `tariff_file` to say where a problem is. Knows what tariffs use: tables, arrays of tables, keys, inline tables and arrays
(also over several lines), basic and literal strings of one line. A key that it cannot place is placed at the nearest table that holds
it.
"""

import re

Path = tuple[str | int, ...]
"""Where in the document: `("steps", 1, "from")` is key `from` of the second `[[steps]]`."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$""")
_QUIET = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'""")


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, counted from 1, on which each table and key of the document begins; the document itself is on line 1."""
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = _QUIET.sub('""', line).split("#")[0]
        if depth == 0 and (header := _HEADER.match(line)):
            table = _open_table(header, found, counts, number)
        elif depth == 0 and (key := _KEY.match(line)):
            found.setdefault(table + tuple(_parts(key[1])), number)
        depth = max(0, depth + _depth(bare, depth))
    return found


def line_at(lines: dict[Path, int], path: Path) -> int:
    """Return the line of `path`, or of the nearest thing around it."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def path_of(text: str) -> Path:
    """Return the path of msgspec's notation, such as `$.steps[1].from`."""
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in re.findall(r"\[\d+\]|[^.\[\]$]+", text))


def _open_table(header: "re.Match[str]", found: dict[Path, int], counts: dict[Path, int], number: int) -> Path:
    path = _resolved(_parts(header[2]), counts)
    if header[1] == "[[":
        place = counts.get(path, -1) + 1
        counts[path] = place
        found.setdefault(path, number)
        path = (*path, place)
    found[path] = number
    return path


def _resolved(parts: list[str], counts: dict[Path, int]) -> Path:
    path: Path = ()
    for place, part in enumerate(parts):
        path = (*path, part)
        if path in counts and place < len(parts) - 1:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _depth(bare: str, depth: int) -> int:
    if depth == 0 and _HEADER.match(bare):
        return 0
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
