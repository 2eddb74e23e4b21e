"""What does a notice say? Texts from Fluent files, fitted to what its country's networks carry; and words that cannot fail.

Called by `outbox_flow` before a letter is handed over, by the command line's preview and by the tests that check every text at the longest
address. A missing variable has a stand-in, a text too long has its address shortened, anything else falls back to `minimal`.
Source: Project Fluent; isolating marks are off, because they force UCS-2 and show as boxes on old phones.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from importlib.resources import files

import msgspec
from fluent.runtime import FluentBundle
from fluent.syntax import FluentParser
from fluent.syntax.ast import Junk, Message, MessageReference, Resource, VariableReference
from fluent.syntax.visitor import Visitor

from notifications.country import CountryRule
from notifications.notice import Lane, Variable
from notifications.segments import Encoding, Segments, cut, measure, plain_letters, ucs2_units

LANGUAGES = ("zh-CN", "en")
MAX_PARTS = {Lane.P0: 1, Lane.P1: 2, Lane.P2: 2, Lane.P3: 2}
"""An emergency is one part: parts arrive apart, or one of them never."""
_CUT_FIRST: tuple[tuple[str, int], ...] = (
    ("detail", 8), ("place", 6), ("name", 4), ("site", 4), ("floor", 4), ("place", 1), ("detail", 1), ("name", 1),
)  # fmt: skip
"""What is shortened to fit, in this order, and to how few characters: a wrong place is found by the console, a missing code by nobody."""
_SPOKEN_UNITS = 120
"""So much of a name or a place is spoken, half a minute at most: what to press is said only after it."""
_NUMBERED = re.compile(r"-?[0-9]{1,3}")
_LINKS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


class Variant(StrEnum):
    """Which wording of a template."""

    SHORT = "short"
    """One-way, without link."""
    FULL = "full"
    """Where people can answer and open links."""
    VOICE = "voice"
    """Spoken."""


class Wording(msgspec.Struct, frozen=True):
    """A finished text with its size. `is_minimal`: the template could not be used, the words that cannot fail were."""

    text: str
    segments: Segments
    is_minimal: bool = False


class Templates:
    """The texts of every language: Fluent bundles, and which variables a (template, variant) wants. Made by `load_templates()`."""

    def __init__(self, bundles: Mapping[str, FluentBundle], wanted: Mapping[tuple[str, str], frozenset[str]]) -> None:
        self._bundles = bundles
        self._wanted = wanted

    def sms(
        self,
        template: str,
        variables: Mapping[str, Variable],
        *,
        language: str,
        lane: Lane,
        rule: CountryRule,
        code: str,
        signature: str,
        is_repeat: bool = False,
        is_plain: bool = False,
    ) -> Wording:
        """Return the text for a phone: signature, `(again)` where it may be a second copy, the words; as many parts as the lane may
        have.
        """
        if is_plain:
            return _measured(minimal(language, lane, code, signature, is_repeat=is_repeat), is_minimal=True)
        for variant in (Variant.FULL, Variant.SHORT) if rule.may_link and rule.is_two_way else (Variant.SHORT,):
            if variant is Variant.FULL and "link" in self.variables_of(template, variant) and not variables.get("link"):
                continue
            wording = self._fitted(template, variant, variables, language, lane, rule, code, signature, is_repeat)
            if wording is not None:
                return wording
        return _measured(minimal(language, lane, code, signature, is_repeat=is_repeat), is_minimal=True)

    def speech(self, template: str, variables: Mapping[str, Variable], *, language: str, lane: Lane, code: str) -> Wording:
        """Return what a call says first; the keys to press are said by `twiml`."""
        brief = {name: cut(value, _SPOKEN_UNITS) if isinstance(value, str) else value for name, value in variables.items()}
        said = self.said(template, {**brief, "code": code}, language=language, variant=Variant.VOICE, may_link=False)
        if said is None:
            return _measured(minimal(language, lane, " ".join(code), "Porchlight"), is_minimal=True)
        return _measured(said)

    def word(self, key: str, language: str, **variables: Variable) -> str:
        """Return one of the words around a notice, such as `voice_press`; the key itself when it is missing."""
        bundle = self._bundle(language)
        if not bundle.has_message(key) or (pattern := bundle.get_message(key).value) is None:
            return key
        text, _errors = bundle.format_pattern(pattern, dict(variables))
        return str(text)

    def names(self) -> list[str]:
        """Return every template's name, sorted: the messages that have wordings for phones."""
        return sorted({template for template, _variant in self._wanted})

    def variables_of(self, template: str, variant: Variant) -> frozenset[str]:
        """Return the variables that a wording is filled with, empty for one that is not there."""
        return self._wanted.get((template, variant.value), frozenset())

    def said(
        self, template: str, variables: Mapping[str, Variable], *, language: str, variant: Variant, may_link: bool
    ) -> str | None:
        """Return the words of a wording, unfitted; None when there are none or Fluent reports a fault."""
        bundle = self._bundle(language)
        if not bundle.has_message(template):
            return None
        pattern = bundle.get_message(template).attributes.get(variant.value)
        if pattern is None:
            return None
        given = {key: _cleaned(value, may_link=may_link) for key, value in variables.items() if value != ""}
        if (place := given.get("place")) and (floor := str(given.get("floor", ""))):
            given["place"] = self.word(_floor_word(floor), language, place=place, floor=floor)
        # A hole in an emergency text must not silence it: what is missing has a stand-in.
        missing = self.variables_of(template, variant) - given.keys()
        filled = given | {key: self._stand_in(key, language) for key in missing}
        text, errors = bundle.format_pattern(pattern, filled)
        return None if errors else " ".join(str(text).split())

    def _fitted(
        self,
        template: str,
        variant: Variant,
        variables: Mapping[str, Variable],
        language: str,
        lane: Lane,
        rule: CountryRule,
        code: str,
        signature: str,
        is_repeat: bool,
    ) -> Wording | None:
        head = _head(language, signature, self.word("repeat_mark", language) if is_repeat else "")

        def written(values: Mapping[str, Variable]) -> str | None:
            said = self.said(template, {**values, "code": code}, language=language, variant=variant, may_link=rule.may_link)
            return None if said is None else head + said

        # An emergency keeps its place whole rather than a link: the longer wording goes only where nothing need be cut.
        cuts = () if lane is Lane.P0 and variant is Variant.FULL else _CUT_FIRST
        emergency = rule if lane is Lane.P0 else None
        values = _in_plain_letters(written, dict(variables), MAX_PARTS[lane], emergency)
        text = _shortened(written, values, cuts, MAX_PARTS[lane], emergency)
        return None if text is None else _measured(text)

    def _bundle(self, language: str) -> FluentBundle:
        if language in self._bundles:
            return self._bundles[language]
        return self._bundles["zh-CN" if language.startswith("zh") else "en"]

    def _stand_in(self, name: str, language: str) -> str:
        key = f"unknown_{name}"
        return self.word(key if self._bundle(language).has_message(key) else "unknown_other", language)


def load_templates() -> Templates:
    """Return the texts that come with the package; raises `ValueError` for a file that Fluent cannot read, which a test would have met."""
    sources = {language: _source(language) for language in LANGUAGES}
    wanted: dict[tuple[str, str], frozenset[str]] = {}
    for source in sources.values():
        for key, variables in _wanted(source):
            wanted[key] = wanted.get(key, frozenset()) | variables
    return Templates({language: _bundled(language, source) for language, source in sources.items()}, wanted)


def minimal(language: str, lane: Lane, code: str, signature: str, *, is_repeat: bool = False) -> str:
    """Return words that cannot fail: no file, no variable but the code. Within one part in every language."""
    is_urgent = lane.is_at_least_once
    if language.startswith("zh"):
        said = "有紧急情况，请立即查看值守台" if is_urgent else "您有新消息，请查看应用"
        return f"{_head(language, signature, '（重发）' if is_repeat else '')}{said}。码{code}"
    said = "Urgent: open the console now." if is_urgent else "You have news: open the app."
    return f"{_head(language, signature, '(again) ' if is_repeat else '')}{said} Code {code}"


def _source(language: str) -> Resource:
    parsed = FluentParser().parse(files("notifications").joinpath("texts", f"{language}.ftl").read_text(encoding="utf-8"))
    broken = [entry.content for entry in parsed.body if isinstance(entry, Junk)]
    if broken:
        raise ValueError(f"notifications/texts/{language}.ftl has {len(broken)} entries that Fluent cannot read: {broken[0]!r}")
    return parsed


def _bundled(language: str, source: Resource) -> FluentBundle:
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(source)
    return bundle


class _References(Visitor):
    """Collects the names of the variables below a node, those of the messages that it refers to included."""

    def __init__(self, messages: Mapping[str, Message]) -> None:
        self.names: set[str] = set()
        self._messages = messages

    def visit_VariableReference(self, node: VariableReference) -> None:
        self.names.add(node.id.name)

    def visit_MessageReference(self, node: MessageReference) -> None:
        self.visit(self._messages[node.id.name].value)


def _wanted(source: Resource) -> Iterator[tuple[tuple[str, str], frozenset[str]]]:
    messages = {message.id.name: message for message in source.body if isinstance(message, Message)}
    for message in messages.values():
        for attribute in message.attributes:
            references = _References(messages)
            references.visit(attribute.value)
            yield (message.id.name, attribute.id.name), frozenset(references.names)


def _head(language: str, signature: str, repeat_mark: str) -> str:
    short = cut(signature, 16)
    repeat = f"{repeat_mark.strip()}" + ("" if language.startswith("zh") or not repeat_mark else " ")
    return f"【{short}】{repeat}" if language.startswith("zh") else f"{short}: {repeat}"


def _in_plain_letters(
    written: Callable[[Mapping[str, Variable]], str | None], values: dict[str, Variable], max_parts: int, emergency: CountryRule | None
) -> dict[str, Variable]:
    """Return the values without accents where that alone gives a text that is too long the alphabet of 160: a whole place is worth more."""
    text = written(values)
    if text is None or _overhang(text, max_parts, emergency) <= 0:
        return values
    plain: dict[str, Variable] = {name: plain_letters(value) if isinstance(value, str) else value for name, value in values.items()}
    text = written(plain)
    return values if text is None or measure(text).encoding is Encoding.UCS2 else plain


def _shortened(
    written: Callable[[Mapping[str, Variable]], str | None],
    values: dict[str, Variable],
    cuts: tuple[tuple[str, int], ...],
    max_parts: int,
    emergency: CountryRule | None,
) -> str | None:
    text = written(values)
    # An ellipsis is not in GSM-7: it alone would take 90 of its 160 characters from a text.
    mark = "..." if text is not None and measure(text).encoding is Encoding.GSM7 else "…"
    for name, floor in cuts:
        if text is None or _overhang(text, max_parts, emergency) <= 0:
            return text
        if not isinstance(value := values.get(name), str) or not value:
            continue
        length = ucs2_units(value)
        values[name] = cut(value, max(floor, length - _overhang(text, max_parts, emergency)), mark)
        text = written(values)
    return text if text is not None and _overhang(text, max_parts, emergency) <= 0 else None


def _floor_word(floor: str) -> str:
    """Return the key of the words for a place with its floor: a bare number says nothing to whoever runs up the stairs."""
    if not _NUMBERED.fullmatch(floor):
        return "place_with_floor"
    return "place_on_ground_floor" if int(floor) == 0 else "place_on_floor"


def _overhang(text: str, max_parts: int, emergency: CountryRule | None) -> int:
    """Return by how many units `text` is too long, 0 or less when it fits."""
    size = measure(text)
    single, part = (160, 153) if size.encoding is Encoding.GSM7 else (70, 67)
    room = single if max_parts == 1 else part * max_parts
    if emergency is not None and size.encoding is Encoding.UCS2:
        room = min(room, emergency.emergency_chars)
    return size.units - room


def _cleaned(value: Variable, *, may_link: bool) -> Variable:
    if not isinstance(value, str):
        return str(value)  # Fluent would write 1,234 for a code
    plain = " ".join(_UNSEEN.sub(" ", value).split())
    return plain if may_link else _LINKS.sub("…", plain)


def _measured(text: str, *, is_minimal: bool = False) -> Wording:
    return Wording(text, measure(text), is_minimal)
