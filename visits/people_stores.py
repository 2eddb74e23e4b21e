"""What must a store of people and their credentials be able to do? Ports, met by `sql_*`. Stores take the flow's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from core.ids import DeviceId, DispatcherId, SiteId, TechnicianId
from core.unit_of_work import Tx
from visits.credential import ApiKey, Dispatcher, Enrolment, Session, Ticket
from visits.customer_note import CustomerNote
from visits.person import BlockedPair, Device, Technician
from visits.visit_stores import Page


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What proves a dispatcher: argon2id text, TOTP secret (offered or in force), last half minute used. Never leaves the flow."""

    password_hash: str
    totp: str | None = None
    totp_step: int = 0


class Technicians(Protocol):
    """Stored technicians and their blocked pairs."""

    async def get(self, tx: Tx, id: TechnicianId) -> Technician | None:
        """Return the technician, None without one."""
        ...

    async def get_many(self, tx: Tx, ids: Sequence[TechnicianId]) -> Sequence[Technician]:
        """Return those of `ids` that exist, in no order."""
        ...

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page, *, only_on_shift: bool = False) -> Sequence[Technician]:
        """Return part of the technicians of `sites`, or of those with an open shift."""
        ...

    async def add(self, tx: Tx, technician: Technician) -> None:
        """Store a new one."""
        ...

    async def save(self, tx: Tx, technician: Technician) -> None:
        """Store version n over version n-1; raises `Conflict` when another was stored meanwhile."""
        ...

    def customer_key(self, phone: str) -> str:
        """Return the keyed digest by which a customer is found without her phone being stored."""
        ...

    async def block(self, tx: Tx, pair: BlockedPair) -> None:
        """Store a pair; an existing one of the same two keeps its first reason."""
        ...

    async def unblock(self, tx: Tx, technician_id: TechnicianId, pair_id: str) -> bool:
        """Forget a pair of hers; False when there is none."""
        ...

    async def blocked(self, tx: Tx, technician_id: TechnicianId, customer_key: str | None = None) -> Sequence[BlockedPair]:
        """Return her pairs, or those with one customer."""
        ...


class CustomerNotes(Protocol):
    """Stored notes on customers."""

    async def add(self, tx: Tx, note: CustomerNote) -> None:
        """Store a new one."""
        ...

    async def get(self, tx: Tx, note_id: str) -> CustomerNote | None:
        """Return the note, withdrawn or not, None without one."""
        ...

    async def of(self, tx: Tx, site_id: SiteId, customer_keys: Sequence[str], now: datetime) -> Sequence[CustomerNote]:
        """Return the notes of a site in force on any of these customers, newest first."""
        ...

    async def is_risky(self, tx: Tx, site_id: SiteId, customer_keys: Sequence[str], now: datetime) -> bool:
        """Tell whether any of these customers has a note in force, or anybody of the site is blocked from her."""
        ...

    async def withdraw(self, tx: Tx, note_id: str, by: str, reason: str, now: datetime) -> bool:
        """Take a note out of force; False when it was before."""
        ...


class Devices(Protocol):
    """Stored phones and the codes that enrol them."""

    async def add(self, tx: Tx, device: Device, token_hash: str) -> None:
        """Store a new one."""
        ...

    async def next_no(self, tx: Tx) -> int:
        """Return a short number never given before."""
        ...

    async def get(self, tx: Tx, id: DeviceId) -> Device | None:
        """Return the device, revoked or not, None without one."""
        ...

    async def by_token(self, tx: Tx, token_hash: str) -> Device | None:
        """Return the device of a token, revoked or not, None without one."""
        ...

    async def in_force_by_token(self, tx: Tx, token_hash: str) -> Device | None:
        """Return the device of a token if it is not revoked and its technician is active, in one query; else None."""
        ...

    async def in_force(self, tx: Tx, ids: Sequence[DeviceId]) -> frozenset[DeviceId]:
        """Return those of some hundred devices that are not revoked and whose technician is active, in one query."""
        ...

    async def of_technician(self, tx: Tx, technician_id: TechnicianId) -> Sequence[Device]:
        """Return her devices, oldest first, revoked ones too."""
        ...

    async def revoke(self, tx: Tx, id: DeviceId, now: datetime) -> bool:
        """Revoke it; False when it was revoked before."""
        ...

    async def offer(self, tx: Tx, enrolment: Enrolment, code: str) -> None:
        """Store a one-time code, as keyed digest; her earlier unused codes are void."""
        ...

    async def take_offer(self, tx: Tx, code: str, now: datetime) -> Enrolment | None:
        """Use up and return the offer of `code` as it was before; None when unknown or used. Of two takers one gets it."""
        ...


class Dispatchers(Protocol):
    """Stored dispatchers, their secrets and sessions."""

    async def add(self, tx: Tx, dispatcher: Dispatcher, password_hash: str) -> None:
        """Store a new one; raises `Conflict` when the log-in name is taken."""
        ...

    async def save(self, tx: Tx, dispatcher: Dispatcher) -> None:
        """Store name, sites, roles and whether she is active."""
        ...

    async def get(self, tx: Tx, id: DispatcherId) -> Dispatcher | None:
        """Return the dispatcher, None without one."""
        ...

    async def by_user(self, tx: Tx, user: str) -> Dispatcher | None:
        """Return the dispatcher of a log-in name, None without one."""
        ...

    async def page(self, tx: Tx, sites: frozenset[SiteId], page: Page) -> Sequence[Dispatcher]:
        """Return part of the dispatchers who reach any of `sites`."""
        ...

    async def secrets(self, tx: Tx, id: DispatcherId) -> Secrets:
        """Return what proves her; the dispatcher must exist."""
        ...

    async def set_password(self, tx: Tx, id: DispatcherId, password_hash: str) -> None:
        """Store another hash."""
        ...

    async def offer_totp(self, tx: Tx, id: DispatcherId, secret: str) -> None:
        """Store a secret that is not in force until `confirm_totp`."""
        ...

    async def confirm_totp(self, tx: Tx, id: DispatcherId, recovery: Sequence[str]) -> None:
        """Put the offered secret in force and store `recovery` codes as keyed digests, replacing older ones."""
        ...

    async def drop_totp(self, tx: Tx, id: DispatcherId) -> None:
        """Forget the second factor and its recovery codes."""
        ...

    async def use_step(self, tx: Tx, id: DispatcherId, step: int) -> bool:
        """Use up a half minute; False when it or a later one was used before."""
        ...

    async def use_recovery(self, tx: Tx, id: DispatcherId, code: str, now: datetime) -> bool:
        """Use up a recovery code; False when it is unknown or was used."""
        ...

    async def add_session(self, tx: Tx, session: Session, token_hash: str) -> None:
        """Store a new session."""
        ...

    async def session(self, tx: Tx, id: str) -> Session | None:
        """Return the session, None without one."""
        ...

    async def session_by_token(self, tx: Tx, token_hash: str) -> Session | None:
        """Return the session of a token, None without one."""
        ...

    async def seen(self, tx: Tx, session_id: str, now: datetime) -> None:
        """Note that the session was used."""
        ...

    async def end_sessions(self, tx: Tx, now: datetime, *, id: str | None = None, of: DispatcherId | None = None) -> Sequence[str]:
        """End one session, or all of a dispatcher; return the ids of those that were open."""
        ...


class Attempts(Protocol):
    """Counts failed tries, in SQL so that every worker knows them and Redis may be away."""

    async def recent(self, tx: Tx, who: str, since: datetime) -> Sequence[datetime]:
        """Return when `who` (user, address or both) failed since then, oldest first."""
        ...

    async def note(self, tx: Tx, who: str, at: datetime) -> None:
        """Note one failure, and forget long past ones."""
        ...

    async def forget(self, tx: Tx, who: str) -> None:
        """Forget the failures of `who`: the right credential came."""
        ...


class ApiKeys(Protocol):
    """Stored API keys."""

    async def add(self, tx: Tx, key: ApiKey, token_hash: str) -> None:
        """Store a new one."""
        ...

    async def get(self, tx: Tx, id: str) -> ApiKey | None:
        """Return the key, revoked or not, None without one."""
        ...

    async def by_token(self, tx: Tx, token_hash: str) -> ApiKey | None:
        """Return the key of a token, revoked or not, None without one."""
        ...

    async def all(self, tx: Tx) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        ...

    async def revoke(self, tx: Tx, id: str, now: datetime) -> bool:
        """Revoke it; False when it was revoked before."""
        ...


class Tickets(Protocol):
    """Stored tickets."""

    async def add(self, tx: Tx, ticket: Ticket, token_hash: str, now: datetime) -> None:
        """Store it, and forget long expired ones."""
        ...

    async def take(self, tx: Tx, token_hash: str, now: datetime) -> Ticket | None:
        """Use it up; None when unknown, used or expired. Of two takers one gets it."""
        ...
