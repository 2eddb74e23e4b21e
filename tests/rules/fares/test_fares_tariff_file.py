"""A bad tariff file is refused with the line and the cure."""

import pytest

from tracking.fares.built_in import built_in_texts
from tracking.fares.tariff_file import BadTariff, read_tariff

GOOD = """id = "good"
title = { zh = "好", en = "good" }
currency = "CNY"
zone = "Asia/Shanghai"
valid_from = 2026-01-01
source = "a test"
confidence = "low"
mode = "taxi"

[[steps]]
from = 0
to = 3
flat = "9.00"

[[steps]]
from = 3
per_unit = "1.90"
"""
NIGHT = '[night]\nclock = "split"\non = ["distance"]\n[[night.windows]]\n'
EXTRA = '[[extras]]\ntitle = { zh = "夜", en = "night" }\namount = "1.00"\n'


def first_problem(text: str) -> tuple[int, str]:
    with pytest.raises(BadTariff) as caught:
        read_tariff(text)
    problem = caught.value.problems[0]
    assert problem.cure
    return problem.line, problem.what


def test_a_good_file_is_read():
    assert read_tariff(GOOD).id == "good"


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("from = 3\n", "from = 4\n", 16, "hole"),
        ("from = 3\n", "from = 2\n", 16, "overlap"),
        ('"1.90"', "1.90", 17, "float"),
        ('zone = "Asia/Shanghai"\n', "", 1, "`zone` is missing"),
        ("Asia/Shanghai", "Asia/Peking-Duck", 4, "no time zone"),
        ("to = 3", "to = -3", 12, "negative"),
        ("from = 0\nto = 3", "from = 0\nto = 0", 12, "negative step"),
        ('"9.00"', '"-9.00"', 13, "negative"),
        ('"9.00"', '"NaN"', 13, "no figure"),
        ('"1.90"', '"1.9000001"', 17, "decimals"),
        ("CNY", "XQQ", 3, "no ISO 4217"),
        ("per_unit", "per_kilometre", 17, "no word"),
        ("from = 0\n", "from = 1\n", 11, "hole"),
        ('per_unit = "1.90"', 'per_unit = "1.90"\nto = 9', 18, "hole"),
        ("[[steps]]\nfrom = 3", "[[ladder]]\nprice = 9\nfrom = 3", 18, "no word"),
        ("mode = ", "mode ", 8, "not TOML"),
        ('"a test"', '" "', 6, "no source"),
        ('"taxi"\n', '"taxi"\nhours = ["5:30-23"]\n', 9, "no hours"),
        ('"taxi"\n', '"rocket"\n', 8, "rocket"),
    ],
)
def test_a_bad_file_is_refused_at_its_line(old, new, line, what):
    assert old in GOOD

    found_line, found_what = first_problem(GOOD.replace(old, new))

    assert (found_line, what) == (line, what if what in found_what else found_what)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('[time]\nmode = "slow"\nprice = "1"', "`below`"),
        ('[time]\nmode = "S"\nprice = "1"\ncharge = "started"', "neither blocks nor windows"),
        ('[night]\nclock = "split"\non = ["distance"]\nwindows = []', "needs windows"),
        (
            '[night]\nclock = "split"\nlead_min = 5\non = ["distance"]\n[[night.windows]]\nfrom = "22:00"\nto = "06:00"\nfactor = 2',
            "lead_min",
        ),
        ('[night]\nclock = "split"\non = ["distance"]\n[[night.windows]]\nfrom = "22:00"\nto = "06:00"\nfactor = "0.9"', "below 1"),
        (
            '[night]\nclock = "split"\non = ["distance"]\n[[night.windows]]\nfrom = "22:00"\nto = "26:00"\nfactor = "2"',
            "no time of day",
        ),
        ('[long]\nhow = "whole"\n[[long.bands]]\nfrom = 5\nto = 9\nfactor = 2\n[[long.bands]]\nfrom = 9\nfactor = 1', "longer way"),
        ('[long]\nhow = "whole"\n[[long.bands]]\nfrom = 5\nto = 9\nfactor = 2', "hole"),
        ('[rounding]\nunit = "0.001"', "cannot be paid"),
        ('[[extras]]\ncode = "a"\ntitle = { zh = "", en = "" }\namount = 1\ndates = ["soon"]', "no dates"),
        ('[[extras]]\ncode = "a"\ntitle = { zh = "", en = "" }\namount = 1\nhours = "night"', "no hours"),
    ],
)
def test_a_bad_part_is_refused(more, what):
    _, found = first_problem(f"{GOOD}\n{more}\n")

    assert any(each in found for each in what.split("|")), found


@pytest.mark.parametrize(("currency", "unit"), [("CNY", "0.01"), ("JPY", "1"), ("KWD", "0.001")])
def test_without_a_rounding_the_smallest_coin_is_the_unit(currency, unit):
    tariff = read_tariff(GOOD.replace("CNY", currency))

    assert str(tariff.rounding.unit) == unit


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "cure"),
    [
        ('id = "good"', 'id = "../x"', 1, "no id", "cn-beijing-taxi"),
        ('"CNY"', '"yuan"', 3, "no currency", "CNY"),
        ("2026-01-01", '"soon"', 5, "no day", "without quotes"),
        ('per_unit = "1.90"\n', f'per_unit = "1.90"\n{NIGHT}from = "25:00"\nto = "06:00"\nfactor = "1.2"\n', 22, "no time of day", "HH:MM"),
        ('per_unit = "1.90"\n', f'per_unit = "1.90"\n{EXTRA}code = "Nacht!"\n', 21, "no code", "a-z"),
    ],
)
def test_a_wrong_form_is_told_in_words(old, new, line, what, cure):
    with pytest.raises(BadTariff) as caught:
        read_tariff(GOOD.replace(old, new))

    problem = caught.value.problems[0]
    assert (problem.line, "regex" in problem.what) == (line, False)
    assert what in problem.what
    assert cure in problem.cure


def test_two_nights_that_overlap_are_refused():
    windows = '[[night.windows]]\nfrom = "22:00"\nto = "02:00"\nfactor = 2\n[[night.windows]]\nfrom = "01:00"\nto = "03:00"\nfactor = 3'

    line, what = first_problem(f'{GOOD}\n[night]\nclock = "split"\non = ["distance"]\n{windows}')

    assert "overlap" in what
    assert line == 26


def test_a_minimum_above_the_cap_is_refused():
    assert "above the cap" in first_problem('minimum = 50\ncap = "20"\n' + GOOD)[1]


def test_a_cap_that_rounding_would_pass_is_refused():
    assert "multiple" in first_problem('cap = "20.50"\n' + GOOD + '\n[rounding]\nunit = "1"')[1]


def test_two_extras_of_one_code_are_refused():
    extra = '[[extras]]\ncode = "a"\ntitle = { zh = "", en = "" }\namount = 1\n'

    assert "twice" in first_problem(f"{GOOD}\n{extra}{extra}")[1]


def test_a_ladder_that_falls_is_refused():
    ladder = "[[ladder]]\nfrom = 0\nto = 3\nprice = 4\n[[ladder]]\nfrom = 3\nprice = 3\n"

    assert "costs less" in first_problem(GOOD.split("[[steps]]")[0] + ladder)[1]


def test_every_packaged_file_is_good():
    for text in built_in_texts().values():
        read_tariff(text)


def test_steps_beside_a_ladder_are_refused():
    assert "steps or a ladder" in first_problem(GOOD + "[[ladder]]\nfrom = 0\nprice = 3\n")[1]
