"""How does the town live? Each technician plays her part for ever: sets out, drives along the streets, works, leaves, and is booked again.

Everything she does goes over the hub's own wire: fixes through a device socket, acts through HTTP with her phone's token, bookings with the
platform's key. When somebody else takes her connection over (a script with her token, a replay), the play leaves her alone.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog

from core.clock import Clock
from core.errors import HubError
from core.geo import LatLon, distance_m, moved
from core.ids import IdSource
from hub.demo_cast import CUSTOMERS, Opening, Part
from hub.demo_fares import agree_over_http
from hub.demo_route import Path, place_after, quickest_path
from hub.demo_seed_flow import DEPARTED_S, SITE, Begun
from hub.demo_town import Home, Town
from hub.device_client import DeviceClient, DeviceRefused
from hub.hub_api import HubApi

log = structlog.get_logger(__name__)

DRIVE_S = 1.0
STAND_S = 5.0
NOISE_M = 2.5
"""A good phone's scatter in a street."""
HEADSTART_M = 900.0
"""How far those are who departed before the curtain rose: beyond the 500 m around their homes that customers do not see."""
SPEED_MPS = (6.0, 10.0)
LONG_SPEED_MPS = 5.5
"""The shown technician's: seven kilometres then take twenty minutes."""
Tell = Callable[[str], None]
CodeOf = Callable[[str], Awaitable[str]]
NewVisit = Callable[[Part, str], Awaitable[None]]


class Stand:
    """Where a technician is: on a path, so many metres along it."""

    def __init__(self, path: Path, metres: float) -> None:
        self.path = path
        self.metres = metres

    @property
    def is_there(self) -> bool:
        """Tell whether the path is at its end."""
        return self.metres >= self.path.length_m


class Player:
    """One technician of the play."""

    def __init__(
        self, begun: Begun, town: Town, url: str, api: HubApi, api_key: str, code_of: CodeOf, clock: Clock, ids: IdSource
    ) -> None:
        self.part = begun.part
        self.technician_id = begun.technician_id
        self.visit_id = begun.visit.id if begun.visit else None
        self._token, self._api_key = begun.token, api_key
        self._town, self._api, self._code_of, self._clock = town, api, code_of, clock
        self._chance = random.Random(f"player {begun.part.number}")  # noqa: S311 - a play, not a secret
        self.client = DeviceClient(url, begun.token, clock=clock, ids=ids, app="porchlight-demo")
        self._stand = self._opening_stand()
        self._reported: tuple[float, LatLon] | None = None

    async def play(self, on_visit: NewVisit | None = None) -> None:
        """Play until cancelled, or until somebody else holds her connection."""
        try:
            async with self.client.running():
                await self._finish_opening()
                while True:
                    await self._pause(20, 60)
                    await self._book_next()
                    if on_visit is not None and self.visit_id is not None:
                        await on_visit(self.part, self.visit_id)
                    await self._visit_from_booked()
        except DeviceRefused:
            log.info("player_leaves", technician_id=self.technician_id, why="somebody else sends for her")

    async def _finish_opening(self) -> None:
        opening = self.part.opening
        if opening is Opening.FREE:
            return
        if opening is Opening.BOOKED:
            await self._pause(10, 90)
            await self._visit_from_booked()
        elif opening is Opening.ON_THE_WAY:
            self._tell_way_so_far()
            await self._drive()
            await self._visit_from_door()
        elif opening is Opening.AT_THE_DOOR:
            await self._visit_from_door(has_arrived=True)
        elif opening is Opening.AT_WORK:
            await self._work()
        else:
            await self._pack_up()

    async def _visit_from_booked(self) -> None:
        await self._act("depart")
        await self._drive()
        await self._visit_from_door()

    async def _visit_from_door(self, *, has_arrived: bool = False) -> None:
        if not has_arrived:
            await self._act("arrive")
        await self._pause(8, 20)
        await self._act("start", door_code=await self._code_of(str(self.visit_id)))
        await self._work()

    async def _work(self) -> None:
        await self._pause(120, 300)
        await self._act("end")
        await self._pack_up()

    async def _pack_up(self) -> None:
        await self._pause(20, 40)
        await self._act("leave")
        self.visit_id = None

    async def _book_next(self) -> None:
        start = self.part.end
        end = self._chance.choice([home for home in self._town.homes if home.part != start.part])
        self.part = Part(
            number=self.part.number,
            name=self.part.name,
            service=self.part.service,
            opening=Opening.BOOKED,
            start=start,
            end=end,
            customer=self._chance.choice(CUSTOMERS),
        )
        self._stand = Stand(quickest_path(self._town, start, end), 0.0)
        booking = self._booking(end)
        self.visit_id = (await self._api.post("/v1/visits", booking, self._api_key))["id"]
        await self._api.post(f"/v1/visits/{self.visit_id}/assign", {"technician_id": self.technician_id}, self._api_key)
        await agree_over_http(self._api, self._api_key, {**booking, "id": self.visit_id}, start.point, self._clock)

    def _booking(self, end: Home) -> dict[str, Any]:
        start_at = self._clock.now() + timedelta(minutes=20)
        return {
            "site_id": SITE,
            "service_kind": self.part.service,
            "place": {"lat": end.point.lat, "lon": end.point.lon, "address": f"{end.address}, Lampmouth"},
            "window_start": start_at.isoformat(),
            "window_end": (start_at + timedelta(minutes=30)).isoformat(),
            "customer": {"name": self.part.customer, "phone": f"+3538555502{self.part.number:02d}", "language": "en"},
        }

    async def _act(self, act: str, **more: Any) -> None:
        place, _ = place_after(self._stand.path, self._stand.metres)
        body = {"position": {"lat": place.lat, "lon": place.lon, "accuracy_m": 6.0}, **more}
        try:
            await self._api.post(f"/v1/visits/{self.visit_id}/{act}", body, self._token)
        except HubError as refused:
            # The desk or a curious person may have moved the visit on: the play goes on from there.
            log.info("act_refused", act=act, why=refused.detail)

    async def _drive(self) -> None:
        speed_mps = LONG_SPEED_MPS if self.part.number == 0 else self._chance.uniform(*SPEED_MPS)
        stop_at_m = self._stand.metres + self._chance.uniform(300, 900)
        while not self._stand.is_there:
            if self._stand.metres >= stop_at_m:
                await self._pause(3, 7)
                stop_at_m = self._stand.metres + self._chance.uniform(300, 900)
            now_mps = speed_mps * self._chance.uniform(0.8, 1.15)
            self._stand.metres += now_mps * DRIVE_S
            self._report(now_mps)
            await self._clock.sleep(DRIVE_S)
        self._report(0.0)

    def _tell_way_so_far(self) -> None:
        """Send what a phone would have gathered since she departed before the curtain rose, so that the meter knows her whole way."""
        gone_m, now_ms = self._stand.metres, self._clock.now_ms()
        steps = int((DEPARTED_S - 10) / STAND_S)
        for step in range(steps):
            place, heading_deg = place_after(self._stand.path, gone_m * step / steps)
            seen = moved(place, self._chance.uniform(0, 360), abs(self._chance.gauss(0, NOISE_M)))
            at_ms = now_ms - int((steps - step) * STAND_S * 1000)
            self.client.put(at_ms, seen.lat, seen.lon, accuracy_m=6.0, speed_mps=round(gone_m / DEPARTED_S, 1), heading_deg=heading_deg)

    async def _pause(self, low_s: float, high_s: float) -> None:
        left_s = self._chance.uniform(low_s, high_s)
        while left_s > 0:
            self._report(0.0)
            await self._clock.sleep(min(STAND_S, left_s))
            left_s -= STAND_S

    def _report(self, speed_mps: float) -> None:
        place, heading_deg = place_after(self._stand.path, self._stand.metres)
        if not self._is_due(place):
            return
        self._reported = self._clock.monotonic(), place
        seen = moved(place, self._chance.uniform(0, 360), abs(self._chance.gauss(0, NOISE_M)))
        self.client.put(
            self._clock.now_ms(),
            seen.lat,
            seen.lon,
            accuracy_m=round(self._chance.uniform(4, 9), 1),
            speed_mps=round(speed_mps, 1),
            heading_deg=round(heading_deg, 1) if speed_mps else None,
        )

    def _is_due(self, place: LatLon) -> bool:
        """Obey the hub's cadence, as a phone would: by time, earlier after so many metres; before any was told, always."""
        wanted = self.client.cadence
        if wanted is None or self._reported is None:
            return True
        at_s, before = self._reported
        is_far = distance_m(before, place) >= wanted.displacement_m
        return is_far or self._clock.monotonic() - at_s >= wanted.interval_s * 0.9

    def _opening_stand(self) -> Stand:
        path = quickest_path(self._town, self.part.start, self.part.end)
        if self.part.opening is Opening.ON_THE_WAY:
            return Stand(path, min(HEADSTART_M, path.length_m * 0.4))
        is_home = self.part.opening in (Opening.BOOKED, Opening.FREE)
        return Stand(path, 0.0 if is_home else path.length_m)


async def play_all(players: list[Player], on_visit: NewVisit) -> None:
    """Let everybody play until cancelled; one who fails is noted and stops nobody."""
    await asyncio.gather(*(_play(player, on_visit if player.part.number == 0 else None) for player in players))


async def _play(player: Player, on_visit: NewVisit | None) -> None:
    while True:
        try:
            await player.play(on_visit)
            return
        except HubError as error:
            log.warning("player_stumbles", technician_id=player.technician_id, why=error.detail)
