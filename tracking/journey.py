"""What do the fixes of one visit add up to? Ordered fixes in, state and outputs out, nothing else.

A journey is fed by the recorder only, from the stream, so that phones of every kind, two devices and changing workers take the same path.
It sees each fix once and in the order of `Fix.order`; one that comes after a later one was seen is left to settlement, which sorts. What is
made of the fixes (arrival, meter, detectors) is the business of observers, each with a state of its own that goes into the checkpoint.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tracking.fix import Fix, Judged, Reason
from tracking.ports import OpenVisit
from visits.stage import Stage


class Observer(msgspec.Struct, frozen=True, kw_only=True):
    """One way of looking at a journey.

    `name`: key of its state in checkpoints; a new meaning of the state needs a new name. `state_type`: what msgspec reads the state back
    as. `start(visit)`: the state before any fix. `observe(state, fix, stage)`: pure; returns the next state and what is to be told, mostly
    nothing. `follow(state, fixes, stage)`: the same for when nobody listens, for one fix or more, each later than the one before: returns
    the state that `observe` would come to one by one, but may change the one that it is given, and tells nothing, which can be most of
    the cost. `is_heard`: False where `follow` will do.
    """

    name: str
    state_type: Any
    start: Callable[[OpenVisit], Any]
    observe: Callable[[Any, Fix, Stage], tuple[Any, Sequence[Any]]]
    follow: Callable[[Any, Sequence[Fix], Stage], Any] | None = None
    is_heard: bool = True

    def unheard(self) -> "Observer":
        """Return what to register where nobody listens to this observer."""
        return self if self.follow is None else msgspec.structs.replace(self, is_heard=False)


class JourneyState(msgspec.Struct, array_like=True):
    """A checkpoint: the order of the last fix seen, how many were seen and how many came too late, and each observer's packed state."""

    last: tuple[int, str, int, int] | None = None
    seen: int = 0
    late: int = 0
    observers: dict[str, msgspec.Raw] = {}


class Told(msgspec.Struct, frozen=True):
    """What an observer has to say of some fixes: its `name`, and its own `outputs`, one or more."""

    name: str
    outputs: Sequence[Any]


STEP_MS = 500
"""A fix sooner after the last one seen tells a journey nothing new: phones report once a second at most, and a flood of fixes must not take
the recorder's time. Settlement uses them all."""
_FUTURE = Reason.FUTURE
_NEVER = (-(2**62), "", 0, 0)
"""Comes before the order of every fix."""
_state_decoder = msgspec.msgpack.Decoder(JourneyState)
_encoder = msgspec.msgpack.Encoder()


class Journey:
    """The journey of one visit in memory. Not frozen, because it moves with every fix; `packed` is its checkpoint.

    `is_unsaved`: it differs from the checkpoint made last.
    After an exception its state means nothing: begin again from the last checkpoint.
    """

    __slots__ = ("_observers", "_states", "is_unsaved", "last", "late", "seen", "visit")

    def __init__(self, visit: OpenVisit, observers: Sequence[Observer], packed: bytes | None = None) -> None:
        before = JourneyState() if packed is None else _state_decoder.decode(packed)
        self.visit = visit
        self.last, self.seen, self.late = before.last, before.seen, before.late
        self.is_unsaved = False
        self._observers = observers
        self._states = [_state(each, visit, before.observers) for each in observers]

    def take(self, judged: Sequence[Judged]) -> Sequence[Told]:
        """Observe fixes in the order in which they came; return what is to be told. Late, repeated and future ones are only counted.

        Many at once come to the same as one by one, and are cheaper.
        """
        told: list[Told] = []
        states = self._states
        for stage, fixes in self._runs(judged):
            for number, each in enumerate(self._observers):
                if each.follow is None or each.is_heard:
                    states[number], outputs = _observed(each, states[number], fixes, stage)
                    if outputs:
                        told.append(Told(each.name, outputs))
                else:
                    states[number] = each.follow(states[number], fixes, stage)
        return told

    def _runs(self, judged: Sequence[Judged]) -> list[tuple[Stage, list[Fix]]]:
        """Return those to be seen, in runs of one stage, each fix later than the one before, and note that they are; count late ones."""
        runs: list[tuple[Stage, list[Fix]]] = []
        fixes: list[Fix] = []
        visit, last, newest = self.visit, self.last or _NEVER, None
        last_ms, last_stage = last[0], stage_at(visit, last[0])
        for one in judged:
            fix = one.fix
            at_ms = fix.at_ms
            if at_ms <= last_ms and fix.order <= (last if newest is None else newest.order):
                self.late += 1
                self.is_unsaved = True
                continue
            stage = stage_at(visit, at_ms)
            if (stage is last_stage and at_ms - last_ms < STEP_MS) or (one.reasons and _FUTURE in one.reasons):
                continue
            if stage is not last_stage or newest is None:
                fixes = []
                runs.append((stage, fixes))
            fixes.append(fix)
            newest, last_ms, last_stage = fix, at_ms, stage
        if newest is not None:
            self.last, self.is_unsaved = newest.order, True
            self.seen += sum(len(fixes) for _, fixes in runs)
        return runs

    def packed(self) -> bytes:
        """Return the checkpoint: the bytes of a `JourneyState`. Whoever asks for it saves it."""
        self.is_unsaved = False
        return _encoder.encode((self.last, self.seen, self.late, self._by_name()))

    def state_of(self, name: str) -> Any:
        """Return the state of the observer `name`, for showing; it changes with the next fix."""
        return self._by_name()[name]

    def _by_name(self) -> dict[str, Any]:
        return {each.name: state for each, state in zip(self._observers, self._states, strict=True)}


def _observed(observer: Observer, state: Any, fixes: Sequence[Fix], stage: Stage) -> tuple[Any, list[Any]]:
    """Let one observer see fixes, one by one; return its next state and all that it tells."""
    observe, told = observer.observe, list[Any]()
    for fix in fixes:
        state, outputs = observe(state, fix, stage)
        if outputs:
            told += outputs
    return state, told


def _state(observer: Observer, visit: OpenVisit, stored: Mapping[str, msgspec.Raw]) -> Any:
    """Return an observer's state from a checkpoint; a fresh one where the checkpoint knows no such observer."""
    raw = stored.get(observer.name)
    return observer.start(visit) if raw is None else msgspec.msgpack.decode(raw, type=observer.state_type)


def stage_at(visit: OpenVisit, at_ms: int) -> Stage:
    """Return the stage of `visit` at a fix's own time, as far as departure and arrival tell it; else the present one."""
    if visit.departed_at_ms is not None and at_ms < visit.departed_at_ms:
        return Stage.ASSIGNED
    if visit.arrived_at_ms is not None and visit.departed_at_ms is not None and at_ms < visit.arrived_at_ms:
        return Stage.DEPARTED
    return visit.stage
