"""Who plays in the demo? Invented people, and at which stage the curtain rises for each of them. Pure."""

import random
from enum import StrEnum

import msgspec

from hub.demo_town import Home, Town

NAMES = (
    "Lin Wen", "Mara Okafor", "Yusuf Demir", "Chen Jia", "Aiko Tanaka", "Noor Rahman", "Petra Novak", "Wei Zhang", "Sofia Rossi",
    "Dara Quinn", "Ines Duarte", "Tomas Berg",
)  # fmt: skip
CUSTOMERS = (
    "Rosa Feld", "Jonas Hale", "Mei Tan", "Olga Sand", "Paul Winter", "Amira Said", "Hugo Lund", "Nina Falk", "Ravi Nair", "Ella Stone",
    "Karl Moor", "Lea Brandt", "Sam Oduya", "Vera Lind", "Ivo Marek", "Tess Green",
)  # fmt: skip
SERVICES = (
    "massage", "care", "massage", "cleaning", "massage", "repair", "care", "massage", "cooking", "pet_sitting", "cleaning", "massage",
)  # fmt: skip


class Opening(StrEnum):
    """Where a technician stands when the demo begins."""

    ON_THE_WAY = "on_the_way"
    """She has departed and drives."""
    AT_WORK = "at_work"
    """The service is running."""
    AT_THE_DOOR = "at_the_door"
    """She has arrived and waits to be let in."""
    PACKING_UP = "packing_up"
    """The service has ended; she has not left."""
    BOOKED = "booked"
    """She is assigned and will set out soon."""
    FREE = "free"
    """She has no visit yet."""


OPENINGS = (
    Opening.ON_THE_WAY, Opening.ON_THE_WAY, Opening.AT_WORK, Opening.ON_THE_WAY, Opening.BOOKED, Opening.AT_THE_DOOR, Opening.AT_WORK,
    Opening.PACKING_UP, Opening.BOOKED, Opening.ON_THE_WAY, Opening.FREE, Opening.BOOKED,
)  # fmt: skip
"""By number of the technician; the first is the one whom the customer's page shows."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One technician's part: where she sets out, whom she visits, at which stage it begins."""

    number: int
    name: str
    service: str
    opening: Opening
    start: Home
    end: Home
    customer: str


def cast(town: Town, seed: int) -> list[Part]:
    """Return twelve parts, nobody starting where another ends; the first has a long way before her."""
    chance = random.Random(seed)  # noqa: S311 - a play, not a secret
    homes = list(town.homes)
    chance.shuffle(homes)
    first = farthest_pair(homes)
    rest = [home for home in homes if home not in first]
    parts = []
    for number, name in enumerate(NAMES):
        start, end = first if number == 0 else (rest[2 * number], rest[2 * number + 1])
        parts.append(
            Part(
                number=number,
                name=name,
                service=SERVICES[number],
                opening=OPENINGS[number],
                start=start,
                end=end,
                customer=CUSTOMERS[number],
            )
        )
    return parts


def farthest_pair(homes: list[Home]) -> tuple[Home, Home]:
    """Return two homes that lie far apart, corner to corner."""
    key = lambda home: home.point.lat + home.point.lon * 0.7  # noqa: E731 - along the diagonal of the town
    return min(homes, key=key), max(homes, key=key)
