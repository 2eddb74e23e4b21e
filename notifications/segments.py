"""How many parts does a text cost? GSM-7 and UCS-2 arithmetic.

One character outside the GSM alphabet turns the entire text into UCS-2 and its 160 characters into 70.
Source: 3GPP TS 23.038 (alphabets), TS 23.040 (concatenation header of 6 octets).
"""

import unicodedata
from enum import StrEnum

import msgspec

GSM7_SINGLE, GSM7_PART = 160, 153
"""140 octets hold 160 septets; with the 6-octet header 153 remain."""
UCS2_SINGLE, UCS2_PART = 70, 67
"""140 octets hold 70 16-bit units; with the header 67 remain."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Behind an escape: each costs two septets."""
_GSM7 = _BASIC | _EXTENDED
_LIKE = str.maketrans({
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "œ": "oe", "Œ": "OE", "ẞ": "SS",
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "‑": "-", "…": "...", "º": ".", "ª": ".", "\u00a0": " ",
})  # fmt: skip
"""Letters and marks that no decomposition of Unicode leads back to the GSM alphabet."""


class Encoding(StrEnum):
    """The alphabet of a text."""

    GSM7 = "gsm7"
    """Latin letters, seven bits each."""
    UCS2 = "ucs2"
    """Everything else, sixteen bits a unit; an emoji takes two units."""


class Segments(msgspec.Struct, frozen=True):
    """`units`: septets or 16-bit units; `parts`: messages it costs, 0 for an empty text; `room`: units left in the last part."""

    encoding: Encoding
    units: int
    parts: int
    room: int


def measure(text: str) -> Segments:
    """Return encoding, units and parts of `text`, any length."""
    encoding = encoding_of(text)
    single, part = (GSM7_SINGLE, GSM7_PART) if encoding is Encoding.GSM7 else (UCS2_SINGLE, UCS2_PART)
    units = ucs2_units(text) if encoding is Encoding.UCS2 else len(text) + sum(text.count(char) for char in _EXTENDED)
    if units <= single:
        return Segments(encoding, units, 1 if text else 0, single - units)
    parts, used = _laid_out([_units(char, encoding) for char in text], part)
    return Segments(encoding, units, parts, part - used)


def encoding_of(text: str) -> Encoding:
    """Return the narrowest alphabet that holds `text`."""
    return Encoding.GSM7 if _GSM7.issuperset(text) else Encoding.UCS2


def ucs2_units(text: str) -> int:
    """Return the 16-bit units of `text`: its length as the 70-character rule counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, max_units: int, mark: str = "…") -> str:
    """Return `text` shortened to `max_units` 16-bit units with `mark` at its end; unchanged when it fits, empty for 0 or less."""
    if ucs2_units(text) <= max_units:
        return text
    kept, room = [], max_units - len(mark)
    for char in text:
        room -= ucs2_units(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + mark[:max_units] if max_units > 0 else ""


def plain_letters(text: str) -> str:
    """Return `text` with the letters outside the GSM alphabet written without their accents, where that is a letter of it: Żelazna as
    Zelazna, which every map finds. What has no such letter, as Chinese and emoji, stays.
    """
    return "".join(char if char in _GSM7 else _plain(char) for char in text)


def _plain(char: str) -> str:
    like = char.translate(_LIKE)
    bare = "".join(part for part in unicodedata.normalize("NFKD", like) if not unicodedata.combining(part))
    return bare if bare and _GSM7.issuperset(bare) else char


def _units(char: str, encoding: Encoding) -> int:
    if encoding is Encoding.UCS2:
        return ucs2_units(char)
    return 2 if char in _EXTENDED else 1


def _laid_out(sizes: list[int], part: int) -> tuple[int, int]:
    # An escape pair or a surrogate pair is never split between parts, so a part may stay one unit short.
    parts, used = 1, 0
    for size in sizes:
        if used + size > part:
            parts, used = parts + 1, 0
        used += size
    return parts, used
