"""Where do a thousand phones come from? A site of its own with as many technicians as asked for, each with a phone and an open shift."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from core.errors import Conflict, NotSignedIn
from core.ids import SiteId
from hub.local_people import Local, operator_of
from visits.people_flow import NewTechnician
from visits.service import VerifiedLevel
from visits.site import Site

SITE = SiteId("crowd")
FILE = "crowd.json"
SHIFT_H = 12
NOTICE = "1"


class CrowdFlow:
    """Makes the crowd and remembers its tokens in the data folder, so that a second simulation starts at once."""

    def __init__(self, local: Local, folder: Path) -> None:
        self._people = local.people
        self._clock = local.floor.clock
        self._file = folder / FILE
        self._operator = operator_of(SITE)

    async def tokens(self, count: int, tell: Callable[[int], None] = lambda _: None) -> list[str]:
        """Return `count` device tokens of technicians on shift; `tell` hears how many are ready."""
        known = await self._known()
        await self._make_site()
        for number in range(len(known), count):
            known.append(await self._make(number))
        for number, token in enumerate(known[:count], start=1):
            await self._open_shift(token)
            tell(number)
        self._file.touch(mode=0o600)
        self._file.write_bytes(msgspec.json.encode(known))
        return known[:count]

    async def _known(self) -> list[str]:
        try:
            known: list[str] = msgspec.json.decode(self._file.read_bytes(), type=list[str])
            if known:
                await self._people.access.caller_of_token(known[0])
        except (OSError, msgspec.MsgspecError, NotSignedIn):
            return []
        return known

    async def _make_site(self) -> None:
        try:
            await self._people.sites.make(Site(id=SITE, name="Crowd", zone="UTC", currency="EUR"))
        except Conflict:
            return  # made by an earlier simulation

    async def _make(self, number: int) -> str:
        new = NewTechnician(name=f"Crowd {number}", verified_level=VerifiedLevel.CONTACT)
        technician = await self._people.people.enter(self._operator, SITE, new)
        code = await self._people.people.offer_enrolment(self._operator, technician.id)
        return (await self._people.people.enrol(code, "simulated", "simulate", "127.0.0.1")).token

    async def _open_shift(self, token: str) -> None:
        caller = await self._people.access.caller_of_token(token)
        if await self._people.shifts.current(caller) is None:
            await self._people.shifts.open(caller, self._clock.now() + timedelta(hours=SHIFT_H), NOTICE)
