"""Does an incident's row still say what its log says? The log carries, inside its hash chain, every change that was made to the row.

So a change of the row that no event made (an UPDATE by hand, a restored backup) is found, and named field by field.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from safety.evidence import Event
from safety.incident import Incident

CHANGED = "row"
"""Where in an event's data the row's changes stand."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field in which row and log disagree: what the row says, and what it said after the newest event."""

    field: str
    row: Any
    log: Any


def facts_of(incident: Incident) -> dict[str, Any]:
    """Return what the row says, as JSON: all but the end of the chain, which the chain itself guards."""
    facts: dict[str, Any] = msgspec.to_builtins(incident)
    del facts["last_hash"]
    facts["flags"] = sorted(facts["flags"])
    return facts


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `after` that are new or other than `before`."""
    return {name: value for name, value in after.items() if name not in before or before[name] != value}


def differences(incident: Incident, events: Sequence[Event]) -> list[Difference]:
    """Return where the row says something else than its log, in the order of its fields; empty where they agree.

    Events from before rows were written into the log say nothing: of such incidents only what was changed since is compared.
    """
    said: dict[str, Any] = {}
    for event in events:
        said |= event.data.get(CHANGED, {})
    facts = facts_of(incident)
    return [Difference(field=name, row=facts[name], log=said[name]) for name in facts if name in said and facts[name] != said[name]]
