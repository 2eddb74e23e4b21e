"""Whoever is sent away is told why and what to do."""

from realtime.close_code import CloseCode, sentence_of


def test_every_code_of_the_hub_has_a_sentence_and_foreign_ones_a_hint():
    assert all(sentence_of(code).endswith(".") for code in CloseCode)
    assert "enrol again" in sentence_of(4101)
    assert "log" in sentence_of(1006)
