"""A bad start is refused whole; a good one is the same in every process."""

from pathlib import Path

import pytest

from hub.settings import NoDataFolder, all_settings, environment_of, load, make_data_folder
from hub.settings_read import BadSettings

KEY = "k" * 40
GOOD = {"PORCHLIGHT_SECRET_KEYS": KEY, "PORCHLIGHT_DATA_DIR": "/nowhere/at/all"}


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        load(environ)
    return refused.value.problems


def test_everything_that_is_wrong_is_told_at_once():
    bad = {**GOOD, "PORCHLIGHT_PORT": "eighty", "PORCHLIGHT_WORKERS": "0", "PORCHLIGHT_SQL_URL": "mysql://x", "PORCHLIGHT_HSOT": "x"}

    problems = problems_of(bad)

    assert [name for name in ("PORT", "WORKERS", "SQL_URL", "HSOT") if not any(f"PORCHLIGHT_{name}" in line for line in problems)] == []


def test_one_bad_setting_hides_no_other_and_accuses_no_good_one():
    bad = {f"PORCHLIGHT_{name}": text for name, text in (("FIX_DAYS", "x"), ("REDIS_URL", "x"), ("PORT", "x"), ("PUBLIC_URL", "hub"))}

    told = {line.partition(" ")[0].partition("=")[0] for line in problems_of({**GOOD, **bad})}

    assert told == set(bad)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("PORT", "eighty", "a whole number from 0 to 65535"),
        ("LAST_KNOWN_H", "0", "a number more than 0, at most 720"),
        ("MAX_SOCKETS", "-1", "a whole number at least 1"),
        ("DEMO", "perhaps", "true or false"),
        ("LOG_LEVEL", "loud", "one of: debug, info, warning, error"),
        ("LOG_FORMAT", "xml", "one of: json, console"),
        ("SMS_SIGNATURE", "far too long for a signature", "a text of at least 1, at most 16 characters"),
    ],
)
def test_a_bad_setting_is_told_what_fits_in_words(name: str, text: str, wanted: str):
    assert problems_of({**GOOD, f"PORCHLIGHT_{name}": text})[0].startswith(f"PORCHLIGHT_{name}={text!r} does not fit. Give {wanted}.")


@pytest.mark.parametrize(
    ("name", "text", "cure"),
    [
        ("MAP_TILES_URL", "https://tiles.example/all.png", "{z}/{x}/{y}"),
        ("ALLOWED_ORIGINS", "https://app.example/", "https://app.example"),
        ("ALLOWED_ORIGINS", "app.example", "https://app.example"),
        ("TRUSTED_PROXIES", "proxy.internal", "10.0.0.0/8"),
        ("TWILIO_ACCOUNT_SID", "AC0", "auth token"),
        ("GATEWAY_URL", "https://adapter.example", "whsec_"),
        ("GATEWAY_URL", "adapter", "https://adapter.example"),
        ("GATEWAY_TEMPLATES", "sos", "name=id"),
        ("PUBLIC_URL", "https:hub.example", "https://hub.example"),
    ],
)
def test_a_setting_that_could_do_nothing_is_refused_with_the_cure(name: str, text: str, cure: str):
    assert any(name in line and cure in line for line in problems_of({**GOOD, f"PORCHLIGHT_{name}": text}))


def test_settings_that_fit_are_taken():
    proxies = "10.0.0.5,10.0.0.0/8,::1,*"
    settings = load({**GOOD, "PORCHLIGHT_TRUSTED_PROXIES": proxies, "PORCHLIGHT_ALLOWED_ORIGINS": "https://app.example:8443"})

    assert settings.serve.trusted_proxies == tuple(proxies.split(","))


def test_a_missing_key_names_the_cure():
    assert "porchlight token secret" in problems_of({"PORCHLIGHT_DATA_DIR": "/nowhere/at/all"})[0]


def test_a_secret_is_not_shown_in_a_refusal():
    short = "topsecret-but-short"

    assert short not in "\n".join(problems_of({**GOOD, "PORCHLIGHT_SECRET_KEYS": short}))


def test_a_data_folder_that_cannot_be_made_is_told_with_the_cure(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(NoDataFolder, match="PORCHLIGHT_DATA_DIR"):
        make_data_folder(tmp_path / "file" / "data")


def test_sqlite_carries_four_workers():
    assert "PostgreSQL" in problems_of({**GOOD, "PORCHLIGHT_WORKERS": "5"})[0]


def test_no_recorder_is_left_without_a_shard():
    assert "PORCHLIGHT_SHARDS" in problems_of({**GOOD, "PORCHLIGHT_RECORDERS": "2"})[0]
    assert load({**GOOD, "PORCHLIGHT_RECORDERS": "2", "PORCHLIGHT_SHARDS": "3"}).serve.recorders == 2


def test_workers_get_the_settings_of_their_parent():
    settings = load({**GOOD, "PORCHLIGHT_PORT": "0", "PORCHLIGHT_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2"})

    assert load(environment_of(settings)) == settings


def test_both_groups_live_in_one_postgresql():
    store = load({**GOOD, "PORCHLIGHT_SQL_URL": "postgresql+asyncpg://u@h/d"}).store

    assert (store.truth_url, store.fixes_url) == ("postgresql+asyncpg://u@h/d",) * 2


def test_sqlite_keeps_the_groups_apart():
    store = load(GOOD).store

    assert store.truth_url != store.fixes_url


def test_every_setting_has_a_sentence():
    assert [setting.name for setting in all_settings() if not setting.sentence] == []


def test_a_routing_engine_is_named_whole_and_of_a_known_kind():
    router = load({**GOOD, "PORCHLIGHT_ROUTER_URL": "http://valhalla:8002", "PORCHLIGHT_ROUTER_KIND": "valhalla"}).router

    assert (router.url, router.kind.value) == ("http://valhalla:8002", "valhalla")
    assert "PORCHLIGHT_ROUTER_URL" in problems_of({**GOOD, "PORCHLIGHT_ROUTER_URL": "valhalla:8002"})[0]
    assert "PORCHLIGHT_ROUTER_KIND" in problems_of({**GOOD, "PORCHLIGHT_ROUTER_KIND": "magic"})[0]
