"""Time and chance come through ports, Redis names from one file, and files stay short."""

import ast
import re

import pytest
from house_files import ROOT, calls, modules, tree

CLOCKS = re.compile(r"(^|\.)(time\.(time|time_ns|monotonic|perf_counter|sleep)|datetime\.(now|utcnow|today)|date\.today)$")
CHANCE = re.compile(r"^(random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid[14]|uuid_utils\.\w+|os\.urandom)$")
MAY_READ_TIME = {"core/clock.py": "the house's clock"}
MAY_DRAW = {"core/ids.py": "the house's chance", "hub/demo_town.py": "random.Random from a seed: the same town everywhere"}
LONG = {"safety/tables.py": "one table after another"}
MAX_LINES = 300
EVERY = [pytest.param(path, id=str(path)) for path in modules()]


@pytest.mark.parametrize("path", EVERY)
def test_time_comes_from_the_clock(path):
    found = [] if str(path) in MAY_READ_TIME else [f"line {line}: {name}()" for name, line in calls(path) if CLOCKS.search(name)]

    assert found == [], f"{path}: take a core.clock.Clock, or `now` as an argument."


@pytest.mark.parametrize("path", EVERY)
def test_chance_comes_from_the_id_source(path):
    found = [] if str(path) in MAY_DRAW else [f"line {line}: {name}()" for name, line in calls(path) if CHANCE.search(name)]

    assert found == [], f"{path}: take a core.ids.IdSource."


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path)) for path in modules() if path.stem.startswith("redis_")])
def test_redis_names_come_from_one_file(path):
    if str(path) == "core/redis_keys.py":
        return
    found = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.JoinedStr) and re.fullmatch(r"[\w{}.'()]*:[\w{}:.'()]*", ast.unparse(node)[2:-1])
    ]

    assert found == [], f"{path}: name this key in core/redis_keys.py, with type, writer, readers and expiry."


@pytest.mark.parametrize("path", EVERY)
def test_files_stay_short(path):
    lines = len((ROOT / path).read_text().splitlines())

    assert lines <= MAX_LINES or str(path) in LONG, f"{path} has {lines} lines; {MAX_LINES} is the bound. Split it by what it is about."


def test_core_is_a_closed_list():
    """Whoever adds to core adds to what every package stands on: say so here."""
    names = {path.name for path in modules() if path.parts[0] == "core"}

    assert names == {
        "__init__.py", "caller.py", "clock.py", "errors.py", "geo.py", "http_endpoint.py", "ids.py", "key_ring.py", "redis_keys.py",
        "right_of_way.py", "sql.py", "sql_counters.py", "sql_hop.py", "sql_idempotency.py", "sql_timers.py", "tables.py", "timers.py",
        "timers_flow.py", "unit_of_work.py", "units.py",
    }  # fmt: skip
