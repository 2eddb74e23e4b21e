"""`fare meter`: files in, one JSON line each out, and words for what cannot be metered."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hub.cli_fare_meter import meter

TRACES = Path(__file__).resolve().parents[3] / "shared/data/traces"
LINES = [
    f'{{"at": "2026-05-01T12:{second // 60:02}:{second % 60:02}Z", "lat": 31.23, "lon": {121.47 + second * 0.0001:.6f}, "acc": 5}}'
    for second in range(300)
]
app = typer.Typer()
app.command()(meter)


def run(*args: object) -> tuple[int, list[dict[str, object]], str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")], result.stderr


def test_one_json_line_a_file_with_exactly_these_members(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(LINES))

    code, lines, _ = run(tmp_path / "a.jsonl", tmp_path / "a.jsonl", "--json")

    assert (code, len(lines)) == (0, 2)
    assert list(lines[0]) == ["file", "metres", "low_m", "high_m", "grade", "seconds", "gaps", "digest"]
    assert abs(lines[0]["metres"] - 2848) < 15
    assert lines[0]["low_m"] <= lines[0]["metres"] <= lines[0]["high_m"]
    assert list(lines[0]["seconds"]) == ["moving", "slow", "waiting", "gap"]
    assert sum(lines[0]["seconds"].values()) == 299


def test_shuffled_and_repeated_lines_give_the_same_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(LINES))
    once = run(tmp_path / "a.jsonl", "--json")[1]

    (tmp_path / "a.jsonl").write_text("\n".join([*reversed(LINES), *LINES[50:150]]))

    assert run(tmp_path / "a.jsonl", "--json")[1] == once


def test_a_bad_file_is_told_and_the_others_are_metered(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(LINES))
    (tmp_path / "b.jsonl").write_text("\n".join([*LINES, "nonsense"]))

    code, lines, words = run(tmp_path / "missing.gpx", tmp_path / "b.jsonl", tmp_path / "a.jsonl", "--json")

    assert (code, len(lines)) == (1, 1)
    assert "line 301" in words.replace("\n", " ")
    assert run(tmp_path / "b.jsonl", "--json", "--skip-bad")[0] == 0


def test_an_empty_recording_is_grade_c(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")

    code, lines, _ = run(tmp_path / "a.jsonl", "--json")

    assert (code, lines[0]["metres"], lines[0]["grade"]) == (0, 0, "C")


def test_an_empty_recording_is_said_to_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")

    _, _, told = run(tmp_path / "a.jsonl", "--json")

    assert "a.jsonl: holds no fix" in told
    assert "no point has a time" not in told


def test_a_track_without_times_is_a_length_of_grade_c(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text('{"type":"LineString","coordinates":[[121.5,31.2],[121.5,31.21],[121.5,31.22]]}')

    code, lines, words = run(tmp_path / "a.geojson", "--json")

    assert (code, lines[0]["grade"], sum(lines[0]["seconds"].values())) == (0, "C", 0)
    assert abs(lines[0]["metres"] - 2217) < 15
    assert "no point has a time" in words


def test_without_json_a_table_is_printed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(LINES))

    result = CliRunner().invoke(app, [str(tmp_path / "a.jsonl")])

    assert "not a legally controlled taximeter" in result.stdout.replace("\n", " ")
    assert "a.jsonl" in result.stdout


@pytest.mark.skipif(not TRACES.is_dir(), reason="the recordings are not part of a checkout")
def test_every_real_recording_is_metered() -> None:
    code, lines, _ = run(*sorted(TRACES.iterdir()), "--json")

    assert (code, len(lines)) == (0, 7)
    assert all(0 < line["low_m"] <= line["metres"] <= line["high_m"] for line in lines)
