"""The story of a dispatcher's access: she is entered, logs in with a password and a code of her authenticator app, and out again.

Called by `http_desk_access` and the CLI. Sessions live in SQL, so ending one counts at once on every worker. Password hashes are computed
outside transactions: they take tens of milliseconds on purpose.
"""

from collections.abc import Sequence

import msgspec

from core.caller import Caller, Role
from core.clock import Clock
from core.errors import BadInput, Conflict, NotFound, NotSignedIn
from core.ids import DispatcherId, IdSource, SiteId, TokenKind, token_hash
from core.unit_of_work import Tx, UnitOfWork
from visits.attempt_limits import log_in_limits, must_not_exceed
from visits.credential import (
    ATTEMPTS_WINDOW,
    MAX_PASSWORD_CHARS,
    RECOVERY_CODES,
    RECOVERY_DIGITS,
    Dispatcher,
    Session,
    digits_of,
    grouped,
    password_faults,
    user_faults,
)
from visits.ports import OneTimeCodes, Passwords, Pokes, Stores
from visits.visit_stores import Page


class NewDispatcher(msgspec.Struct, frozen=True, kw_only=True):
    """A dispatcher to be: log-in name, name, first password, the sites she reaches and her roles."""

    user: str
    name: str
    password: str
    sites: frozenset[SiteId]
    roles: frozenset[Role] = frozenset({Role.DISPATCHER})


class LoggedIn(msgspec.Struct, frozen=True):
    """A new session and its token, which only the cookie gets."""

    dispatcher: Dispatcher
    session: Session
    token: str


class TotpOffer(msgspec.Struct, frozen=True):
    """A secret for an authenticator app, as text and as the URI of a QR code; in force once a first code proved it."""

    secret: str
    uri: str


class CodeNeeded(NotSignedIn):
    """The password is right; now the code of the authenticator app is needed. Send it as `totp`, or a recovery code."""

    code = "code_needed"


class DeskAccessFlow:
    """Log-ins, second factors and sessions of dispatchers."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        clock: Clock,
        ids: IdSource,
        stores: Stores,
        passwords: Passwords,
        codes: OneTimeCodes,
        pokes: Pokes,
    ) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._passwords = passwords
        self._codes = codes
        self._pokes = pokes

    async def enter(self, caller: Caller, new: NewDispatcher) -> Dispatcher:
        """Enter a dispatcher, as an owner of all her sites. Raises `BadInput` with every fault, `Conflict` for a taken log-in name."""
        caller.must_be(Role.OWNER)
        user = new.user.strip().lower()
        _must_be_sound(user_faults(user) + password_faults(new.password, user) + _reach_faults(new))
        for site in new.sites:
            caller.must_reach(site)
        dispatcher = Dispatcher(
            id=DispatcherId(self._ids.new_id()),
            user=user,
            name=new.name.strip() or user,
            sites=new.sites,
            roles=new.roles,
            created_at=self._clock.now(),
        )
        hashed = await self._passwords.hash(new.password)
        async with self._work.begin() as tx:
            await self._must_exist(tx, new.sites)
            await self._stores.dispatchers.add(tx, dispatcher, hashed)
        return dispatcher

    async def change(
        self, caller: Caller, id: DispatcherId, *, roles: frozenset[Role] | None = None, is_active: bool | None = None
    ) -> Dispatcher:
        """Change roles or activity, as an owner; her sessions end, because they opened what she may no longer see."""
        caller.must_be(Role.OWNER)
        async with self._work.begin() as tx:
            dispatcher = await self._reached(tx, caller, id)
            after = msgspec.structs.replace(
                dispatcher,
                roles=dispatcher.roles if roles is None else roles,
                is_active=dispatcher.is_active if is_active is None else is_active,
            )
            if after != dispatcher:
                await self._stores.dispatchers.save(tx, after)
                await self._end_sessions(tx, after)
            return after

    async def page(self, caller: Caller, page: Page) -> Sequence[Dispatcher]:
        """Return part of the dispatchers who share a site with the caller."""
        async with self._work.read() as tx:
            return await self._stores.dispatchers.page(tx, caller.sites, page)

    async def log_in(self, user: str, password: str, code: str | None, address: str) -> LoggedIn:
        """Check password and, where she has one, the second factor; open a session.

        Raises `NotSignedIn` in one sentence and after equal work for an unknown user and a wrong password, `CodeNeeded` for a missing code,
        `TooMany` after too many failures.
        """
        user = user.strip().lower()
        await self._must_not_guess(user, address)
        dispatcher = await self._proved(user, password[: MAX_PASSWORD_CHARS + 1])
        if dispatcher is not None and dispatcher.has_totp and not code:
            raise CodeNeeded
        if dispatcher is None or not await self._passes_second(dispatcher, code):
            await self._note_failure(user, address)
            raise NotSignedIn("Log-in name, password or code is wrong. Check them and try again.")
        return await self._open_session(dispatcher, user, address)

    async def log_out(self, session_id: str) -> None:
        """End a session at once; its sockets close."""
        async with self._work.begin() as tx:
            session = await self._stores.dispatchers.session(tx, session_id)
            if session is not None:
                await self._end_sessions(tx, await self._known(tx, session.dispatcher_id), session_id)

    async def me(self, caller: Caller) -> Dispatcher:
        """Return the dispatcher who asks."""
        async with self._work.read() as tx:
            return await self._known(tx, _her_id(caller))

    async def set_password(self, caller: Caller, old: str, new: str, address: str) -> None:
        """Change her own password; all her sessions end. Raises `BadInput` when the old one is wrong, `TooMany` after too many tries."""
        me = await self.me(caller)
        await self._must_not_guess(me.user, address)
        if await self._proved(me.user, old) is None:
            await self._note_failure(me.user, address)
            raise BadInput("The old password is wrong. Try again.")
        await self._store_password(me, new)

    async def reset_password(self, caller: Caller, id: DispatcherId, new: str) -> None:
        """Give a dispatcher a new password and drop her second factor, as an owner; all her sessions end."""
        caller.must_be(Role.OWNER)
        async with self._work.read() as tx:
            dispatcher = await self._reached(tx, caller, id)
        await self._store_password(dispatcher, new)
        async with self._work.begin() as tx:
            await self._stores.dispatchers.drop_totp(tx, id)

    async def offer_totp(self, caller: Caller) -> TotpOffer:
        """Return a new secret for her authenticator app; in force after `confirm_totp`. Raises `Conflict` when one is in force."""
        secret = self._codes.new_secret()
        async with self._work.begin() as tx:
            me = await self._known(tx, _her_id(caller))
            if me.has_totp:
                raise Conflict("A second factor is in force. Remove it first, with a code of it.")
            await self._stores.dispatchers.offer_totp(tx, me.id, secret)
        return TotpOffer(secret, self._codes.uri(secret, me.user))

    async def confirm_totp(self, caller: Caller, code: str) -> list[str]:
        """Put the offered secret in force by a first code; return ten recovery codes, told this once."""
        recovery = [self._ids.new_digits(RECOVERY_DIGITS) for _ in range(RECOVERY_CODES)]
        async with self._work.begin() as tx:
            me = await self._known(tx, _her_id(caller))
            if me.has_totp or not await self._fits(tx, me.id, code):
                raise BadInput("The code does not fit. Check the phone's clock and type the newest code.")
            await self._stores.dispatchers.confirm_totp(tx, me.id, recovery)
        return [grouped(each) for each in recovery]

    async def drop_totp(self, caller: Caller, code: str, address: str) -> None:
        """Remove her second factor, by a code of it or a recovery code."""
        me = await self.me(caller)
        await self._must_not_guess(me.user, address)
        if not await self._passes_second(me, code):
            await self._note_failure(me.user, address)
            raise BadInput("The code does not fit. Type the newest code, or a recovery code.")
        async with self._work.begin() as tx:
            await self._stores.dispatchers.drop_totp(tx, me.id)

    async def _proved(self, user: str, password: str) -> Dispatcher | None:
        async with self._work.read() as tx:
            dispatcher = await self._stores.dispatchers.by_user(tx, user)
            stored = None if dispatcher is None else (await self._stores.dispatchers.secrets(tx, dispatcher.id)).password_hash
        fits = await self._passwords.verify(stored, password)
        if dispatcher is None or stored is None or not fits or not dispatcher.is_active:
            return None
        if self._passwords.is_outdated(stored):
            await self._refresh(dispatcher, password)
        return dispatcher

    async def _refresh(self, dispatcher: Dispatcher, password: str) -> None:
        hashed = await self._passwords.hash(password)
        async with self._work.begin() as tx:
            await self._stores.dispatchers.set_password(tx, dispatcher.id, hashed)

    async def _passes_second(self, dispatcher: Dispatcher, code: str | None) -> bool:
        if not dispatcher.has_totp:
            return True
        async with self._work.begin() as tx:
            if await self._fits(tx, dispatcher.id, code or ""):
                return True
            return await self._stores.dispatchers.use_recovery(tx, dispatcher.id, digits_of(code or ""), self._clock.now())

    async def _fits(self, tx: Tx, id: DispatcherId, code: str) -> bool:
        secret = (await self._stores.dispatchers.secrets(tx, id)).totp
        step = None if secret is None else self._codes.step_of(secret, digits_of(code), self._clock.now())
        return step is not None and await self._stores.dispatchers.use_step(tx, id, step)

    async def _open_session(self, dispatcher: Dispatcher, user: str, address: str) -> LoggedIn:
        token, now = self._ids.new_token(TokenKind.SESSION), self._clock.now()
        session = Session(id=self._ids.new_id(), dispatcher_id=dispatcher.id, made_at=now, seen_at=now)
        async with self._work.begin() as tx:
            await self._stores.dispatchers.add_session(tx, session, token_hash(token))
            await self._stores.attempts.forget(tx, log_in_limits(user, address)[0].who)
        return LoggedIn(dispatcher, session, token)

    async def _store_password(self, dispatcher: Dispatcher, new: str) -> None:
        _must_be_sound(password_faults(new, dispatcher.user))
        hashed = await self._passwords.hash(new)
        async with self._work.begin() as tx:
            await self._stores.dispatchers.set_password(tx, dispatcher.id, hashed)
            await self._end_sessions(tx, dispatcher)

    async def _end_sessions(self, tx: Tx, dispatcher: Dispatcher, session_id: str | None = None) -> None:
        of = dispatcher.id if session_id is None else None
        for ended in await self._stores.dispatchers.end_sessions(tx, self._clock.now(), id=session_id, of=of):
            for site in sorted(dispatcher.sites):
                tx.after_commit(lambda site=site, ended=ended: self._pokes.poke(site, "session", ended))  # type: ignore[misc]

    async def _must_not_guess(self, user: str, address: str) -> None:
        now = self._clock.now()
        async with self._work.read() as tx:
            for limit in log_in_limits(user, address):
                must_not_exceed(limit, await self._stores.attempts.recent(tx, limit.who, now - ATTEMPTS_WINDOW), now)

    async def _note_failure(self, user: str, address: str) -> None:
        async with self._work.begin() as tx:
            for limit in log_in_limits(user, address):
                await self._stores.attempts.note(tx, limit.who, self._clock.now())

    async def _must_exist(self, tx: Tx, sites: frozenset[SiteId]) -> None:
        known = {site.id for site in await self._stores.sites.all(tx)}
        if missing := sorted(sites - known):
            raise NotFound(f"There is no site {missing[0]!r}. Check the site.")

    async def _reached(self, tx: Tx, caller: Caller, id: DispatcherId) -> Dispatcher:
        dispatcher = await self._stores.dispatchers.get(tx, id)
        if dispatcher is None or not dispatcher.sites <= caller.sites:
            raise NotFound("There is no such dispatcher, or she also watches sites that you do not own. Check the id.")
        return dispatcher

    async def _known(self, tx: Tx, id: DispatcherId) -> Dispatcher:
        dispatcher = await self._stores.dispatchers.get(tx, id)
        if dispatcher is None:
            raise NotSignedIn
        return dispatcher


def _her_id(caller: Caller) -> DispatcherId:
    if caller.dispatcher_id is None:
        raise NotSignedIn("This is for dispatchers. Log in at the console.")
    return caller.dispatcher_id


def _reach_faults(new: NewDispatcher) -> list[str]:
    found = [(new.sites, "Name at least one site."), (new.roles, "Name at least one role.")]
    return [sentence for is_fine, sentence in found if not is_fine]


def _must_be_sound(faults: list[str]) -> None:
    if faults:
        raise BadInput(" ".join(faults), faults=faults)
