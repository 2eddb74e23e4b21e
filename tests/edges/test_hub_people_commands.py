"""The commands about people, on a data folder of their own: what is printed for people, for programs, and when something is wrong."""

import json
from datetime import timedelta

import pytest

from core.errors import BadInput, NotFound, Unavailable
from hub.cli_fare_site import site_tariffs
from hub.cli_tell import run_local, tell_all
from hub.local_people import operator_of
from tests.doubles.terminal import terminal, told
from tracking.fares.built_in import built_in_texts
from tracking.fares.policy import Billing, FarePolicy
from tracking.fares.quote import CurrencyMismatch
from visits.refusal import NotAssignable


@pytest.fixture
def porchlight(tmp_path, monkeypatch):
    return terminal(tmp_path, monkeypatch)


def test_a_site_with_people_and_a_visit_is_made_at_the_terminal(porchlight):
    told(porchlight("site", "new", "munich", "--name", "Munich", "--zone", "Europe/Berlin", "--emergency", "police=110", "--json"))
    her = told(porchlight("technician", "new", "Lin Wei", "--level", "2", "--json"))
    code = porchlight("device", "enrol", her["id"]).stdout.strip()
    token = porchlight("device", "token", her["id"], "--label", "Traccar").stdout.strip()
    visit = told(porchlight("visit", "new", "--at", "48.1,11.5", "--address", "Platz 1", "--customer", "Ada", "--json"))
    assigned = told(porchlight("visit", "assign", visit["id"], her["id"], "--json"))
    address = porchlight("visit", "link", visit["id"]).stdout.strip()

    assert (len(code), token[:7], assigned["stage"]) == (11, "pl_dev_", "assigned")
    assert "/t/pl_lnk_" in address
    assert told(porchlight("visit", "show", visit["id"], "--json"))["place"]["address"] == "Platz 1"
    assert [each["act"] for each in told(porchlight("visit", "acts", visit["id"], "--json"))] == [None, "assign"]
    assert told(porchlight("visit", "cancel", visit["id"], "--reason", "rain", "--json"))["stage"] == "cancelled"
    assert told(porchlight("visit", "list", "--stage", "assigned", "--json")) == []
    devices = told(porchlight("device", "list", her["id"], "--json"))
    assert [each["label"] for each in devices] == ["Traccar"]
    porchlight("device", "revoke", devices[0]["id"])
    assert told(porchlight("device", "list", her["id"], "--json"))[0]["revoked_at"] is not None
    assert "She has no PINs" in porchlight("technician", "forget-pins", her["id"]).output
    assert told(porchlight("technician", "stop", her["id"], "--json"))["is_active"] is False


def test_a_technician_is_verified_at_the_terminal_and_may_then_be_given_the_service(porchlight):
    porchlight("site", "new", "munich", "--zone", "Europe/Berlin")
    her = told(porchlight("technician", "new", "Lin Wei", "--json"))["id"]
    visit = told(porchlight("visit", "new", "--at", "48.1,11.5", "--address", "Platz 1", "--customer", "Ada", "--json"))["id"]
    with pytest.raises(NotAssignable):
        porchlight("visit", "assign", visit, her)

    assert told(porchlight("technician", "level", her, "2", "--json"))["verified_level"] == 2
    assert told(porchlight("visit", "assign", visit, her, "--json"))["stage"] == "assigned"
    assert porchlight("technician", "level", her, "4").exit_code == 2
    with pytest.raises(NotFound):
        porchlight("technician", "level", "nobody", "1")


def test_what_is_told_once_is_told_to_programs_too(porchlight):
    told(porchlight("site", "new", "munich", "--zone", "Europe/Berlin", "--json"))
    her = told(porchlight("technician", "new", "Lin Wei", "--json"))["id"]
    visit = told(porchlight("visit", "new", "--at", "48.1,11.5", "--address", "Platz 1", "--customer", "Ada", "--json"))["id"]

    assert len(told(porchlight("device", "enrol", her, "--json"))["code"]) == 11
    device = told(porchlight("device", "token", her, "--json"))
    assert (device["token"][:7], told(porchlight("device", "revoke", device["device_id"], "--json"))["revoked"]) == ("pl_dev_", True)
    ana = told(porchlight("dispatcher", "new", "ana", "--json"))
    assert (ana["user"], len(ana["password"])) == ("ana", 20)
    assert told(porchlight("dispatcher", "reset", "ana", "--json"))["password"] != ana["password"]
    assert [told(porchlight("dispatcher", act, "ana", "--json"))["is_active"] for act in ("block", "unblock")] == [False, True]
    key = told(porchlight("token", "new", "booking", "--scope", "visits:read", "--json"))
    assert (key["token"][:7], key["scopes"]) == ("pl_api_", ["visits:read"])
    assert told(porchlight("token", "revoke", key["id"], "--json")) == {"id": key["id"], "revoked": True}
    assert "/t/pl_lnk_" in told(porchlight("visit", "link", visit, "--json"))["url"]


@pytest.mark.parametrize("words", [("dispatcher", "new", "ana"), ("token", "new", "booking")])
def test_a_site_that_is_not_there_is_answered_with_those_that_are(porchlight, words):
    told(porchlight("site", "new", "munich", "--zone", "Europe/Berlin", "--json"))

    with pytest.raises(NotFound, match="There are: munich"):
        porchlight(*words, "--site", "nowhere")


def test_another_site_is_made_like_the_first_and_checked(porchlight):
    porchlight("site", "new", "munich", "--zone", "Europe/Berlin", "--desk-phone", "+498912345678")
    porchlight("site", "new", "turin", "--like", "munich", "--name", "Turin")
    changed = told(porchlight("site", "set", "turin", "zone=Europe/Rome", "arrival_accept_m=300", "--json"))

    assert (changed["zone"], changed["settings"]["arrival_accept_m"]) == ("Europe/Rome", 300)
    assert told(porchlight("site", "show", "munich", "--json"))["settings"]["arrival_accept_m"] == 500
    assert porchlight("site", "check").exit_code == 1
    assert "  arrival_accept_m         300" in porchlight("site", "show", "turin").stdout
    with pytest.raises(NotFound, match="--site"):
        porchlight("technician", "new", "Lin")


def test_dispatchers_are_entered_reset_and_blocked(porchlight):
    porchlight("site", "new", "munich")
    first = porchlight("dispatcher", "new", "miriam", "--role", "owner").stdout.strip()
    second = porchlight("dispatcher", "reset", "miriam").stdout.strip()
    porchlight("dispatcher", "block", "miriam")

    assert len(first) == len(second) == 20
    assert first != second
    assert told(porchlight("dispatcher", "list", "--json"))[0]["is_active"] is False
    with pytest.raises(NotFound):
        porchlight("dispatcher", "block", "nobody")


def test_api_keys_are_made_listed_and_revoked_and_secrets_are_long(porchlight):
    porchlight("site", "new", "munich")
    assert porchlight("token", "new", "shop", "--scope", "visits:read").stdout.startswith("pl_api_")
    key = told(porchlight("token", "list", "--json"))[0]
    porchlight("token", "revoke", key["id"])

    assert key["scopes"] == ["visits:read"]
    assert told(porchlight("token", "list", "--json"))[0]["revoked_at"] is not None
    assert len(porchlight("token", "secret").stdout.strip()) >= 43


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("site", "show", "nowhere"), NotFound),
        (("site", "new", "No Id"), BadInput),
        (("site", "new", "x", "--emergency", "police"), BadInput),
        (("site", "set", "munich", "no_such=1"), BadInput),
        (("technician", "new", "Lin", "--phone", "0151"), BadInput),
        (("visit", "new", "--at", "200,1", "--address", "x", "--customer", "y"), BadInput),
        (("device", "enrol", "nobody"), NotFound),
    ],
)
def test_what_does_not_fit_is_refused_with_a_cure(porchlight, words, error):
    porchlight("site", "new", "munich")

    with pytest.raises(error) as refused:
        porchlight(*words)
    assert len(refused.value.detail) > 20


def test_lists_for_people_show_ids_whole(porchlight):
    porchlight("site", "new", "munich")
    her = told(porchlight("technician", "new", "Lin Wei", "--json"))

    assert her["id"] in porchlight("technician", "list").stdout


def test_a_list_shows_fields_of_fields_and_nothing_where_there_are_none(capsys):
    tell_all([{"id": "t1", "shift": {"state": "open", "notice_version": 1}}, {"id": "t2", "shift": None}], ("id", "shift.state"), False)

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["id", "shift.state"], ["t1", "open"], ["t2"]]


def test_without_a_schema_the_cure_is_told(porchlight, tmp_path):
    (tmp_path / "truth.db").unlink()

    with pytest.raises(Unavailable, match="porchlight db upgrade"):
        porchlight("site", "list")


def test_a_site_that_is_not_there_is_said_to_be_missing_instead_of_empty(porchlight):
    told(porchlight("site", "new", "munich", "--json"))

    with pytest.raises(NotFound, match="There are: munich"):
        porchlight("technician", "list", "--site", "nowhere")


def test_the_doctor_tells_bad_settings_as_findings(porchlight, monkeypatch):
    monkeypatch.setenv("PORCHLIGHT_PORT", "x")
    monkeypatch.setenv("PORCHLIGHT_TYPO", "1")
    found = porchlight("doctor", "--json")

    assert found.exit_code == 1
    findings = json.loads(found.stdout)
    assert [(each["part"], each["mark"]) for each in findings] == [("settings", "bad")] * 2
    assert "PORCHLIGHT_PORT" in findings[0]["seen"]


def test_the_schema_commands_answer_programs(porchlight, tmp_path, monkeypatch):
    monkeypatch.setenv("PORCHLIGHT_DATA_DIR", str(tmp_path / "fresh"))
    reached = told(porchlight("db", "upgrade", "--json"))["revision"]

    assert told(porchlight("db", "check", "--json")) == {"head": reached, "differences": []}


def test_databases_that_are_not_there_are_told_in_words(porchlight, monkeypatch):
    monkeypatch.setenv("PORCHLIGHT_SQL_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/none")

    with pytest.raises(Unavailable, match="doctor"):
        porchlight("db", "check")


@pytest.mark.parametrize("words", [("site", "list"), ("fare", "replay", "x"), ("notices", "list"), ("export", "visit", "x")])
def test_a_command_says_in_words_that_the_database_is_away(porchlight, monkeypatch, words):
    monkeypatch.setenv("PORCHLIGHT_SQL_URL", "postgresql+asyncpg://hub@127.0.0.1:1/hub")

    with pytest.raises(Unavailable, match="do not answer"):
        porchlight(*words)


def test_everything_a_check_asks_for_can_be_set(porchlight):
    with pytest.raises(NotFound, match="site new"):
        porchlight("site", "check")
    porchlight("site", "new", "munich", "--zone", "Europe/Berlin")
    found = porchlight("site", "check").stderr
    assert all(word in found for word in ("emergency number", "desk phone", "bounds", "fare add"))

    numbers, bounds = "emergency_numbers=police=110,ambulance=112", "bounds=48.0,11.3,48.3,11.8"
    texts = "customer_texts=departed,receipt"
    set_ = told(porchlight("site", "set", "munich", numbers, bounds, "desk_phone=+498912345678", texts, "--json"))
    told(porchlight("fare", "add", "eu-example-taxi", "--json"))

    assert [each["number"] for each in set_["emergency_numbers"]] == ["110", "112"]
    assert (set_["bounds"]["east"], set_["settings"]["customer_texts"]) == (11.8, ["departed", "receipt"])
    assert not any(word in porchlight("site", "check").stderr for word in ("emergency number", "desk phone", "bounds", "fare add"))
    assert told(porchlight("site", "set", "munich", "bounds=", "--json"))["bounds"] is None
    for bad in ("bounds=north", "emergency_numbers=police", "currency=USD", "customer_texts=never"):
        with pytest.raises(BadInput):
            porchlight("site", "set", "munich", bad)


def test_a_site_like_another_takes_its_tariffs_policy_rules_and_ladder(porchlight, tmp_path):
    porchlight("site", "new", "munich", "--zone", "Europe/Berlin")
    added = told(porchlight("fare", "add", "eu-example-taxi", "--json"))
    dropped = told(porchlight("fare", "add", str(_dearer(tmp_path)), "--json"))
    porchlight("fare", "retire", dropped["hash"])
    porchlight("detectors", "set", "silence=off")
    run_local(_capped)
    porchlight("site", "new", "turin", "--like", "munich")

    taken = told(porchlight("fare", "tariffs", "--site", "turin", "--json"))
    assert [(each["hash"], each["retired"]) for each in taken] == [(added["hash"], False)]
    assert [each["retired"] for each in told(porchlight("fare", "tariffs", "--site", "munich", "--json"))] == [False, True]
    modes = {each["detector"]: each["mode"] for each in told(porchlight("detectors", "list", "--site", "turin", "--json"))}
    assert modes["silence"] == "off"
    assert run_local(lambda local: site_tariffs(local).policy("turin")) == FarePolicy(billing=Billing.CAPPED)


def test_a_tariff_of_another_currency_or_clock_is_noticed(porchlight):
    porchlight("site", "new", "lisbon", "--zone", "Europe/Lisbon")

    assert "Europe/Lisbon" in porchlight("fare", "add", "eu-example-taxi").stderr
    with pytest.raises(CurrencyMismatch):
        porchlight("fare", "add", "at-home-taxi")
    with pytest.raises(BadInput, match="Known ids"):
        porchlight("fare", "add", "nope")


async def _capped(local):
    await site_tariffs(local).set_policy("munich", FarePolicy(billing=Billing.CAPPED))


def _dearer(folder):
    path = folder / "dearer.toml"
    path.write_text(built_in_texts()["eu-example-taxi"].replace('"2.50"', '"2.60"'))
    return path


def test_a_list_of_technicians_shows_whole_ids_and_who_is_on_shift(porchlight):
    porchlight("site", "new", "munich")
    her = told(porchlight("technician", "new", "Lin Wei", "--json"))

    async def open_shift(local):
        code = await local.people.people.offer_enrolment(operator_of("munich"), her["id"])
        caller = await local.people.access.caller_of_token((await local.people.people.enrol(code, "phone", "test", "here")).token)
        await local.people.shifts.open(caller, local.floor.clock.now() + timedelta(hours=8), "1")

    run_local(open_shift)
    listed = porchlight("technician", "list").stdout

    assert her["id"] in listed
    assert "open" in listed.splitlines()[1].split()
