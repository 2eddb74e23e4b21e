"""Fixes by plain HTTP: `POST /v1/fixes`, for phones that cannot keep a socket and for backlogs.

The body is the `fixes` frame of the socket, up to 1 MiB, with `device_epoch`, which no `hello` said before. Answered when everything is
durable, with
the same `ack`; at most 10 s, then `busy`: the phone keeps what was not acknowledged and sends it again, which changes nothing. A request
that is
cut off may have been stored: repeating is safe, a fix counts once.
"""

import asyncio
from collections.abc import Sequence

from core.caller import CallerKind
from core.errors import Busy, NotSignedIn, TooLarge
from core.http_endpoint import Call, Endpoint
from realtime.fanout import Fanout
from realtime.ports import Intake
from realtime.raw_fixes import merged, raw_fixes_of
from realtime.wire import Ack, FixesBody, Refused
from realtime.wire_decode import BadFrame, decode_fixes
from realtime.wire_values import MAX_FIXES
from tracking.fix import Outcome, RawFix, Sender, detail_of

MAX_HTTP_FIXES = 5_000
"""A shift's backlog at 5 s in a few requests; more in one would hold memory that live fixes need."""
ANSWER_S = 10.0
RETRY_S = 2


def endpoints(intake: Intake, fanout: Fanout) -> list[Endpoint]:
    """Return the endpoint of fixes."""

    async def take_fixes(call: Call) -> Ack:
        frame, refused = decode_fixes(call.raw)
        sender = _sender_of(call, frame.device_epoch)
        fanout.learn_site(sender.technician_id, sender.site_id)
        fixes = raw_fixes_of(frame, MAX_HTTP_FIXES, len(refused))
        outcomes = await _offered(intake, sender, fixes, frame)
        intake.note_unreadable(len(refused))
        return _ack(sender.device_epoch, outcomes, refused)

    return [
        Endpoint(
            method="POST",
            path="/v1/fixes",
            name="take_fixes",
            summary="Take fixes of a device; answered when they are durable.",
            handler=take_fixes,
            callers=frozenset({CallerKind.DEVICE}),
            request=FixesBody,
            raw_body=True,
            response=Ack,
            tag="fixes",
            errors=(BadFrame, TooLarge, Busy),
        )
    ]


async def _offered(intake: Intake, sender: Sender, fixes: list[RawFix], frame: FixesBody) -> list[Outcome]:
    """Offer in batches of `MAX_FIXES`, so that no request is a bigger morsel than a socket's frame; wait for all answers."""
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Outcome]] = []
    for start in range(0, len(fixes), MAX_FIXES):
        answer: asyncio.Future[Outcome] = loop.create_future()
        waiting.append(answer)
        intake.offer(
            sender,
            fixes[start : start + MAX_FIXES],
            batch_id=frame.batch,
            on_done=_Answer(answer),
            sent_at_ms=frame.sent_at_ms,
        )
    try:
        async with asyncio.timeout(ANSWER_S):
            return list(await asyncio.gather(*waiting))
    except TimeoutError:
        raise Busy("The fixes could not be stored within 10 s. Keep them and send them again.", retry_after_s=RETRY_S) from None


class _Answer:
    """Fulfils a future unless its request has given up waiting."""

    def __init__(self, future: "asyncio.Future[Outcome]") -> None:
        self._future = future

    def __call__(self, outcome: Outcome) -> None:
        if not self._future.done():
            self._future.set_result(outcome)


def _ack(device_epoch: int, outcomes: list[Outcome], unreadable: Sequence[Refused]) -> Ack:
    if any(outcome.error is not None for outcome in outcomes):
        raise Busy("The hub cannot store fixes at the moment. Keep them and send them again.", retry_after_s=RETRY_S)
    stored = [seq for outcome in outcomes for seq in outcome.stored]
    refused = [
        Refused(seq=seq, reason=reason, detail=detail_of(reason)) for outcome in outcomes for seq, reason in outcome.refused
    ]
    return Ack(device_epoch=device_epoch, ranges=merged([], stored), refused=[*unreadable, *refused])


def _sender_of(call: Call, device_epoch: int) -> Sender:
    caller = call.caller
    if caller.technician_id is None or caller.device_id is None or len(caller.sites) != 1:
        raise NotSignedIn("This credential is not bound to one device of one technician. Enrol the device again.")
    return Sender(caller.device_id, caller.technician_id, next(iter(caller.sites)), 0, device_epoch)
