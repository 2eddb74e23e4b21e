"""How does a command on the hub's own machine reach its people? By the flows of visits, opened on the same databases."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from core.caller import Caller, CallerKind, Role
from core.clock import Clock
from core.ids import SiteId
from hub.floor import Floor, open_floor
from hub.settings import Settings
from hub.wire_live import wire_live
from hub.wire_visits import People, wire_visits


@dataclass(frozen=True)
class Local:
    """Floor and people of a command."""

    floor: Floor
    people: People


def operator_of(*sites: SiteId) -> Caller:
    """Return the caller that a command at the machine is: whoever can read the keys may do what an owner may."""
    return Caller(kind=CallerKind.DISPATCHER, id="operator", sites=frozenset(sites), roles=frozenset({Role.OWNER}))


@asynccontextmanager
async def local_people(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Local]:
    """Open the flows. At the end a running hub is told what changed, by its Redis; where that is away, it notices within seconds."""
    settings = with_local_redis(settings)
    async with contextlib.AsyncExitStack() as stack:
        floor = open_floor(settings, stack, clock=clock)
        live = wire_live(floor)
        stack.push_async_callback(live.pokes.speak_out)
        yield Local(floor, wire_visits(floor, live))


def with_local_redis(settings: Settings) -> Settings:
    """Return the settings with the address of the Valkey that a hub on this data folder runs."""
    if settings.store.redis_url:
        return settings
    url = f"unix://{settings.store.data_dir.absolute() / 'valkey' / 'valkey.sock'}"
    return msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, redis_url=url))
