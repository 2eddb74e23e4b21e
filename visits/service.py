"""What kind of service is it, and what does that ask for? Service kinds with their policy."""

from enum import IntEnum
from typing import Annotated

import msgspec


class VerifiedLevel(IntEnum):
    """How well the site knows a technician."""

    UNKNOWN = 0
    """Nothing was checked."""
    CONTACT = 1
    """Her phone number was proved."""
    IDENTITY = 2
    """Her identity document was seen."""
    CERTIFIED = 3
    """Her identity and her certificate of the trade were seen."""


class ServicePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a kind of service asks for. Minutes unless named otherwise."""

    min_verified_level: VerifiedLevel = VerifiedLevel.CONTACT
    """Who may be assigned."""
    needs_door_code: bool = True
    """Whether the service starts with the door code; without, `start` needs none."""
    overrun_min: Annotated[int, msgspec.Meta(ge=0, le=240)] = 15
    """How long past the planned end before somebody asks whether she is well."""
    leave_min: Annotated[int, msgspec.Meta(ge=1, le=240)] = 15
    """How long between `ended` and `left` before somebody asks."""
    check_in_min: Annotated[int, msgspec.Meta(ge=0, le=480)] = 0
    """Ask her during the service every so many minutes whether she is well; 0: not."""
    no_show_min: Annotated[int, msgspec.Meta(ge=0, le=240)] = 20
    """How long she waits at the door, from the later of arriving and the window's start, before a no-show counts."""


class ServiceKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of service a site offers: `name` on the wire (1 to 40 of a-z, 0-9, _), `title` for people, usual length, `policy`."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    planned_min: Annotated[int, msgspec.Meta(ge=5, le=1440)] = 60
    policy: ServicePolicy = ServicePolicy()


DEFAULT_SERVICES: tuple[ServiceKind, ...] = (
    ServiceKind(name="massage", title="Massage", planned_min=60, policy=ServicePolicy(min_verified_level=VerifiedLevel.IDENTITY)),
    ServiceKind(
        name="care", title="Care", planned_min=120, policy=ServicePolicy(min_verified_level=VerifiedLevel.IDENTITY, check_in_min=60)
    ),
    ServiceKind(name="cleaning", title="Cleaning", planned_min=180),
    ServiceKind(name="repair", title="Repair", planned_min=90),
    ServiceKind(name="cooking", title="Cooking", planned_min=150),
    ServiceKind(name="pet_sitting", title="Pet sitting", planned_min=45, policy=ServicePolicy(needs_door_code=False)),
)
"""What a new site offers until its owner says otherwise."""
