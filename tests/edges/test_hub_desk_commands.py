"""The desk's commands on a data folder of their own: plans, drills, detectors, response times, and what is said when something is wrong."""

import json

import pytest

from core.errors import BadInput, NotFound
from tests.edges.test_hub_people_commands import porchlight, told

__all__ = ["porchlight"]


@pytest.fixture
def desk(porchlight):
    """Return the runner on a site with one dispatcher."""
    told(porchlight("site", "new", "munich", "--zone", "Europe/Berlin", "--json"))
    porchlight("dispatcher", "new", "ana", "--password", "a-long-first-password")
    return porchlight


def test_a_duty_is_planned_shown_with_its_gaps_and_taken_out(desk):
    planned = told(desk("site", "plan", "ana", "2031-03-02T22:00", "2031-03-03T06:00", "--json"))
    assert (planned["from_at"], planned["until_at"]) == ("2031-03-02T22:00:00+01:00", "2031-03-03T06:00:00+01:00")
    ahead = told(desk("site", "plan", "--json"))
    assert ahead["planned"] == []
    assert len(ahead["gaps"]) == 1
    assert desk("site", "unplan", planned["id"]).exit_code == 0
    with pytest.raises(NotFound, match="no such planned duty"):
        desk("site", "unplan", planned["id"])


def test_a_duty_alone_by_its_hours_is_the_next_one_by_the_sites_clock(desk):
    planned = told(desk("site", "plan", "ana", "22:00", "06:00", "--json"))

    assert planned["from_at"][11:16] == "22:00"
    assert planned["until_at"][11:16] == "06:00"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("ana",), "from when"), (("ana", "22:00", "morgen"), "no time"), (("ana", "2031-03-02T22:00", "2031-03-04T22:00"), "24 hours"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused_with_a_cure(desk, words, error):
    with pytest.raises(BadInput, match=error):
        desk("site", "plan", *words)


def test_a_drill_needs_a_phone_and_keeps_it(desk):
    with pytest.raises(BadInput, match="recipient"):
        desk("site", "drill", "4")
    with pytest.raises(BadInput, match="no hour"):
        desk("site", "drill", "25")
    made = told(desk("site", "drill", "4", "--phone", "+4915112345678", "--json"))
    again = told(desk("site", "drill", "5", "--within-min", "3", "--json"))
    off = told(desk("site", "drill", "off", "--json"))

    assert made["recipient_id"] == again["recipient_id"] == off["recipient_id"]
    assert [each["canary_at_h"] for each in (made, again, off)] == [4, 5, None]
    assert told(desk("site", "drills", "--json")) == []


def test_a_ladder_is_shown_set_from_a_file_and_kept_where_the_new_one_is_none(desk, tmp_path):
    file = tmp_path / "ladder.json"
    shown = told(desk("site", "ladder", "--json"))
    file.write_text(json.dumps({**shown, "rungs": shown["rungs"][:2], "exhausted_after_s": 60}))
    said = desk("site", "ladder", "--file", str(file))
    again = desk("site", "ladder", "--file", str(file))
    file.write_text(json.dumps({**shown, "rungs": [shown["rungs"][0], {**shown["rungs"][1], "tier": 7}]}))
    with pytest.raises(BadInput, match="tier 7 where tier 1"):
        desk("site", "ladder", "--file", str(file))

    assert ("Set: it holds at munich" in said.stderr, "Set:" in again.stderr) == (True, False)
    assert "exhausted_after_s  60" in said.stdout
    assert "there is nobody" in said.stderr
    held = told(desk("site", "ladder", "--site", "munich", "--json"))
    assert [(rung["after_s"], rung["tier"]) for rung in held["rungs"]] == [(0, 0), (15, 0)]
    with pytest.raises(BadInput, match="cannot be read"):
        desk("site", "ladder", "--file", str(tmp_path / "none.json"))


def test_detectors_have_modes_that_are_set_and_shown(desk):
    assert {each["detector"]: each["mode"] for each in told(desk("detectors", "list", "--json"))}["silence"] == "shadow"
    said = desk("detectors", "set", "silence=on", "overrun=off")
    assert "no record here" in said.stderr
    modes = {each["detector"]: each["mode"] for each in told(desk("detectors", "list", "--json"))}
    assert (modes["silence"], modes["overrun"], modes["check_in"]) == ("on", "off", "on")
    with pytest.raises(BadInput, match="does not fit"):
        desk("detectors", "set", "silence=loud")
    assert told(desk("detectors", "hits", "--json")) == []


def test_a_recording_is_rehearsed_with_a_plan_of_stages(desk, tmp_path):
    file = tmp_path / "way.jsonl"
    lines = [f'{{"at": "2026-03-02T09:{minute:02d}:00Z", "lat": 48.1, "lon": 11.5}}' for minute in (0, 1, 2, 3)]
    file.write_text("\n".join(lines))
    said = told(desk("detectors", "replay", str(file), "--stages", "departed=0,arrived=2m,left=30m", "--json"))

    assert [(each["watch"], each["turn"], each["after"]) for each in said] == [
        ("silence", "amber", "0:04:00"), ("silence", "enter", "0:06:00"), ("not_started", "enter", "0:22:00"),
        ("not_started", "leave", "0:30:00"), ("silence", "leave", "0:30:00"),
    ]  # fmt: skip
    for faulty in ("departed=5", "flying=0", "departed=0,arrived=2,ended=1"):
        with pytest.raises(BadInput):
            desk("detectors", "replay", str(file), "--stages", faulty)


def test_an_empty_desk_says_so_in_words(desk):
    assert "No incident is open" in desk("incident", "list").stderr
    assert "no alarm" in desk("incident", "times").stderr
    assert told(desk("incident", "times", "--json")) == {"months": [], "recent": []}
    with pytest.raises(NotFound):
        desk("incident", "report", "nope")


def test_a_check_of_the_site_names_what_its_watch_lacks(desk):
    found = desk("site", "check")

    assert found.exit_code == 1
    assert "Nobody is on duty" in found.stderr
