"""What does this tariff file say? Text in, checked `Tariff` out, or every problem with its line and cure.

Called by `http_tariffs`, `built_in` and `porchlight fare check`. Money and distance are written as whole numbers or as texts ("2.30"):
a bare 2.30 is a binary fraction and is refused.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from core.errors import BadInput
from tracking.fares.rates import minor_digits
from tracking.fares.tariff import Rounding, Tariff
from tracking.fares.tariff_check import Problem, problems_of
from tracking.fares.tariff_lines import Path, line_at, lines_of, path_of

MAX_CHARS = 100_000
"""The longest real tariff is 60 lines; this bounds the work a stranger can cause."""

_CURES = {
    "zone": 'Add zone = "Asia/Shanghai": the night is judged by the clock on the wall there.',
    "currency": 'Add currency = "CNY".',
    "valid_from": "Add valid_from = 2026-01-01, without quotes.",
    "source": "Add source: where do the figures come from?",
    "confidence": 'Add confidence = "low", "medium" or "high".',
}

_FORMS = (
    ("([01]", "That is no time of day.", "Write HH:MM in quotes, 00:00 to 24:00."),
    ("encoded date", "That is no day.", "Write it as 2026-03-01, without quotes."),
    ("[A-Z]", "That is no currency.", "Write a code of three capitals such as CNY, EUR or USD."),
    ("^[a-z0-9]", "That is no id.", "Write 2 to 60 of a-z, 0-9 and -, such as cn-beijing-taxi."),
    ("^[a-z]", "That is no code.", "Write up to 40 of a-z, 0-9 and _, a letter first, such as airport_night."),
)
"""What of a form a decoder complains about: what to say instead, and the cure."""


class BadTariff(BadInput):
    """The tariff file cannot be used. Each problem names its line and what to write instead."""

    code = "bad_tariff"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        told = [{"line": problem.line, "what": problem.what, "cure": problem.cure} for problem in problems]
        super().__init__("\n".join(f"line {each['line']}: {each['what']} {each['cure']}" for each in told), problems=told)


class _Float(str):
    """A number with a point, kept as its text so that it can be refused with its line."""


def read_tariff(text: str) -> Tariff:
    """Return the checked tariff of a TOML text; raises `BadTariff` with every problem found, each with its line."""
    if len(text) > MAX_CHARS:
        raise BadTariff([Problem((), f"The file is longer than {MAX_CHARS} characters.", "A tariff takes some fifty lines.", 1)])
    document = _parsed(text)
    lines = lines_of(text)
    _refuse(_floats(document, ()), lines)
    tariff = _converted(document, lines)
    if "rounding" not in document:
        smallest = Decimal(1).scaleb(-minor_digits(tariff.currency))
        tariff = msgspec.structs.replace(tariff, rounding=Rounding(unit=smallest))
    _refuse(problems_of(tariff), lines)
    return tariff


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=_Float)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else len(text.splitlines()) or 1
        raise BadTariff([Problem((), f"This is not TOML: {error}.", "Correct that line.", line)]) from None


def _floats(value: object, path: Path) -> Iterator[Problem]:
    if isinstance(value, _Float):
        yield Problem(path, f"{value} is a float, which cannot hold money exactly.", f'Put it in quotes: "{value}".')
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _floats(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _floats(item, (*path, place))


def _converted(document: dict[str, Any], lines: dict[Path, int]) -> Tariff:
    try:
        return msgspec.convert(_whole_numbers_as_text(document), Tariff)
    except msgspec.ValidationError as error:
        problem = _problem_of(str(error))
        raise BadTariff([msgspec.structs.replace(problem, line=line_at(lines, problem.path))]) from None


def _whole_numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item if key in ("block_s", "lead_min") else _whole_numbers_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers_as_text(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _problem_of(message: str) -> Problem:
    what, _, where = message.partition(" - at ")
    path = path_of(where.strip("`")) if where else ()
    if (missing := re.search(r"missing required field `(\w+)`", what)) is not None:
        return Problem(path, f"`{missing[1]}` is missing.", _CURES.get(missing[1], f"Add {missing[1]}."))
    if (unknown := re.search(r"unknown field `(\w+)`", what)) is not None:
        return Problem((*path, unknown[1]), f"`{unknown[1]}` is no word of a tariff here.", "Is it misspelt, or below the wrong [table]?")
    for sign, said, cure in _FORMS:
        if sign in what:
            return Problem(path, said, cure)
    return Problem(path, f"{what}.", "See the tariffs that come with the hub for how it is written.")


def _refuse(problems: "Iterator[Problem] | Sequence[Problem]", lines: dict[Path, int]) -> None:
    placed = [msgspec.structs.replace(problem, line=line_at(lines, problem.path)) for problem in problems]
    if placed:
        raise BadTariff(sorted(placed, key=lambda problem: problem.line))
