"""What does a call say and which keys does it wait for? TwiML as text, from words; the first part goes inline with the request.

A call is acknowledged in two steps, so that a pocket or a mailbox cannot: press 5, hear the code, press 5 again.
Source: twilio.com/docs/voice/twiml (Say, Gather, Hangup); inline TwiML may hold 4,000 characters.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from notifications.templates import Templates

ACK_DIGIT = "5"
"""In the middle of the keypad and without a meaning in other houses' menus (1 is often 'next')."""
MAX_INLINE_CHARS = 4000
MAX_SPOKEN_CHARS = 600
"""About two minutes of speech; who has not pressed by then does not listen."""
WAIT_S = 8
_VOICES = {"zh-CN": "zh-CN", "en": "en-US"}


def asking(said: str, templates: Templates, language: str, action_url: str) -> str:
    """Return the first part: what happened, twice, each time followed by the wait for a key; then goodbye."""
    prompt = templates.word("voice_press", language)
    said = said[:MAX_SPOKEN_CHARS]
    once = gather([said, prompt], language, action_url)
    again = gather([templates.word("voice_once_more", language), said, prompt], language, action_url)
    return _document([once, again, _say(templates.word("voice_bye", language), language), "<Hangup/>"])


def confirming(code: str, templates: Templates, language: str, action_url: str) -> str:
    """Return the second part: the code, digit by digit, and the wait for the second key."""
    spoken = templates.word("voice_code", language, code=" ".join(code))
    once = gather([spoken], language, action_url)
    return _document([once, once, _say(templates.word("voice_bye", language), language), "<Hangup/>"])


def closing(said: str, language: str) -> str:
    """Return the last part: one sentence, then the end."""
    return _document([_say(said, language), "<Hangup/>"])


def telling(said: str, language: str) -> str:
    """Return a call that only tells, twice."""
    return _document([_say(said[:MAX_SPOKEN_CHARS], language), _say(said[:MAX_SPOKEN_CHARS], language), "<Hangup/>"])


def gather(lines: Sequence[str], language: str, action_url: str) -> str:
    """Return one wait for a single key while `lines` are said."""
    spoken = "".join(_say(line, language) for line in lines)
    return f'<Gather input="dtmf" numDigits="1" timeout="{WAIT_S}" action={quoteattr(action_url)} method="POST">{spoken}</Gather>'


def _say(line: str, language: str) -> str:
    voice = _VOICES.get(language, "zh-CN" if language.startswith("zh") else "en-US")
    return f'<Say language="{voice}">{escape(line)}</Say>'


def _document(parts: Sequence[str]) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(parts)}</Response>'
