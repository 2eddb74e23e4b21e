"""Nothing that must not be read later is written now."""

import pytest

from hub.logs import hide_secrets, scrubbed

SECRETS = [
    "pl_dev_abcdefghijklmnopqrstuvwxyz0123456789",
    "GET /t/pl_lnk_abcdefghijklmnopqrstuvwxyz HTTP/1.1",
    "call +49 170 1234567 now",
    "at 48.137154, 11.576124 since",
    "Authorization: Bearer abc.def-ghi_jkl",
    "postgresql+asyncpg://user:hunter22@host/db",
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_do_not_reach_a_log(text):
    assert "hidden" in scrubbed(text)


@pytest.mark.parametrize("field", ["lat", "phone", "address", "token", "door_code"])
def test_telling_fields_are_dropped(field):
    assert hide_secrets(None, "info", {field: "x", "event": "e"}) == {field: "(hidden)", "event": "e"}


@pytest.mark.parametrize("text", ["took 12.5 ms", "2026-11-22T15:00:00Z", "3 of 4 workers", "porchlight_fixes 48.1"])
def test_plain_words_stay(text):
    assert scrubbed(text) == text
