"""Which states are there, what leads from one to the next? `docs/states.md`, made from the very tables that the rules obey."""

import ast
import inspect
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from notifications import notice
from safety import incident
from visits import stage

_HEAD = """# States

Made from the transition tables of `visits/stage.py`, `safety/incident.py` and `notifications/notice.py` by `make docs`. What is not in a
table is refused: over HTTP by 409 `illegal_move`, which names the state, the act and what is allowed.
"""


def states_document() -> str:
    """Return the document as Markdown."""
    visits = _part("A visit", stage.Stage, stage.Act, stage.allowed, stage.advance)
    incidents = _part("An incident", incident.State, incident.Act, incident.allowed, lambda state, act: incident.MOVES[state, act])
    notices = _part("A notice", notice.NoticeState, notice.NoticeAct, notice.allowed, notice.advance)
    return "\n".join([_HEAD, *visits, *incidents, *notices]).rstrip() + "\n"


def _part(
    title: str,
    states: type[StrEnum],
    acts: type[StrEnum],
    allowed: Callable[[Any], Sequence[Any]],
    advance: Callable[[Any, Any], Any],
) -> Iterator[str]:
    yield f"## {title}\n"
    yield from _table(("state", "meaning", "possible acts"), _states(states, allowed))
    yield from _table(("act", "meaning"), ((f"`{act}`", sentence) for act, sentence in sentences_of(acts).items()))
    moves = ((f"`{state}`", f"`{act}`", f"`{advance(state, act)}`") for state in states for act in allowed(state))
    yield from _table(("from", "act", "to"), moves)


def _states(states: type[StrEnum], allowed: Callable[[Any], Sequence[Any]]) -> Iterator[tuple[str, ...]]:
    said = sentences_of(states)
    for state in states:
        yield f"`{state}`", said[state.value], ", ".join(f"`{act}`" for act in allowed(state)) or "none: it is over"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def sentences_of(enum: type[StrEnum]) -> dict[str, str]:
    """Return value -> the sentence under each member, as the code has it; "" for a member that says nothing."""
    [klass] = ast.parse(inspect.getsource(enum)).body
    assert isinstance(klass, ast.ClassDef)  # noqa: S101 - the source of a class is a class
    said = {member.value: "" for member in enum}
    for member, follower in zip(klass.body, [*klass.body[1:], None], strict=True):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            said[enum[member.targets[0].id].value] = _words(follower)
    return said


def _words(node: ast.stmt | None) -> str:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return " ".join(node.value.value.split()) if is_text else ""  # type: ignore[union-attr]
