"""What is asked of the hub? One request as a value: nothing here sends anything, so both clients share every word of it.

Answers are decoded into the structs that the hub itself encodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

T = TypeVar("T")


class Repeat(StrEnum):
    """May a request be sent again by itself, when its answer did not come?"""

    ALWAYS = "always"
    """It reads, or doing it twice is the same as once."""
    KEYED = "keyed"
    """It carries an `Idempotency-Key`: the hub carries it out once and repeats its first answer."""
    NEVER = "never"
    """Doing it twice is not the same as once; the caller decides."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Part of a list; `next_cursor` None on the last page."""

    items: list[T]
    next_cursor: str | None = None


class Items(msgspec.Struct, Generic[T], frozen=True):
    """A list that comes whole."""

    items: list[T]


@dataclass(frozen=True, kw_only=True)
class Ask(Generic[T]):
    """One request. `path` begins with /v1; `body` is JSON; `answer` is what a success holds; `key` names a keyed request, None for a
    fresh name.
    """

    method: str
    path: str
    answer: type[T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeat: Repeat = Repeat.NEVER
    key: str | None = None

    def decoded(self, raw: bytes) -> T:
        """Return the answer in `raw`; raises `msgspec.DecodeError` when it is none."""
        return msgspec.json.decode(raw or b"null", type=self.answer)

    def after(self, cursor: str) -> "Ask[T]":
        """Return the request for the page that `cursor` names."""
        return replace(self, query={**self.query, "cursor": cursor})


def reading(path: str, answer: type[T], **query: Any) -> Ask[T]:
    """Return a GET; query values that are None are left out."""
    return Ask(method="GET", path=path, answer=answer, query=_texts(query), repeat=Repeat.ALWAYS)


def doing(path: str, answer: type[T], body: Any = None, *, repeat: Repeat = Repeat.NEVER, key: str | None = None) -> Ask[T]:
    """Return a POST of `body`, a struct or mapping; the fields of a mapping that are None are left out."""
    if isinstance(body, Mapping):
        body = {name: value for name, value in body.items() if value is not None}
    return Ask(method="POST", path=path, answer=answer, body=b"{}" if body is None else msgspec.json.encode(body), repeat=repeat, key=key)


def at(template: str, **parts: str) -> str:
    """Return a path with its parts filled in, each quoted."""
    return template.format_map({name: quote(part, safe="") for name, part in parts.items()})


def _texts(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
