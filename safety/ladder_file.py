"""Which ladder does a file describe? JSON as `porchlight site ladder --json` prints it; what is misspelt is refused, not left out."""

from collections.abc import Iterable
from typing import Any

import msgspec

from core.errors import BadInput
from notifications.notice import Channel
from safety.ladder import Group, Ladder, Rung, checked

_PEOPLE_ARE_TOLD_BY = tuple(channel.value for channel in Channel if channel is not Channel.WEBHOOK)
CURE = (
    "Start from what `porchlight site ladder --json` prints. "
    f"Groups are {', '.join(Group)}; channels are {', '.join(_PEOPLE_ARE_TOLD_BY)}; after_s and tier are whole numbers."
)


def read_ladder(text: str) -> Ladder:
    """Return the ladder that `text` describes; raises `BadInput` with the cure for what is no JSON, no ladder, or one with a hole."""
    try:
        ladder = msgspec.json.decode(text, type=Ladder)
    except msgspec.MsgspecError as error:
        raise BadInput(f"That is no ladder: {error}. {CURE}") from None
    if strangers := sorted(_strangers(msgspec.json.decode(text))):
        raise BadInput(f"A ladder knows no {', no '.join(strangers)}. Is it misspelt? {_known()}")
    return checked(ladder)


def _strangers(facts: dict[str, Any]) -> set[str]:
    rungs: Iterable[dict[str, Any]] = facts["rungs"]
    return ({*facts} - {*Ladder.__struct_fields__}) | ({name for rung in rungs for name in rung} - {*Rung.__struct_fields__})


def _known() -> str:
    return f"It has {', '.join(Ladder.__struct_fields__)}, and each rung {', '.join(Rung.__struct_fields__)}."
