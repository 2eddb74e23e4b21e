"""The story of a technician and her phone: she is entered, gets a one-time code, her phone trades it for a token; a lost phone is revoked.

Called by `http_people` and the CLI. A token is told once. Revoking pokes, so that open sockets of that phone close at once.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.caller import Caller, CallerKind, Role
from core.clock import Clock
from core.errors import BadInput, NotAllowed, NotFound, NotSignedIn
from core.ids import DeviceId, IdSource, SiteId, TechnicianId, TokenKind, token_hash
from core.unit_of_work import Tx, UnitOfWork
from visits.act_rights import actor_of
from visits.attempt_limits import enrolment_limits, must_not_exceed
from visits.credential import ATTEMPTS_WINDOW, ENROLMENT_DIGITS, Enrolment, digits_of, grouped, is_enrolment_live
from visits.person import BlockedPair, Device, Technician
from visits.phone import phone_fault
from visits.ports import DeviceAlerts, Pokes, Stores
from visits.service import VerifiedLevel
from visits.site import is_phone
from visits.visit_stores import Look


class NewTechnician(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a new technician; `shown_name` None takes the first word of `name`."""

    name: str
    shown_name: str | None = None
    phone: str | None = None
    language: str | None = None
    verified_level: VerifiedLevel = VerifiedLevel.UNKNOWN


class EnrolledDevice(msgspec.Struct, frozen=True):
    """A new device and its token, which is told this once."""

    device: Device
    token: str


class PeopleFlow:
    """Technicians, their phones and blocked pairs."""

    def __init__(self, *, work: UnitOfWork, clock: Clock, ids: IdSource, stores: Stores, pokes: Pokes, alerts: DeviceAlerts) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._stores = stores
        self._pokes = pokes
        self._alerts = alerts

    async def enter(self, caller: Caller, site_id: SiteId, new: NewTechnician) -> Technician:
        """Enter a technician of a site. Raises `BadInput` for a faulty name or phone, `NotAllowed` without the right."""
        _must_manage(caller)
        technician = _technician(new, self._ids.new_id(), site_id, self._clock)
        _must_be_sound(technician)
        async with self._work.begin() as tx:
            await self._must_reach_site(tx, caller, site_id)
            await self._stores.technicians.add(tx, technician)
            self._poke(tx, technician)
        return technician

    async def change(self, caller: Caller, id: TechnicianId, **changes: Any) -> Technician:
        """Change fields of a technician; making her inactive revokes her phones."""
        _must_manage(caller)
        async with self._work.begin() as tx:
            technician = await self._technician(tx, caller, id)
            after = msgspec.structs.replace(technician, **changes, version=technician.version + 1)
            _must_be_sound(after)
            await self._stores.technicians.save(tx, after)
            if not after.is_active:
                await self._revoke_all(tx, after)
            self._poke(tx, after)
            return after

    async def offer_help(self, caller: Caller, *, is_willing: bool) -> Technician:
        """Say as the technician herself whether the desk may ask her to help a colleague; nobody says it for her."""
        if caller.technician_id is None:
            raise NotAllowed("Only she herself says whether she helps.")
        async with self._work.begin() as tx:
            technician = await self._technician(tx, caller, caller.technician_id)
            if technician.helps_colleagues is is_willing:
                return technician
            after = msgspec.structs.replace(technician, helps_colleagues=is_willing, version=technician.version + 1)
            await self._stores.technicians.save(tx, after)
            self._poke(tx, after)
        return after

    async def get(self, caller: Caller, id: TechnicianId) -> Technician:
        """Return a technician; a look of desk or platform is noted. Raises `NotFound` for one of another site."""
        async with self._work.begin() as tx:
            technician = await self._technician(tx, caller, id)
            if caller.kind is not CallerKind.DEVICE:
                await self._stores.looks.note(tx, self._look(caller, technician))
            return technician

    async def known(self, id: TechnicianId) -> Technician | None:
        """Return a technician as she is, for the packages above."""
        async with self._work.read() as tx:
            return await self._stores.technicians.get(tx, id)

    async def offer_enrolment(self, caller: Caller, id: TechnicianId) -> str:
        """Return a fresh one-time code for one phone of hers, in groups for reading; earlier unused codes are void."""
        _must_manage(caller)
        code = self._ids.new_digits(ENROLMENT_DIGITS)
        async with self._work.begin() as tx:
            technician = await self._technician(tx, caller, id)
            if not technician.is_active:
                raise BadInput("She is not active. Activate her first.")
            offer = Enrolment(id=self._ids.new_id(), site_id=technician.site_id, technician_id=id, made_at=self._clock.now())
            await self._stores.devices.offer(tx, offer, code)
        return grouped(code)

    async def enrol(self, typed_code: str, label: str, platform: str, address: str) -> EnrolledDevice:
        """Trade a one-time code for a device and its token; older phones and the desk are told.

        Raises `NotSignedIn` for a code that does not count, whatever the reason, and `TooMany` after too many wrong ones from `address`.
        """
        token = self._ids.new_token(TokenKind.DEVICE)
        async with self._work.begin() as tx:
            await self._must_not_guess(tx, address)
            technician = await self._take_offer(tx, typed_code)
            if technician is None:
                await self._note_guess(tx, address)
                device = None
            else:
                device = await self._add_device(tx, technician, label, platform, token)
        if device is None:
            raise NotSignedIn("This code does not count: it is mistyped, used or too old. Ask the desk for a new one.")
        return EnrolledDevice(device, token)

    async def devices(self, caller: Caller, id: TechnicianId) -> Sequence[Device]:
        """Return her phones, revoked ones too, oldest first."""
        async with self._work.read() as tx:
            await self._technician(tx, caller, id)
            return await self._stores.devices.of_technician(tx, id)

    async def revoke_device(self, caller: Caller, device_id: DeviceId) -> None:
        """End a phone's token at once; its sockets close. A technician may revoke her own. Revoking twice is fine."""
        async with self._work.begin() as tx:
            device = await self._stores.devices.get(tx, device_id)
            if device is None or device.site_id not in caller.sites or not _is_own_or_desk(caller, device):
                raise NotFound("There is no such device, or it is not yours to see. Check the id.")
            await self._revoke(tx, device)

    async def block(self, caller: Caller, id: TechnicianId, customer_phone: str, reason: str) -> BlockedPair:
        """Note that she and this customer must not meet again. Raises `BadInput` without a reason or with a faulty phone."""
        if not is_phone(customer_phone) or not reason.strip():
            raise BadInput("Give customer_phone as +491701234567 and a reason; the reason stays with the desk.")
        async with self._work.begin() as tx:
            technician = await self._technician(tx, caller, id)
            pair = BlockedPair(
                id=self._ids.new_id(),
                site_id=technician.site_id,
                technician_id=id,
                customer_key=self._stores.technicians.customer_key(customer_phone),
                reason=reason,
                made_by=actor_of(caller),
                made_at=self._clock.now(),
            )
            await self._stores.technicians.block(tx, pair)
            return (await self._stores.technicians.blocked(tx, id, pair.customer_key))[0]

    async def blocked(self, caller: Caller, id: TechnicianId) -> Sequence[BlockedPair]:
        """Return her blocked pairs; customers appear as digests only."""
        async with self._work.read() as tx:
            await self._technician(tx, caller, id)
            return await self._stores.technicians.blocked(tx, id)

    async def unblock(self, caller: Caller, id: TechnicianId, pair_id: str) -> None:
        """Forget a blocked pair, as a supervisor. Raises `NotFound` when there is none."""
        caller.must_be(Role.SUPERVISOR)
        async with self._work.begin() as tx:
            await self._technician(tx, caller, id)
            if not await self._stores.technicians.unblock(tx, id, pair_id):
                raise NotFound("There is no such blocked pair of hers. Check the id.")

    async def _take_offer(self, tx: Tx, typed_code: str) -> Technician | None:
        now = self._clock.now()
        offer = await self._stores.devices.take_offer(tx, digits_of(typed_code), now)
        if offer is None or not is_enrolment_live(offer, now):
            return None
        technician = await self._stores.technicians.get(tx, offer.technician_id)
        return technician if technician is not None and technician.is_active else None

    async def _add_device(self, tx: Tx, technician: Technician, label: str, platform: str, token: str) -> Device:
        older = [device for device in await self._stores.devices.of_technician(tx, technician.id) if device.revoked_at is None]
        device = Device(
            id=DeviceId(self._ids.new_id()),
            device_no=await self._stores.devices.next_no(tx),
            site_id=technician.site_id,
            technician_id=technician.id,
            label=label,
            platform=platform,
            enrolled_at=self._clock.now(),
        )
        await self._stores.devices.add(tx, device, token_hash(token))
        await self._alerts.device_enrolled(tx, technician, device, older)
        tx.after_commit(lambda: self._pokes.poke(device.site_id, "device", device.id))
        return device

    async def _revoke_all(self, tx: Tx, technician: Technician) -> None:
        for device in await self._stores.devices.of_technician(tx, technician.id):
            await self._revoke(tx, device)

    async def _revoke(self, tx: Tx, device: Device) -> None:
        if await self._stores.devices.revoke(tx, device.id, self._clock.now()):
            tx.after_commit(lambda: self._pokes.poke(device.site_id, "device", device.id))

    async def _must_not_guess(self, tx: Tx, address: str) -> None:
        now = self._clock.now()
        for limit in enrolment_limits(address):
            must_not_exceed(limit, await self._stores.attempts.recent(tx, limit.who, now - ATTEMPTS_WINDOW), now)

    async def _note_guess(self, tx: Tx, address: str) -> None:
        for limit in enrolment_limits(address):
            await self._stores.attempts.note(tx, limit.who, self._clock.now())

    async def _technician(self, tx: Tx, caller: Caller, id: TechnicianId) -> Technician:
        technician = await self._stores.technicians.get(tx, id)
        if technician is None or technician.site_id not in caller.sites:
            raise NotFound("There is no such technician, or she is not yours to see. Check the id.")
        return technician

    async def _must_reach_site(self, tx: Tx, caller: Caller, site_id: SiteId) -> None:
        if site_id not in caller.sites or await self._stores.sites.get(tx, site_id) is None:
            raise NotFound(f"There is no site {site_id!r} that this credential reaches. Check the site.")

    def _look(self, caller: Caller, technician: Technician) -> Look:
        return Look(
            id=self._ids.new_id(),
            site_id=technician.site_id,
            looker=actor_of(caller),
            what="technician",
            subject=technician.id,
            at=self._clock.now(),
        )

    def _poke(self, tx: Tx, technician: Technician) -> None:
        tx.after_commit(lambda: self._pokes.poke(technician.site_id, "technician", technician.id))


def _must_manage(caller: Caller) -> None:
    # An integrator's key is judged by its scope at the edge; at the desk it takes a supervisor.
    if caller.kind is CallerKind.DISPATCHER:
        caller.must_be(Role.SUPERVISOR)
    elif caller.kind is not CallerKind.API:
        raise NotAllowed("Only the desk or the platform manages people.")


def _is_own_or_desk(caller: Caller, device: Device) -> bool:
    return caller.kind is not CallerKind.DEVICE or caller.technician_id == device.technician_id


def _technician(new: NewTechnician, id: str, site_id: SiteId, clock: Clock) -> Technician:
    return Technician(
        id=TechnicianId(id),
        site_id=site_id,
        name=new.name.strip(),
        shown_name=(new.shown_name or new.name.strip().split(" ")[0]).strip(),
        phone=new.phone,
        language=new.language,
        verified_level=new.verified_level,
        created_at=clock.now(),
    )


def _must_be_sound(technician: Technician) -> None:
    if not technician.name or not technician.shown_name:
        raise BadInput("Her name is empty; give at least a first name.")
    if (fault := phone_fault(technician.phone)) is not None:
        raise BadInput(fault)
