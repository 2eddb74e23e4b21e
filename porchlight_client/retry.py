"""Is a failed request sent again, and when? A rule over what it was and what came back; `chance` in [0, 1) spreads many clients."""

from typing import Any

import msgspec

from core.errors import Conflict, HubError
from porchlight_client.ask import Ask, Repeat

TRIES = 4
"""How often a request is sent at most."""
FIRST_WAIT_S = 0.3
LONGEST_WAIT_S = 20.0
"""A hub that asks for more patience is told to the caller instead."""
_PASSING = frozenset({429, 502, 503, 504})


class Verdict(msgspec.Struct, frozen=True):
    """`wait_s`: seconds until it is sent again; None: the error goes to the caller."""

    wait_s: float | None


GIVE_UP = Verdict(None)


def judge(ask: Ask[Any], error: HubError, tries: int, chance: float) -> Verdict:
    """Return what follows `error` after `tries` tries: only what is safe to repeat and may pass is sent again."""
    if ask.repeat is Repeat.NEVER or tries >= TRIES or not _may_pass(ask, error):
        return GIVE_UP
    asked_s = float(error.members.get("retry_after_s", 0))
    wait_s = max(asked_s, FIRST_WAIT_S * 2 ** (tries - 1)) * (1 + chance / 2)
    return Verdict(wait_s) if wait_s <= LONGEST_WAIT_S else GIVE_UP


def _may_pass(ask: Ask[Any], error: HubError) -> bool:
    # A keyed request may meet its own first try, still under way: the hub says so by a conflict with Retry-After.
    is_under_way = ask.repeat is Repeat.KEYED and type(error) is Conflict and "retry_after_s" in error.members
    return is_under_way or error.status in _PASSING
