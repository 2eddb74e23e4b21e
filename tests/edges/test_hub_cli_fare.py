"""`porchlight fare`: check, quote, tariffs at a terminal."""

import json

import pytest
from typer.testing import CliRunner

from hub.cli_fare import app, unlike
from tracking.fares.built_in import built_in_texts


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


def test_check_explains_and_draws(run, tmp_path):
    result = run("check", "cn-beijing-taxi-2013", "--svg", tmp_path / "beijing.svg")

    assert result.exit_code == 0
    assert "Beyond 3 km: CN¥2.30 per km." in result.stdout
    assert (tmp_path / "beijing.svg").read_text("utf-8").startswith("<svg")


def test_check_speaks_chinese_and_json(run, tmp_path):
    assert "起步" in run("quote", "at-home-taxi", "--km", 10, "--lang", "zh", "--at", "2026-03-02T14:00").stdout
    told = json.loads(run("check", "cn-beijing-metro", "--json", "--svg", tmp_path / "metro.svg").stdout)
    assert told["points_mm_minor"]["day"][0] == [0, 300]


def test_a_bad_file_is_refused_with_line_and_cure(run, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(built_in_texts()["at-home-taxi"].replace('zone = "Asia/Shanghai"\n', ""), "utf-8")

    result = run("check", bad)

    assert result.exit_code == 1
    assert "bad.toml:1: `zone` is missing." in result.stderr
    assert "Asia/Shanghai" in result.stderr


def test_a_quote_adds_up(run):
    told = json.loads(run("quote", "at-home-taxi", "--km", 10, "--at", "2026-03-02T23:30", "--json").stdout)

    assert told["total_minor"] == 3887
    assert sum(line["amount_minor"] for line in told["lines"]) == 3887


def test_a_quote_between_places_says_that_it_is_an_estimate(run):
    result = run("quote", "at-home-taxi", "--from", "39.908,116.397", "--to", "39.98,116.3", "--at", "2026-03-02T14:00")

    assert result.exit_code == 0
    assert "estimated" in result.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["quote", "at-home-transit", "--km", "10", "--at", "2026-03-02T23:50"], 1),
        (["quote", "nonesuch", "--km", "10"], 1),
        (["quote", "at-home-taxi"], 2),
        (["quote", "at-home-taxi", "--from", "moon", "--to", "1,2"], 2),
        (["quote", "at-home-taxi", "--km", "1", "--at", "soon"], 2),
        (["quote", "at-home-taxi", "--km", "1", "--carries", "!"], 2),
        (["quote", "at-home-taxi", "--km", "1", "--lang", "xx"], 2),
    ],
)
def test_what_does_not_fit_is_refused(run, words, code):
    assert run(*words).exit_code == code


def test_the_built_in_tariffs_are_listed(run):
    assert "cn-shenzhen-taxi-2024" in run("tariffs").stdout


def test_a_difference_is_told_down_to_its_figure():
    stored = {"distance_mm": 5, "grade": "A", "gaps": ({"fill": "chord", "filled_mm": 1},)}
    again = {"distance_mm": 6, "grade": "A", "gaps": ({"fill": "cut", "filled_mm": 1}, {"fill": "cut", "filled_mm": 0})}

    assert list(unlike("meter", stored, again)) == [
        ("meter.distance_mm", 5, 6),
        ("meter.gaps[0].fill", "chord", "cut"),
        ("meter.gaps[1]", None, {"fill": "cut", "filled_mm": 0}),
    ]
    assert list(unlike("billed", "quote", "meter")) == [("billed", "quote", "meter")]
