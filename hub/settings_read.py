"""How does an environment become settings? Typed structs filled from `PORCHLIGHT_*`, or one refusal that lists all that is wrong.

Every field says its type and range by `msgspec.Meta`, its sentence by `description` and its unit by `extra["unit"]`: the same annotations
give the check, the refusal and the document.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

PREFIX = "PORCHLIGHT_"
S = TypeVar("S", bound=msgspec.Struct)


class BadSettings(Exception):
    """The hub does not start with these settings. `problems`: one sentence each, naming the variable, what is wrong and the cure."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the settings document: environment `name`, its `unit`, its `default` as text and its `sentence`."""

    name: str
    unit: str
    default: str
    sentence: str


def setting(unit: str, sentence: str, **limits: Any) -> msgspec.Meta:
    """Return the annotation of a field: its `unit` ("" for none), its `sentence`, and msgspec limits such as `ge=1`."""
    return msgspec.Meta(description=sentence, extra={"unit": unit}, **limits)


def read(struct: type[S], prefix: str, environ: Mapping[str, str], problems: list[str]) -> S:
    """Return `struct` filled from variables that begin with `PORCHLIGHT_` + `prefix`.

    What is wrong is told in `problems` and stands at its default: the good fields can still be judged together, so the list is whole.
    """
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        name = variable(prefix, field.name)
        if (text := environ.get(name, "").strip()) and (value := _converted(name, text, field.type, problems)) is not None:
            given[field.name] = value
    return struct(**given)


def variable(prefix: str, field: str) -> str:
    """Return the environment name of a field."""
    return f"{PREFIX}{prefix}{field.upper()}"


def listed(struct: type[msgspec.Struct], prefix: str) -> Iterator[Setting]:
    """Yield one `Setting` a field of `struct`, in the order of the code."""
    hints = get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        meta = _meta(hints[field.name])
        yield Setting(
            name=variable(prefix, field.name),
            unit=(meta.extra or {}).get("unit", "") if meta else "",
            default=_shown(field.default),
            sentence=(meta.description or "") if meta else "",
        )


def unknown(known: set[str], environ: Mapping[str, str]) -> list[str]:
    """Return a problem for each `PORCHLIGHT_*` variable that nobody reads: most of them are spelling mistakes that would go unnoticed."""
    strangers = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    return [f"{name} is not a setting of the hub. See docs/settings.md for the names, or unset it." for name in strangers]


def _converted(name: str, text: str, wanted: Any, problems: list[str]) -> Any:
    bare = get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted
    raw: Any = [part.strip() for part in text.split(",") if part.strip()] if get_origin(bare) is tuple else text
    try:
        return msgspec.convert(raw, wanted, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError:
        meta = _meta(wanted)
        purpose = f" It means: {meta.description}" if meta and meta.description else ""
        shown = "(not shown)" if "SECRET" in name or "PASSWORD" in name or "TOKEN" in name else repr(text)
        problems.append(f"{name}={shown} does not fit. Give {_in_words(bare, meta)}.{purpose}")
        return None


def _in_words(bare: Any, meta: msgspec.Meta | None) -> str:
    """Return what a field takes, for a person: "a whole number from 0 to 65535", "one of: json, console"."""
    if isinstance(bare, type) and issubclass(bare, Enum):
        return f"one of: {', '.join(str(member.value) for member in bare)}"
    if meta is not None and meta.pattern is not None:
        return f"one of: {meta.pattern.strip('^$()').replace('|', ', ')}"
    return f"{_KINDS.get(bare, 'a text')}{_range_in_words(meta)}"


_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false"}


def _range_in_words(meta: msgspec.Meta | None) -> str:
    if meta is None:
        return ""
    if meta.ge is not None and meta.le is not None:
        return f" from {meta.ge} to {meta.le}"
    bounds = (("at least", meta.ge), ("more than", meta.gt), ("at most", meta.le), ("of at least", meta.min_length))
    told = [f"{words} {bound}" for words, bound in bounds if bound is not None]
    most = [f"at most {meta.max_length} characters"] if meta.max_length is not None else []
    return f" {', '.join(told + most)}" if told or most else ""


def _from_text(wanted: type, value: Any) -> Any:
    return wanted(value)  # such as Path


def _meta(hint: Any) -> msgspec.Meta | None:
    return next((part for part in get_args(hint)[1:] if isinstance(part, msgspec.Meta)), None) if get_origin(hint) is Annotated else None


def _shown(default: Any) -> str:
    if default is msgspec.NODEFAULT:
        return ""
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)
