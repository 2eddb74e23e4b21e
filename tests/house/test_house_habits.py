"""Time and chance come through ports, Redis names from one file, and files stay short."""

import ast
import re
from pathlib import Path

from house_files import ROOT, calls, modules, nodes, offences

CLOCKS = re.compile(r"(^|\.)(time\.(time|time_ns|monotonic|perf_counter|sleep)|datetime\.(now|utcnow|today)|date\.today)$")
CHANCE = re.compile(r"^(random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid[14]|uuid_utils\.\w+|os\.urandom)$")
MAY_READ_TIME = {"core/clock.py": "the house's clock"}
MAY_DRAW = {"core/ids.py": "the house's chance", "hub/demo_town.py": "random.Random from a seed: the same town everywhere"}
LONG = {"safety/tables.py": "one table after another"}
MAX_LINES = 300


def test_time_comes_from_the_clock():
    others = [path for path in modules() if str(path) not in MAY_READ_TIME]
    found = offences(others, lambda path: called(path, CLOCKS))
    assert found == {}, "Take a core.clock.Clock, or `now` as an argument."


def test_chance_comes_from_the_id_source():
    found = offences([path for path in modules() if str(path) not in MAY_DRAW], lambda path: called(path, CHANCE))
    assert found == {}, "Take a core.ids.IdSource."


def called(path: Path, names: re.Pattern[str]) -> list[str]:
    return [f"line {line}: {name}()" for name, line in calls(path) if names.search(name)]


def test_redis_names_come_from_one_file():
    """A formatted string with a colon is a key: its name, with type, writer, readers and expiry, belongs into core/redis_keys.py."""
    def found(path: Path) -> list[str]:
        strings = [(node.lineno, ast.unparse(node)) for node in nodes(path) if isinstance(node, ast.JoinedStr)]
        return [f"line {line}: {said}" for line, said in strings if re.fullmatch(r"[\w{}.'()]*:[\w{}:.'()]*", said[2:-1])]

    writers = [path for path in modules() if path.stem.startswith("redis_") and str(path) != "core/redis_keys.py"]
    assert writers
    assert offences(writers, found) == {}, "Name this key in core/redis_keys.py."


def test_files_stay_short():
    def found(path: Path) -> list[str]:
        lines = len((ROOT / path).read_text().splitlines())
        return [f"has {lines} lines"] if lines > MAX_LINES and str(path) not in LONG else []

    assert offences(modules(), found) == {}, f"{MAX_LINES} lines are the bound. Split them by what they are about."


def test_core_is_a_closed_list():
    """Whoever adds to core adds to what every package stands on: say so here."""
    names = {path.name for path in modules() if path.parts[0] == "core"}

    assert names == {
        "__init__.py", "attempt.py", "caller.py", "clock.py", "errors.py", "geo.py", "http_endpoint.py", "ids.py", "key_ring.py",
        "redis_keys.py", "right_of_way.py", "side_by_side.py", "sql.py", "sql_counters.py", "sql_hop.py", "sql_idempotency.py",
        "sql_shared.py", "sql_timers.py", "tables.py", "timers.py", "timers_flow.py", "turns.py", "unit_of_work.py", "units.py",
    }  # fmt: skip
