"""In which language does a page speak, and how does a sentence's key become text? Fluent files and `Accept-Language`.

Called by `http_pages`. Source of the negotiation: RFC 9110, section 12.5.4; of the files: Project Fluent syntax 1.0. Bidi isolation marks
are off: the texts are Chinese and English only, and the marks would be counted as characters where a text goes on into a message.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from fluent.runtime import FluentBundle, FluentResource

from realtime.page_model import Said

LOCALES = ("en", "zh-CN")
"""The languages of the pages; the first serves everyone whose language is missing."""
_RANGE = re.compile(r"^\s*([A-Za-z*]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*$")


class Words:
    """All sentences of one language. `lang` is the BCP 47 tag that the page declares."""

    def __init__(self, lang: str, source: str) -> None:
        self.lang = lang
        self._bundle = FluentBundle([lang], use_isolating=False)
        self._bundle.add_resource(FluentResource(source))

    def has(self, key: str) -> bool:
        """Tell whether there is such a sentence."""
        return self._bundle.has_message(key)

    def say(self, key: str, args: Mapping[str, str | int] | None = None, **more: str | int) -> str:
        """Return the sentence called `key`; raises `KeyError` naming a missing key or argument: a page never shows half a sentence."""
        pattern = self._bundle.get_message(key).value if self._bundle.has_message(key) else None
        if pattern is None:
            raise KeyError(f"The {self.lang} words have no {key!r}. Add it to both .ftl files.")
        text, faults = self._bundle.format_pattern(pattern, {**(args or {}), **more})
        if faults:
            raise KeyError(f"The {self.lang} words could not say {key!r}: {faults[0]}.")
        return str(text)

    def said(self, sentence: Said) -> str:
        """Return a sentence of the page model as text."""
        return self.say(sentence.key, sentence.args)

    def service(self, name: str) -> str:
        """Return a kind of service, by name or usual title, in this language; a site's own kind keeps the site's own title."""
        key = f"service-{name.lower().replace(' ', '_')}"
        return self.say(key) if re.fullmatch(r"[a-z0-9_-]+", key) and self.has(key) else name


def load_words(folder: Path) -> dict[str, Words]:
    """Return the words of every language, read from `folder/{lang}.ftl`."""
    return {lang: Words(lang, (folder / f"{lang}.ftl").read_text(encoding="utf-8")) for lang in LOCALES}


def choose_locale(accept_language: str, asked: str | None = None, fallback: str = LOCALES[0]) -> str:
    """Return the best of `LOCALES`: what was `asked` for by the switch, else the reader's list by quality, else `fallback`."""
    if asked in LOCALES:
        return asked
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:500].split(",")):
        if (found := _RANGE.match(part)) is not None:
            ranked.append((-float(found[2] or 1), place, found[1].lower()))
    for quality, _, wanted in sorted(ranked):
        if quality < 0 and (locale := _speaks(wanted)) is not None:
            return locale
    return _speaks(fallback.lower().replace("_", "-")) or LOCALES[0]


def _speaks(wanted: str) -> str | None:
    primary = wanted.split("-")[0]
    return next((locale for locale in LOCALES if locale.lower().split("-")[0] == primary), None)
