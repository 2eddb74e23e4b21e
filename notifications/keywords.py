"""What did a person text back? `ack CODE`, `sos`, `STOP`, in the languages of the house; anything else is only kept."""

import re
from enum import StrEnum

import msgspec


class Keyword(StrEnum):
    """What a text asks for."""

    ACK = "ack"
    """I take the incident with this code."""
    SOS = "sos"
    """I need help."""
    STOP = "stop"
    """Send me nothing more. The network itself obeys, so an SOS would be blocked too."""
    START = "start"
    """Send to me again."""
    OTHER = "other"
    """Words for a person to read."""


class Heard(msgspec.Struct, frozen=True):
    """`keyword`, and the digits of an `ack`."""

    keyword: Keyword
    code: str = ""


_ACK = re.compile(r"^(?:ack(?:nowledge)?|a|ok|认领|收到|确认)[\s:：#]*(\d{3,8})$", re.IGNORECASE)
_ACK_CODE_FIRST = re.compile(r"^(\d{3,8})[\s:：]*(?:ack|a|ok|认领|收到|确认)$", re.IGNORECASE)
_SOS = re.compile(r"^(?:sos|mayday|emergency)\b|\bhelp me\b|救命|求救|呼救", re.IGNORECASE)
"""Whoever is in danger does not text one word and a full stop: what begins with a cry, or holds one in Chinese, is a cry."""
_WORDS = {
    Keyword.STOP: {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "td", "t", "退订"},
    Keyword.START: {"start", "unstop", "yes"},
}
"""STOP words: Twilio's own list (twilio.com/docs/messaging/tutorials/advanced-opt-out), and China's 退订."""


def heard(text: str) -> Heard:
    """Return what `text` asks for; case, spaces and punctuation around it do not matter. `help` alone is Twilio's own word, so it is
    OTHER.
    """
    plain = text.strip().strip(".!。！\"'“”").strip()
    if (found := _ACK.match(plain) or _ACK_CODE_FIRST.match(plain)) is not None:
        return Heard(Keyword.ACK, found.group(1))
    if _SOS.search(plain):
        return Heard(Keyword.SOS)
    for keyword, words in _WORDS.items():
        if plain.casefold() in words:
            return Heard(keyword)
    return Heard(Keyword.OTHER)
