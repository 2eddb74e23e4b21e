"""Whose credential is this, and does it still count? Tokens, sessions, API keys, links and one-use tickets, checked against SQL.

Called by `http_authenticator` for every request and by the sockets. All that does not count is answered alike.
"""

from collections.abc import Sequence

import msgspec

from core.caller import Caller, CallerKind, Role, Scope
from core.clock import Clock
from core.errors import BadInput, NotAllowed, NotFound, NotSignedIn
from core.ids import DeviceId, IdSource, LinkId, SiteId, TokenKind, token_hash
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of
from visits.credential import SESSION_SEEN_EVERY, TICKET_LIFE, ApiKey, Session, Ticket, is_session_live
from visits.link_rights import LinkStanding
from visits.person import Device
from visits.ports import Pokes, Stores


class MadeApiKey(msgspec.Struct, frozen=True):
    """A new API key and its token, which is told this once."""

    key: ApiKey
    token: str


class AccessFlow:
    """Checks credentials. Every `caller_of_*` raises `NotSignedIn` for what does not count (any more)."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, ids: IdSource, stores: Stores, pokes: Pokes) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._pokes = pokes

    async def caller_of_token(self, token: str) -> Caller:
        """Return the holder of a device, API, link or session token."""
        hashed = token_hash(token)
        async with self._work.read(brief=True) as tx:
            if token.startswith(TokenKind.DEVICE):
                return _of_device(await self._stores.devices.in_force_by_token(tx, hashed))
            if token.startswith(TokenKind.API):
                return self._of_api_key(await self._stores.api_keys.by_token(tx, hashed))
            if token.startswith(TokenKind.LINK):
                return self._of_link(await self._stores.links.standing_by_token(tx, hashed))
        if token.startswith(TokenKind.SESSION):
            return await self.caller_of_session(token)
        raise NotSignedIn

    async def caller_of_session(self, token: str) -> Caller:
        """Return the dispatcher of a session; keeps `seen_at` up to date, coarsely."""
        async with self._work.read(brief=True) as tx:
            session = await self._stores.dispatchers.session_by_token(tx, token_hash(token))
            caller = await self._of_session(tx, session)
        if session is not None and self._clock.now() - session.seen_at >= SESSION_SEEN_EVERY:
            async with self._work.begin() as tx:
                await self._stores.dispatchers.seen(tx, session.id, self._clock.now())
        return caller

    async def still_counts(self, caller: Caller) -> bool:
        """Tell whether the credential behind `caller` is still in force; asked by open sockets on a poke and every few seconds."""
        try:
            async with self._work.read() as tx:
                await self._again(tx, _ticket_for(caller, self._clock))
        except (NotSignedIn, NotAllowed):
            return False
        return True

    async def ended(self, callers: Sequence[Caller]) -> list[Caller]:
        """Return those whose credential is no longer in force. Devices, of which there are many, are asked about together."""
        devices = [caller.device_id for caller in callers if caller.device_id is not None]
        async with self._work.read() as tx:
            in_force = await self._stores.devices.in_force(tx, devices) if devices else frozenset()
        gone = [caller for caller in callers if caller.device_id is not None and caller.device_id not in in_force]
        return gone + [caller for caller in callers if caller.device_id is None and not await self.still_counts(caller)]

    async def issue_ticket(self, caller: Caller) -> str:
        """Return a one-use ticket, good for 30 s, that stands for the caller's credential in the first frame of a socket."""
        token = self._ids.new_token(TokenKind.TICKET)
        async with self._work.begin() as tx:
            await self._stores.tickets.add(tx, _ticket_for(caller, self._clock), token_hash(token), self._clock.now())
        return token

    async def redeem_ticket(self, ticket: str) -> Caller:
        """Use up a ticket and return whom it stands for, if that credential still counts."""
        async with self._work.begin() as tx:
            taken = await self._stores.tickets.take(tx, token_hash(ticket), self._clock.now())
        if taken is None:
            raise NotSignedIn("The ticket is unknown, used or older than 30 s. Ask for a new one.")
        async with self._work.read() as tx:
            return await self._again(tx, taken)

    async def make_api_key(self, caller: Caller, label: str, sites: frozenset[SiteId], scopes: frozenset[Scope]) -> MadeApiKey:
        """Make a key for some sites and scopes, as their owner; its token is told this once."""
        caller.must_be(Role.OWNER)
        if not sites or not scopes or not label.strip():
            raise BadInput("Give a label, at least one site and at least one scope.")
        for site in sites:
            caller.must_reach(site)
        token = self._ids.new_token(TokenKind.API)
        key = ApiKey(
            id=self._ids.new_id(),
            label=label.strip(),
            sites=sites,
            scopes=scopes,
            made_by=actor_of(caller),
            made_at=self._clock.now(),
        )
        async with self._work.begin() as tx:
            await self._stores.api_keys.add(tx, key, token_hash(token))
        return MadeApiKey(key, token)

    async def api_keys(self, caller: Caller) -> list[ApiKey]:
        """Return the keys that reach only sites of the caller, revoked ones too, oldest first."""
        caller.must_be(Role.OWNER)
        async with self._work.read() as tx:
            return [key for key in await self._stores.api_keys.all(tx) if key.sites <= caller.sites]

    async def revoke_api_key(self, caller: Caller, key_id: str) -> None:
        """End a key at once. Revoking twice is fine."""
        caller.must_be(Role.OWNER)
        async with self._work.begin() as tx:
            key = await self._stores.api_keys.get(tx, key_id)
            if key is None or not key.sites <= caller.sites:
                raise NotFound("There is no such key, or it also reaches sites that you do not own. Check the id.")
            if await self._stores.api_keys.revoke(tx, key_id, self._clock.now()):
                for site in sorted(key.sites):
                    tx.after_commit(lambda site=site: self._pokes.poke(site, "api_key", key_id))  # type: ignore[misc]

    async def _again(self, tx: Tx, ticket: Ticket) -> Caller:
        if ticket.device_id is not None:
            return await self._of_known_device(tx, await self._stores.devices.get(tx, ticket.device_id))
        if ticket.link_id is not None:
            return self._of_link(await self._stores.links.standing_of(tx, ticket.link_id))
        if ticket.session_id is not None:
            return await self._of_session(tx, await self._stores.dispatchers.session(tx, ticket.session_id))
        if ticket.api_key_id is not None:
            return self._of_api_key(await self._stores.api_keys.get(tx, ticket.api_key_id))
        raise NotSignedIn

    async def _of_known_device(self, tx: Tx, device: Device | None) -> Caller:
        if device is None or device.revoked_at is not None:
            raise NotSignedIn
        technician = await self._stores.technicians.get(tx, device.technician_id)
        if technician is None or not technician.is_active:
            raise NotSignedIn
        return _of_device(device)

    async def _of_session(self, tx: Tx, session: Session | None) -> Caller:
        if session is None or not is_session_live(session, self._clock.now()):
            raise NotSignedIn
        dispatcher = await self._stores.dispatchers.get(tx, session.dispatcher_id)
        if dispatcher is None or not dispatcher.is_active:
            raise NotSignedIn
        return Caller(
            kind=CallerKind.DISPATCHER,
            id=dispatcher.id,
            sites=dispatcher.sites,
            dispatcher_id=dispatcher.id,
            session_id=session.id,
            roles=dispatcher.roles,
        )

    def _of_link(self, standing: LinkStanding | None) -> Caller:
        if standing is None or not standing.counts(self._clock.now()):
            raise NotSignedIn
        link = standing.link
        return Caller(
            kind=CallerKind.LINK, id=link.id, sites=frozenset({link.site_id}), link_id=LinkId(link.id), visit_id=link.visit_id
        )

    def _of_api_key(self, key: ApiKey | None) -> Caller:
        if key is None or key.revoked_at is not None:
            raise NotSignedIn
        return Caller(kind=CallerKind.API, id=key.id, sites=key.sites, scopes=key.scopes)


def _of_device(device: Device | None) -> Caller:
    if device is None:
        raise NotSignedIn
    return Caller(
        kind=CallerKind.DEVICE,
        id=device.id,
        sites=frozenset({device.site_id}),
        technician_id=device.technician_id,
        device_id=DeviceId(device.id),
    )


def _ticket_for(caller: Caller, clock: Clock) -> Ticket:
    expires_at = clock.now() + TICKET_LIFE
    if caller.kind is CallerKind.DEVICE:
        return Ticket(device_id=caller.device_id, expires_at=expires_at)
    if caller.kind is CallerKind.LINK:
        return Ticket(link_id=caller.link_id, expires_at=expires_at)
    if caller.kind is CallerKind.DISPATCHER:
        return Ticket(session_id=caller.session_id, expires_at=expires_at)
    if caller.kind is CallerKind.API:
        return Ticket(api_key_id=caller.id, expires_at=expires_at)
    raise NotSignedIn
