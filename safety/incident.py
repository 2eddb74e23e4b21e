"""Where does an incident stand, and what may happen next? States, acts and the one table between them.

A trigger (tap, missed check-in, detector hit) is immutable; the incident is what people own; the event log is what happened, in order.
The incident is a fold of its events. Nothing here ends an incident without a person: there is no automatic way to `resolved`.
Source: reference on safety alerts, sections 2.1 and 2.2; BS 8484:2016 for the response times that the desk is measured against.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from core.errors import BadInput, Conflict, IllegalMove, NotAllowed
from core.ids import DispatcherId, IncidentId, SiteId, TechnicianId, VisitId


class State(StrEnum):
    """Where an incident stands."""

    PENDING = "pending"
    """A detector or timer suspects something and asks her first. Never used for a tap."""
    DISMISSED = "dismissed"
    """She answered that all is well before anybody was alarmed."""
    RAISED = "raised"
    """Committed; the first rung of the ladder is about to be told."""
    NOTIFYING = "notifying"
    """The ladder is telling people, tier after tier; nobody has answered yet."""
    OWNED = "owned"
    """A dispatcher has claimed it; the claim lapses if she does nothing."""
    RESPONDING = "responding"
    """Help is on its way: a helper was sent or the police were called."""
    CANCEL_REQUESTED = "cancel_requested"
    """A PIN was entered on the phone; a dispatcher must make sure before she ends it."""
    EXHAUSTED = "exhausted"
    """The last tier did not answer; everyone is told again, every minute, until someone does."""
    RESOLVED = "resolved"
    """A dispatcher ended it with a code and a note."""
    REVIEWED = "reviewed"
    """A second person has signed the report."""


class Act(StrEnum):
    """What can happen to an incident."""

    NOTIFY = "notify"
    """The ladder tells its next tier."""
    EXHAUST = "exhaust"
    """The ladder has no further tier."""
    ESCALATE = "escalate"
    """She asked for help, or did not answer the question in time."""
    DISMISS = "dismiss"
    """She answered that all is well."""
    CLAIM = "claim"
    """A dispatcher takes it."""
    LAPSE = "lapse"
    """The owner did nothing for too long: the ladder goes on."""
    RESPOND = "respond"
    """The owner sent help or called the police."""
    REQUEST_CANCEL = "request_cancel"
    """A PIN was accepted on the phone."""
    DOUBT = "doubt"
    """Nobody made sure of the cancel in time: the ladder goes on."""
    HAND_OVER = "hand_over"
    """Another dispatcher accepted the offer of the owner."""
    RESOLVE = "resolve"
    """The owner ends it with code and note."""
    REVIEW = "review"
    """A second person signs the report."""


class Resolution(StrEnum):
    """Why an incident was ended. The `false_*` ones measure the detectors."""

    REAL_POLICE = "real_police"
    REAL_MEDICAL = "real_medical"
    REAL_HELPER = "real_helper"
    REAL_DEESCALATED = "real_deescalated"
    FALSE_ACCIDENTAL = "false_accidental"
    FALSE_DETECTOR = "false_detector"
    DEVICE_FAULT = "device_fault"
    UNFOUNDED = "unfounded"
    DRILL = "drill"
    UNVERIFIED = "unverified"


class Flag(StrEnum):
    """What is also true of an incident, whatever its state."""

    SIGNAL_LOST = "signal_lost"
    """Her phone has gone silent since."""
    DURESS = "duress"
    """The duress PIN was entered. Desk only, never on any other face."""
    LOW_BATTERY = "low_battery"
    """Her phone may die soon."""
    DRILL = "drill"
    """Practice: the whole chain runs, marked as a drill everywhere at the desk."""
    LEGAL_HOLD = "legal_hold"
    """Retention is stopped."""
    REVOKED_DEVICE = "revoked_device"
    """The tap came from a device that was revoked; it may not be her."""
    WRONG_PINS = "wrong_pins"
    """Three wrong PINs were entered."""
    PRESS_FLOOD = "press_flood"
    """The button was pressed again and again: a thief, a jammed key, or someone who is desperate."""
    WAITED = "waited"
    """It was pressed a minute or more before it came: her phone had no network. How long ago is in the log."""


_LIVE = (State.RAISED, State.NOTIFYING, State.OWNED, State.RESPONDING, State.CANCEL_REQUESTED, State.EXHAUSTED)
OPEN = frozenset({State.PENDING, *_LIVE})
"""States in which someone still has to do something."""

MOVES: dict[tuple[State, Act], State] = {
    (State.PENDING, Act.ESCALATE): State.RAISED,
    (State.PENDING, Act.DISMISS): State.DISMISSED,
    (State.PENDING, Act.CLAIM): State.OWNED,
    (State.RAISED, Act.NOTIFY): State.NOTIFYING,
    (State.NOTIFYING, Act.NOTIFY): State.NOTIFYING,
    (State.NOTIFYING, Act.EXHAUST): State.EXHAUSTED,
    (State.CANCEL_REQUESTED, Act.NOTIFY): State.CANCEL_REQUESTED,
    (State.CANCEL_REQUESTED, Act.EXHAUST): State.EXHAUSTED,
    (State.EXHAUSTED, Act.EXHAUST): State.EXHAUSTED,
    (State.EXHAUSTED, Act.NOTIFY): State.NOTIFYING,
    (State.RAISED, Act.CLAIM): State.OWNED,
    (State.NOTIFYING, Act.CLAIM): State.OWNED,
    (State.EXHAUSTED, Act.CLAIM): State.OWNED,
    (State.CANCEL_REQUESTED, Act.CLAIM): State.OWNED,
    (State.OWNED, Act.LAPSE): State.NOTIFYING,
    (State.RESPONDING, Act.LAPSE): State.NOTIFYING,
    (State.OWNED, Act.RESPOND): State.RESPONDING,
    (State.RESPONDING, Act.RESPOND): State.RESPONDING,
    (State.OWNED, Act.HAND_OVER): State.OWNED,
    (State.RESPONDING, Act.HAND_OVER): State.RESPONDING,
    (State.RAISED, Act.REQUEST_CANCEL): State.CANCEL_REQUESTED,
    (State.NOTIFYING, Act.REQUEST_CANCEL): State.CANCEL_REQUESTED,
    (State.EXHAUSTED, Act.REQUEST_CANCEL): State.CANCEL_REQUESTED,
    (State.CANCEL_REQUESTED, Act.DOUBT): State.NOTIFYING,
    (State.OWNED, Act.RESOLVE): State.RESOLVED,
    (State.RESPONDING, Act.RESOLVE): State.RESOLVED,
    (State.RESOLVED, Act.REVIEW): State.REVIEWED,
}
"""(state, act) -> next state; every pair that is absent is refused. An owned incident stays owned when a PIN comes: the owner is told."""

CANARY = "canary:"
"""How `raised_by` of the hub's own daily drill begins. It belongs to nobody, so that no press of a person ever joins it."""

OWNER_REMINDED_AFTER_S, LEASE_S = 300, 420
"""The owner is reminded after 5 minutes without an act and loses the claim 2 minutes later."""
CANCEL_DOUBTED_AFTER_S = 120
PENDING_S = 30
"""How long she has to answer a detector's question. Source: common practice of lone-worker devices (reference, section 0)."""
REOPEN_WITHIN_S = 1800
"""A press within half an hour of a resolution opens a new incident that names the old one."""
FALSE_TOO_FAST_S = 60
"""A false alarm called within a minute is shown to a supervisor: nobody can have made sure that fast."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as people own it. `version` grows with each event; `tier`: the last one told; `lap`: how often the ladder began anew."""

    id: IncidentId
    site_id: SiteId
    code: str
    """Four digits that people say to each other, that every text carries and that a called phone can press."""
    state: State
    severity: int
    technician_id: TechnicianId | None
    visit_id: VisitId | None
    raised_by: str
    """Kind and id of who needs help, such as `technician:ID` or `visit:ID` for a customer."""
    raised_at: datetime
    """When it was committed; where SQL took the press late, when the hub heard it."""
    device_at: datetime | None = None
    version: int = 1
    tier: int = -1
    lap: int = 0
    owner_id: DispatcherId | None = None
    lease_until: datetime | None = None
    offered_to: DispatcherId | None = None
    flags: frozenset[Flag] = frozenset()
    resolution: Resolution | None = None
    resolved_at: datetime | None = None
    resolved_by: DispatcherId | None = None
    reopens: IncidentId | None = None
    last_hash: str = ""  # the end of its log's chain when it was read; written by the store alone

    @property
    def is_canary(self) -> bool:
        """Tell whether it is the hub's own daily drill; a drill of a person, who practises, is none."""
        return self.raised_by.startswith(CANARY) and Flag.DRILL in self.flags

    @property
    def is_open(self) -> bool:
        """Tell whether someone still has to do something."""
        return self.state in OPEN


class OutOfDate(Conflict):
    """The incident has changed since you looked. The problem names who changed it; look again and decide."""

    code = "out_of_date"


def allowed(state: State) -> tuple[Act, ...]:
    """Return what may happen in `state`, in the order of `Act`."""
    return tuple(act for act in Act if (state, act) in MOVES)


def moved(incident: Incident, act: Act) -> Incident:
    """Return the incident after `act`, its version one higher; raises `IllegalMove` naming state, act and what is allowed."""
    try:
        state = MOVES[incident.state, act]
    except KeyError:
        raise IllegalMove(
            f"Incident {incident.code} is {incident.state.value}: {act.value} is not possible now. "
            f"Possible: {', '.join(allowed(incident.state)) or 'nothing'}.",
            state=incident.state.value,
            act=act.value,
            allowed=[other.value for other in allowed(incident.state)],
        ) from None
    return msgspec.structs.replace(incident, state=state, version=incident.version + 1)


def claimed(incident: Incident, by: DispatcherId, now: datetime, *, is_own: bool) -> Incident:
    """Return the incident owned by `by` with a fresh lease. `is_own`: she is the person in danger, who may not answer her own call."""
    _must_be_anothers(is_own=is_own)
    taken = moved(incident, Act.CLAIM)
    return msgspec.structs.replace(taken, owner_id=by, lease_until=now + timedelta(seconds=LEASE_S), offered_to=None)


def _must_be_anothers(*, is_own: bool) -> None:
    if is_own:
        raise NotAllowed("Nobody answers her own call for help. Another dispatcher must take it.")


def kept(incident: Incident, by: DispatcherId, now: datetime) -> Incident:
    """Return the incident with its lease renewed by an act of its owner; raises `NotAllowed` for anyone else."""
    must_own(incident, by)
    return msgspec.structs.replace(incident, lease_until=now + timedelta(seconds=LEASE_S), version=incident.version + 1)


def must_own(incident: Incident, by: DispatcherId) -> None:
    """Raise `NotAllowed` unless `by` owns the incident."""
    if incident.owner_id != by:
        raise NotAllowed(f"Incident {incident.code} is not yours. Claim it, or ask its owner to hand it over.", owner_id=incident.owner_id)


def handed_over(incident: Incident, to: DispatcherId, now: datetime, *, is_own: bool) -> Incident:
    """Return the incident owned by `to`, who accepts the offer; raises `NotAllowed` when nothing was offered to her, or it is her own."""
    _must_be_anothers(is_own=is_own)
    if incident.offered_to != to:
        raise NotAllowed(f"Incident {incident.code} was not offered to you. Ask its owner to offer it.")
    passed = moved(incident, Act.HAND_OVER)
    return msgspec.structs.replace(passed, owner_id=to, offered_to=None, lease_until=now + timedelta(seconds=LEASE_S))


def lapsed(incident: Incident) -> Incident:
    """Return the incident without owner, on its next lap of the ladder."""
    left = moved(incident, Act.LAPSE)
    return msgspec.structs.replace(left, owner_id=None, lease_until=None, offered_to=None, tier=-1, lap=incident.lap + 1)


def resolved(incident: Incident, by: DispatcherId, code: Resolution, note: str, now: datetime, *, is_supervisor: bool) -> Incident:
    """Return the incident ended. Raises `BadInput` without a note, `NotAllowed` for a stranger or an unsupervised `unverified`."""
    if not note.strip():
        raise BadInput("A resolution needs a note: what happened, and how do you know that she is safe?")
    if not is_supervisor:
        must_own(incident, by)
    if code is Resolution.UNVERIFIED and not is_supervisor:
        raise NotAllowed("Ending an incident unverified takes a supervisor.")
    ended = moved(incident, Act.RESOLVE)
    return msgspec.structs.replace(ended, resolution=code, resolved_at=now, resolved_by=by, lease_until=None, offered_to=None)


def is_hasty(shown_at: datetime, code: Resolution, now: datetime) -> bool:
    """Tell whether a false alarm was called so fast that a supervisor must look at it. `shown_at`: when the desk could first see it."""
    return code.value.startswith("false_") and (now - shown_at).total_seconds() < FALSE_TOO_FAST_S


def reviewed(incident: Incident, by: DispatcherId) -> Incident:
    """Return the incident signed by a second person; raises `NotAllowed` for the one who resolved it."""
    if by == incident.resolved_by:
        raise NotAllowed("The report is signed by a second person, not by the one who ended the incident.")
    return moved(incident, Act.REVIEW)


def flagged(incident: Incident, flag: Flag, *, raises_severity: bool = False) -> Incident:
    """Return the incident with `flag`; severity is one higher, at most 3, where the flag makes it graver."""
    severity = min(3, incident.severity + 1) if raises_severity and flag not in incident.flags else incident.severity
    return msgspec.structs.replace(incident, flags=incident.flags | {flag}, severity=severity, version=incident.version + 1)


def must_be_at(incident: Incident, version: int) -> None:
    """Raise `OutOfDate` when the caller decided on an older version than the present one."""
    if incident.version != version:
        owned = f", owned by {incident.owner_id}" if incident.owner_id else ""
        raise OutOfDate(
            f"Incident {incident.code} has moved on from version {version} to {incident.version}: it is {incident.state.value}{owned}.",
            version=incident.version, state=incident.state.value, owner_id=incident.owner_id,
        )  # fmt: skip
