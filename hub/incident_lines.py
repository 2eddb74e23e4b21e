"""How does an incident's log read at a terminal? A line an event: when, how long after the alarm, who, what; and the report."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

SHOWN = ("seq", "at", "after", "kind", "actor", "what")
_SAID = ("words", "reason", "text", "whom", "what", "note", "answer", "code")


def lines_of(timeline: Sequence[Mapping[str, Any]], since: str) -> list[dict[str, Any]]:
    """Return the events of a report's timeline as rows of `SHOWN`; `since` is when it became an alarm (RFC 3339)."""
    return [
        {
            "seq": event["seq"], "at": f"{_at(event['at']):%Y-%m-%d %H:%M:%S}", "after": _after(_at(event["at"]), _at(since)),
            "kind": event["kind"], "actor": _short(event["actor"]), "what": _what(event["kind"], event["data"]),
        }
        for event in timeline
    ]  # fmt: skip


def paragraphs_of(report: Mapping[str, Any]) -> list[str]:
    """Return a report for reading: what it was, how fast it was answered, what was not as it should be."""
    within = ", ".join(f"{name.replace('_', ' ')} {'met' if is_met else 'missed'}" for name, is_met in report["within"].items())
    deviations = ", ".join(each.replace("_", " ") for each in report["deviations"]) or "none"
    return [
        f"Incident {report['code']} ({report['incident_id']})",
        f"alarm       {_at(report['alarmed_at']):%Y-%m-%d %H:%M:%S} UTC",
        f"answered    {_seconds(report['answered_s'])} ({within})",
        f"acted       {_seconds(report['acted_s'])}",
        f"ended       {_seconds(report['resolved_s'])}{', ' + report['resolution'] if report['resolution'] else ''}",
        f"signed      {'yes' if report['is_signed'] else 'not yet: a second person signs the report'}",
        f"deviations  {deviations}",
    ]


def differences_told(differs: Sequence[Mapping[str, Any]]) -> str:
    """Return what was changed in an incident past its log, in words."""
    told = (f"{each['field']}: the row says {each['row']}, its log {each['log']}" for each in differs)
    return "; ".join(told) or "nothing"


def _what(kind: str, data: Mapping[str, Any]) -> str:
    if kind == "told":
        unmanned = "" if data.get("is_manned", True) else ", nobody on duty"
        reached = f"{len(data['people'])} people, {data['notices']} notices{unmanned}"
        return f"rung at {data['after_s']} s by {', '.join(data['channels'])}: {reached}"
    if kind == "signal":
        return f"{'lost' if data['is_lost'] else 'back'} after {data['silent_s']} s"
    if kind == "helpers_told":
        return f"{len(data['technician_ids'])} colleagues"
    if kind == "pin_accepted":
        return f"{data['kind']} PIN"
    said = [str(data[name]) for name in _SAID if data.get(name)]
    if kind in ("raised", "pressed_again"):
        said = [f"{data.get('kind', '')} over {data.get('road', '')}", *said]
    return " · ".join(said)


def _short(actor: str) -> str:
    kind, _, id = actor.partition(":")
    return f"{kind}:{id[-6:]}" if len(id) > 12 else actor


def _after(at: datetime, since: datetime) -> str:
    seconds = (at - since).total_seconds()
    return f"{seconds:+.1f} s" if abs(seconds) < 600 else f"{seconds / 60:+.0f} min"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"after {seconds:.1f} s"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
