"""Where does a visit stand, and what may happen next? The stages, the acts, and one table of every legal move.

Safety closes on `left`: a visit that was ended or aborted is still underway until she has left. What an act changes beside the stage is in
`visit.py`; who may do it is in `act_rights.py`.
"""

from enum import StrEnum
from types import MappingProxyType

from core.errors import IllegalMove


class Stage(StrEnum):
    """Where a visit stands."""

    CREATED = "created"
    """Booked; nobody is to go there yet."""
    ASSIGNED = "assigned"
    """A technician is to go there; she may read the place from now on."""
    DEPARTED = "departed"
    """She is on her way; the meter runs and the customer may see her come."""
    ARRIVED = "arrived"
    """She is at the place; the door is not open yet."""
    IN_SERVICE = "in_service"
    """The door code matched and the service runs."""
    ENDED = "ended"
    """The service is over; she is still inside or at the door."""
    LEFT = "left"
    """She is out and on her own way: the visit is closed."""
    CANCELLED = "cancelled"
    """Called off before the service began: the visit is closed."""
    NO_SHOW = "no_show"
    """She stood at the door and nobody opened: the visit is closed."""
    ABORTED_UNSAFE = "aborted_unsafe"
    """She broke off because it was not safe; outside this reads as an ordinary end, and it closes only when she has left."""


class Act(StrEnum):
    """What somebody does to a visit."""

    ASSIGN = "assign"
    """Give it to a technician."""
    REASSIGN = "reassign"
    """Give it to another technician; the visit, its link and its price stay."""
    DEPART = "depart"
    """She sets out."""
    ARRIVE = "arrive"
    """She is there."""
    START = "start"
    """The door code matched."""
    EXTEND = "extend"
    """The customer takes more time; the overrun timer moves."""
    END = "end"
    """The service is over."""
    LEAVE = "leave"
    """She is out of the place."""
    CANCEL = "cancel"
    """Somebody calls it off."""
    NO_SHOW = "no_show"
    """Nobody opened the door."""
    ABORT_UNSAFE = "abort_unsafe"
    """She breaks off because it is not safe."""


_MOVES = MappingProxyType(
    {
        # A booking looks for its technician.
        (Stage.CREATED, Act.ASSIGN): Stage.ASSIGNED,
        # Nobody was on the way, so nothing is lost.
        (Stage.CREATED, Act.CANCEL): Stage.CANCELLED,
        # Another technician takes it before anyone set out.
        (Stage.ASSIGNED, Act.REASSIGN): Stage.ASSIGNED,
        # She sets out; whether she really moves is judged afterwards (`arrival.py`).
        (Stage.ASSIGNED, Act.DEPART): Stage.DEPARTED,
        # Called off before she set out.
        (Stage.ASSIGNED, Act.CANCEL): Stage.CANCELLED,
        # Another technician takes over, who has yet to set out.
        (Stage.DEPARTED, Act.REASSIGN): Stage.ASSIGNED,
        # She is near enough, or a dispatcher says so.
        (Stage.DEPARTED, Act.ARRIVE): Stage.ARRIVED,
        # Called off while she is on her way.
        (Stage.DEPARTED, Act.CANCEL): Stage.CANCELLED,
        # Something on the way or in what the customer says makes going on unsafe.
        (Stage.DEPARTED, Act.ABORT_UNSAFE): Stage.ABORTED_UNSAFE,
        # The door code matched: right person, right door.
        (Stage.ARRIVED, Act.START): Stage.IN_SERVICE,
        # She waited and nobody opened.
        (Stage.ARRIVED, Act.NO_SHOW): Stage.NO_SHOW,
        # Called off at the door.
        (Stage.ARRIVED, Act.CANCEL): Stage.CANCELLED,
        # What she sees at the door is not safe.
        (Stage.ARRIVED, Act.ABORT_UNSAFE): Stage.ABORTED_UNSAFE,
        # More time: the stage stays, the planned end moves.
        (Stage.IN_SERVICE, Act.EXTEND): Stage.IN_SERVICE,
        # The service is over; she still has to get out.
        (Stage.IN_SERVICE, Act.END): Stage.ENDED,
        # She breaks off; she still has to get out.
        (Stage.IN_SERVICE, Act.ABORT_UNSAFE): Stage.ABORTED_UNSAFE,
        # She is out: closed.
        (Stage.ENDED, Act.LEAVE): Stage.LEFT,
        # She is out after breaking off: closed, and `Visit.outcome` remembers how.
        (Stage.ABORTED_UNSAFE, Act.LEAVE): Stage.LEFT,
    }
)

CLOSED = frozenset({Stage.LEFT, Stage.CANCELLED, Stage.NO_SHOW})
"""Nothing more can happen to such a visit."""
UNDERWAY = frozenset({Stage.DEPARTED, Stage.ARRIVED, Stage.IN_SERVICE, Stage.ENDED, Stage.ABORTED_UNSAFE})
"""She is out because of this visit: her shift neither closes nor pauses, and she has only one such visit at a time."""
OPEN = frozenset(Stage) - CLOSED
"""Something can still happen."""
PLACE_READABLE = UNDERWAY | {Stage.ASSIGNED}
"""Her assignee may read the place: `assigned` until `left`."""


def allowed(stage: Stage) -> tuple[Act, ...]:
    """Return the acts that are possible in `stage`, in the order of `Act`; empty for a closed visit."""
    return tuple(act for act in Act if (stage, act) in _MOVES)


def advance(stage: Stage, act: Act) -> Stage:
    """Return the stage after `act`; raises `IllegalMove` (409) naming the state, the act and what is allowed."""
    after = _MOVES.get((stage, act))
    if after is None:
        raise _illegal(stage, act)
    return after


def public_stage(stage: Stage) -> Stage:
    """Return the stage as anyone but the desk reads it: breaking off for safety looks like an ordinary end."""
    return Stage.ENDED if stage is Stage.ABORTED_UNSAFE else stage


def _illegal(stage: Stage, act: Act) -> IllegalMove:
    possible = [each.value for each in allowed(stage)]
    choice = f"Possible now: {', '.join(possible)}." if possible else "It is closed; make a new visit."
    return IllegalMove(
        f"A visit that is {stage.value} cannot {act.value}. {choice} Read the visit again and decide anew.",
        state=stage.value,
        act=act.value,
        allowed=possible,
    )
