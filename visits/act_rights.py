"""Who may do what to a visit? One table of acts and the kinds of callers they are open to, and when a reason is asked for."""

from types import MappingProxyType

from core.caller import Caller, CallerKind
from core.errors import BadInput, NotAllowed, NotFound
from visits.stage import Act, Stage, allowed
from visits.visit import Visit

_HER, _DESK, _API = CallerKind.DEVICE, CallerKind.DISPATCHER, CallerKind.API

_MAY = MappingProxyType(
    {
        # Who goes where is decided by the platform or the desk.
        Act.ASSIGN: frozenset({_DESK, _API}),
        Act.REASSIGN: frozenset({_DESK, _API}),
        # What happens on the way and at the door is said by her; the desk may say it for her, with a reason.
        Act.DEPART: frozenset({_HER, _DESK}),
        Act.ARRIVE: frozenset({_HER, _DESK}),
        Act.START: frozenset({_HER, _DESK}),
        Act.END: frozenset({_HER, _DESK}),
        Act.LEAVE: frozenset({_HER, _DESK}),
        Act.NO_SHOW: frozenset({_HER, _DESK}),
        # Whoever is not safe need not argue: no reason is asked of her.
        Act.ABORT_UNSAFE: frozenset({_HER, _DESK}),
        # More time is bought at the platform, or agreed at the place.
        Act.EXTEND: frozenset({_HER, _DESK, _API}),
        # Calling off is the platform's or the desk's; she breaks off or calls the desk.
        Act.CANCEL: frozenset({_DESK, _API}),
    }
)
_HERS = frozenset({Act.DEPART, Act.ARRIVE, Act.START, Act.END, Act.LEAVE, Act.NO_SHOW, Act.ABORT_UNSAFE})
_REASONED = frozenset({Act.CANCEL, Act.REASSIGN})


def actor_of(caller: Caller) -> str:
    """Return who acts, as kept in audit rows: `kind:id`."""
    return f"{caller.kind.value}:{caller.id}"


def acts_open_to(kind: CallerKind, stage: Stage) -> tuple[Act, ...]:
    """Return what a caller of this kind may do to a visit in `stage`, for buttons."""
    return tuple(act for act in allowed(stage) if kind in _MAY[act])


def must_be_allowed(caller: Caller, act: Act, visit: Visit, reason: str | None) -> None:
    """Raise unless `caller` may do `act` to `visit`.

    `NotFound` for another technician's visit (it is not hers to know of), `NotAllowed` for the wrong kind of caller, `BadInput` where a
    reason is missing: calling off and reassigning need one, and so does a dispatcher who acts in the technician's place.
    """
    if caller.kind is CallerKind.DEVICE and visit.technician_id != caller.technician_id:
        raise NotFound("There is no such visit of yours. Check the id, or whether it was given to somebody else.")
    if caller.kind not in _MAY[act]:
        raise NotAllowed(f"A credential of kind {caller.kind.value} may not {act.value} a visit. Ask the desk.", act=act.value)
    speaks_for_her = caller.kind is CallerKind.DISPATCHER and act in _HERS
    if (speaks_for_her or act in _REASONED) and not (reason or "").strip():
        raise BadInput(f"To {act.value} this visit, say why in `reason`: it is kept with the visit.", act=act.value)
