"""Would a press go through now, and quickly? The hub goes through one every few seconds, up to its commit, and undoes it.

Presses are rare, so the one that counts would be the first of its kind: a connection to PostgreSQL prepares each statement at its first
use, one more way there and back and a plan, which beside a crowd of fixes add up to some 50 ms; and a site whose press fails (a migration
that is missing, rules that cannot be read) would learn it from her. Nothing of a rehearsal stays and nobody is told; whether people are
reached is what the daily drill tries (`canary_flow`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from core.errors import NotSignedIn
from core.ids import IdSource, SiteId, TechnicianId, TokenKind
from safety.sos_tap import PersonKind, Road, SosTap

EVERY_S = 10.0
DEADLINE_S = 10.0
SIDE_BY_SIDE = 8
"""Rehearsals that a worker begins with at once on PostgreSQL, each on a connection of its own; afterwards the pool gives them in turn."""
_UNKNOWN = (f"{TokenKind.DEVICE}rehearsal", f"{TokenKind.LINK}rehearsal")


class PressRehearser(Protocol):
    """Goes through a press without raising it. Met by `sos_flow.SosFlow`."""

    async def rehearse(self, tap: SosTap) -> None:
        """Do all that raising `tap` does before its commit, and undo it; raises what the press would have met."""
        ...


class RehearsalFlow:
    """Rehearses presses of nobody, at one site after the other. `caller_of_token` reads a credential, as before each press.

    `side_by_side`: how many at once at the start; 1 where there is one writer.
    """

    def __init__(
        self, presses: PressRehearser, caller_of_token: Callable[[str], Awaitable[object]],
        sites: Callable[[], Awaitable[Sequence[SiteId]]], ids: IdSource, side_by_side: int = 1,
    ) -> None:  # fmt: skip
        self._presses = presses
        self._caller_of_token = caller_of_token
        self._sites = sites
        self._ids = ids
        self._next_count = side_by_side
        self._turn = 0

    async def run_once(self) -> None:
        """Rehearse one press, at the start several; raises what a press would meet now, whose words health then shows."""
        if not (sites := await self._sites()):
            return
        count, self._next_count = self._next_count, 1
        self._turn += 1
        site_id = sites[self._turn % len(sites)]
        await asyncio.gather(*(self._rehearse(site_id) for _ in range(count)))

    async def _rehearse(self, site_id: SiteId) -> None:
        for token in _UNKNOWN:
            with contextlib.suppress(NotSignedIn):
                await self._caller_of_token(token)
        nobody = TechnicianId(self._ids.new_id())
        await self._presses.rehearse(
            # A drill: if ever a mistake let one be committed, people would read that it is none.
            SosTap(
                tap_id="rehearsal", who=f"technician:{nobody}", person=PersonKind.TECHNICIAN, site_id=site_id, road=Road.HTTP,
                technician_id=nobody, is_drill=True,
            )
        )  # fmt: skip
