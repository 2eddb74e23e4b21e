"""Who or what is next when a notice does not get through? The chains, as data.

A step names the same notice by another channel or for another person; since a notice is named by subject, round, tier, recipient and
channel, a step taken twice, or one that the ladder took already, adds nothing.
"""

from enum import StrEnum

import msgspec

from notifications.notice import Channel, Notice


class Cause(StrEnum):
    """Why a chain goes on."""

    SLOW = "slow"
    """No word of arrival within the channel's patience."""
    REFUSED = "refused"
    """The carrier or the network said no."""
    LOST = "lost"
    """The answer to the request is lost."""
    UNANSWERED = "unanswered"
    """It rang and nobody pressed a key: no answer, busy, a mailbox, hung up."""


class Step(StrEnum):
    """What a chain does."""

    OTHER_CHANNEL = "other_channel"
    """The same person by voice instead of text, or the other way round."""
    NEXT_PERSON = "next_person"
    """The next of the notice's people, by voice and text at once: time was lost already."""


CHAINS: dict[tuple[Channel, Cause], tuple[Step, ...]] = {
    (Channel.SMS, Cause.SLOW): (Step.OTHER_CHANNEL,),
    (Channel.SMS, Cause.REFUSED): (Step.OTHER_CHANNEL,),
    (Channel.SMS, Cause.LOST): (Step.OTHER_CHANNEL,),
    (Channel.VOICE, Cause.SLOW): (Step.NEXT_PERSON,),
    (Channel.VOICE, Cause.REFUSED): (Step.OTHER_CHANNEL, Step.NEXT_PERSON),
    (Channel.VOICE, Cause.LOST): (Step.OTHER_CHANNEL,),
    (Channel.VOICE, Cause.UNANSWERED): (Step.NEXT_PERSON,),
}
_OTHER = {Channel.SMS: Channel.VOICE, Channel.VOICE: Channel.SMS}


def next_notices(notice: Notice, cause: Cause) -> tuple[Notice, ...]:
    """Return what to enqueue now, possibly nothing: only P0 and P1 have chains, and a chain ends after its last person: from
    there the ladder goes on."""
    if not notice.lane.is_at_least_once:
        return ()
    steps = CHAINS.get((notice.channel, cause), ())
    return tuple(made for step in steps for made in _taken(notice, step))


def _taken(notice: Notice, step: Step) -> tuple[Notice, ...]:
    if step is Step.OTHER_CHANNEL:
        return (msgspec.structs.replace(notice, channel=_OTHER[notice.channel], send_at=None),)
    if not notice.next_recipients:
        return ()
    person, *rest = notice.next_recipients
    moved = msgspec.structs.replace(notice, recipient_id=person, next_recipients=tuple(rest), send_at=None)
    return tuple(msgspec.structs.replace(moved, channel=channel) for channel in (Channel.VOICE, Channel.SMS))
