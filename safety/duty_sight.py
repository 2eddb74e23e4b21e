"""What does the desk see of its own watch? Who is on duty, and what would keep a tap from being answered."""

import msgspec


class OnDuty(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatcher on duty; times are milliseconds since 1970, `sound_ok_at_ms` her last passed sound test."""

    dispatcher_id: str
    name: str
    since_ms: int
    sound_ok_at_ms: int | None
    is_lead: bool


class Lacking(msgspec.Struct, frozen=True):
    """One thing that is missing, whom it concerns, and the cure in words."""

    lack: str
    about: str
    cure: str


class DutySight(msgspec.Struct, frozen=True, kw_only=True):
    """A site's watch: people in the order in which they came, and what is lacking; empty when all is well."""

    site_id: str
    items: list[OnDuty]
    lacking: list[Lacking]
