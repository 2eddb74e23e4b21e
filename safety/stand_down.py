"""How does an incident end without a person? One way, for one kind: the hub's own daily drill, whose receipt came back or was given up.

Apart from `incident.MOVES`, so that no act of a flow can take it by mistake. Called by `canary_flow` alone.
"""

from datetime import datetime

import msgspec

from core.errors import IllegalMove, NotAllowed
from safety.incident import Incident, Resolution, State

DRILL_MOVES: dict[State, State] = dict.fromkeys((State.RAISED, State.NOTIFYING, State.EXHAUSTED, State.OWNED), State.RESOLVED)
"""Nobody is in danger in a drill that the hub raised by itself, and nobody is asked to end it: its notice arrived, or it alarmed."""


def stood_down(incident: Incident, now: datetime) -> Incident:
    """Return the hub's own drill ended; raises `NotAllowed` for every other incident, whatever its state."""
    if not incident.is_canary:
        raise NotAllowed(f"Incident {incident.code} is no daily drill: only a person ends it.")
    if incident.state not in DRILL_MOVES:
        raise IllegalMove(f"The drill {incident.code} is {incident.state.value} already.", state=incident.state.value, allowed=[])
    return msgspec.structs.replace(
        incident, state=DRILL_MOVES[incident.state], resolution=Resolution.DRILL, resolved_at=now, lease_until=None, offered_to=None,
        version=incident.version + 1,
    )  # fmt: skip
