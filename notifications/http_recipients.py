"""The people who are told, over HTTP: list, add, prove a number by a code, take out of use. Numbers in full for supervisors and owners
only.
"""

from datetime import datetime
from typing import Any

import msgspec

from core.caller import Caller, CallerKind, Role
from core.errors import BadInput, Conflict, NotAllowed, NotFound, TooMany
from core.http_endpoint import Call, Endpoint
from core.ids import RecipientId, SiteId
from notifications.recipient import Line, Recipient, RecipientKind
from notifications.recipients_flow import NewRecipient, RecipientsFlow


class RecipientIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to be told. `number` as typed; `country` (two letters) for one without +. `is_alarmed`: gets the site's alarms."""

    site_id: SiteId
    kind: RecipientKind
    owner_id: str
    name: str
    number: str | None = None
    country: str | None = None
    language: str = "zh-CN"
    carrier: str | None = None
    is_alarmed: bool = False


class CodeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The six digits that the person read."""

    code: str


class RecipientOut(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient; `number` is null for those who may not call it."""

    id: str
    site_id: str
    kind: RecipientKind
    owner_id: str
    name: str
    number: str | None
    number_masked: str
    country: str | None
    line: Line
    language: str
    carrier: str | None
    is_alarmed: bool
    verified_at: datetime | None
    stopped_at: datetime | None
    sms_failed_at: datetime | None


class RecipientList(msgspec.Struct, frozen=True):
    """Recipients of a site, oldest first."""

    items: list[RecipientOut]


class RecipientQuery(msgspec.Struct, frozen=True):
    """Which site, and in which role."""

    site_id: SiteId
    kind: RecipientKind | None = None


class _Doors:
    def __init__(self, flow: RecipientsFlow) -> None:
        self._flow = flow

    async def listed(self, call: Call) -> RecipientList:
        call.caller.must_reach(call.query.site_id)
        found = await self._flow.listed(call.query.site_id, call.query.kind)
        return RecipientList([_out(person, call.caller) for person in found])

    async def add(self, call: Call) -> RecipientOut:
        call.caller.must_reach(call.body.site_id)
        call.caller.must_be(Role.OWNER)
        wanted = NewRecipient(**{name: getattr(call.body, name) for name in RecipientIn.__struct_fields__})
        return _out(await self._flow.add_alone(wanted), call.caller)

    async def remove(self, call: Call) -> None:
        await self._flow.remove((await self._mine(call)).id)

    async def send_code(self, call: Call) -> None:
        await self._flow.send_code((await self._mine(call, Role.DISPATCHER)).id)

    async def prove(self, call: Call) -> RecipientOut:
        person = await self._mine(call, Role.DISPATCHER)
        return _out(await self._flow.prove(person.id, call.body.code), call.caller)

    async def _mine(self, call: Call, role: Role = Role.OWNER) -> Recipient:
        call.caller.must_be(role)
        person = await self._flow.get(RecipientId(call.path["recipient_id"]))
        if person.site_id not in call.caller.sites:
            raise NotFound("There is no such recipient. Check the id.")
        return person


def endpoints(flow: RecipientsFlow) -> list[Endpoint]:
    """Return the rows of this edge."""
    doors = _Doors(flow)
    every, one = "/v1/recipients", "/v1/recipients/{recipient_id}"
    common: dict[str, Any] = {
        "callers": frozenset({CallerKind.DISPATCHER}),
        "tag": "recipients",
        "errors": (BadInput, NotAllowed, NotFound, Conflict, TooMany),
    }
    return [
        Endpoint(
            method="GET", path=every, name="list_recipients", summary="List the people of a site who are told.", handler=doors.listed,
            query=RecipientQuery, response=RecipientList, **common,
        ),
        Endpoint(
            method="POST", path=every, name="add_recipient", summary="Add a person to be told.", handler=doors.add, request=RecipientIn,
            response=RecipientOut, status=201, **common,
        ),
        Endpoint(method="DELETE", path=one, name="remove_recipient", summary="Take a person out of use.", handler=doors.remove, **common),
        Endpoint(
            method="POST", path=one + "/code", name="send_recipient_code", summary="Send the proving code.", handler=doors.send_code,
            **common,
        ),
        Endpoint(
            method="POST", path=one + "/verify", name="verify_recipient", summary="Prove the number by its code.", handler=doors.prove,
            request=CodeIn, response=RecipientOut, **common,
        ),
    ]  # fmt: skip


def _out(person: Recipient, caller: Caller) -> RecipientOut:
    shown = {name: getattr(person, name) for name in RecipientOut.__struct_fields__ if name != "number"}
    may_call = caller.kind is CallerKind.DISPATCHER and bool(caller.roles & {Role.SUPERVISOR, Role.OWNER})
    return RecipientOut(number=person.number if may_call else None, **shown)
