"""Her own safety over HTTP: signs of life, answers, more time, emergency contacts. All of it with the phone's own credential."""

from typing import Annotated

import msgspec
from msgspec import Meta

from core.caller import CallerKind
from core.clock import from_ms
from core.errors import BadInput, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import VisitId
from safety.contacts_flow import ContactsFlow, ShownContact
from safety.pin_turn_flow import PinBusy
from safety.question_flow import Answered, PinNeeded, QuestionFlow
from safety.watch_flow import WatchFlow

_LAST_MS = 253_402_300_799_999
_ID = Annotated[str, Meta(min_length=1, max_length=36)]


class CheckInBody(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of life. `id`: the phone's own, so that a retry changes nothing; `device_at_ms`: when she gave it, for those sent late."""

    id: _ID
    visit_id: _ID
    device_at_ms: Annotated[int, Meta(ge=0, le=_LAST_MS)]


class AnswerBody(msgspec.Struct, frozen=True):
    """The answer to a question: all is well, or not. `pin` in service."""

    ok: bool
    pin: Annotated[str, Meta(max_length=16)] | None = None


class ExtendBody(msgspec.Struct, frozen=True):
    """So many minutes more for the service, with her PIN."""

    visit_id: _ID
    minutes: int
    pin: Annotated[str, Meta(max_length=16)]


class ContactBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to tell. `shares_place`: whether he may learn where she is."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    number: Annotated[str, Meta(min_length=3, max_length=40)]
    language: str = "en"
    shares_place: bool = True


class MadeContact(msgspec.Struct, frozen=True):
    """The new contact's id."""

    id: str


class ShownContacts(msgspec.Struct, frozen=True):
    """Her contacts, oldest first."""

    items: list[ShownContact]


def endpoints(watch: WatchFlow, questions: QuestionFlow, contacts: ContactsFlow) -> list[Endpoint]:
    """Return the rows of a technician's own safety."""

    async def check_in(call: Call) -> None:
        body = call.body
        await watch.check_in(call.caller, VisitId(body.visit_id), body.id, from_ms(body.device_at_ms))

    async def answer(call: Call) -> Answered:
        return await questions.answer(call.caller, is_ok=call.body.ok, pin=call.body.pin)

    async def extend(call: Call) -> Answered:
        return await questions.extend(call.caller, VisitId(call.body.visit_id), call.body.minutes, call.body.pin)

    async def list_contacts(call: Call) -> ShownContacts:
        return ShownContacts(list(await contacts.mine(call.caller)))

    async def add_contact(call: Call) -> MadeContact:
        body = call.body
        return MadeContact(await contacts.add(call.caller, body.name, body.number, body.language, shares_place=body.shares_place))

    async def confirm_contact(call: Call) -> None:
        await contacts.confirm(call.caller, call.path["contact_id"])

    async def remove_contact(call: Call) -> None:
        await contacts.remove(call.caller, call.path["contact_id"])

    hers = frozenset({CallerKind.DEVICE})
    rows = [
        ("POST", "/v1/me/check-ins", "check_in", "Give a sign of life; a late one counts only for what it lies after.", check_in,
         CheckInBody, None, (NotFound,)),
        ("POST", "/v1/me/answers", "answer", "Answer whether all is in order.", answer, AnswerBody, Answered, (PinNeeded, PinBusy)),
        ("POST", "/v1/me/extensions", "extend_with_pin", "Lengthen the service, with the PIN.", extend, ExtendBody, Answered,
         (NotFound, PinBusy)),
        ("GET", "/v1/me/contacts", "my_contacts", "List one's emergency contacts.", list_contacts, None, ShownContacts, ()),
        ("POST", "/v1/me/contacts", "add_contact", "Name an emergency contact; it counts after a day.", add_contact, ContactBody,
         MadeContact, (BadInput,)),
        ("POST", "/v1/me/contacts/{contact_id}/confirm", "confirm_contact", "Confirm a contact for 90 days more.", confirm_contact, None,
         None, (NotFound,)),
        ("DELETE", "/v1/me/contacts/{contact_id}", "remove_contact", "Remove a contact; it counts after a day.", remove_contact, None,
         None, (NotFound,)),
    ]  # fmt: skip
    return [
        Endpoint(
            method=method, path=path, name=name, summary=summary, handler=handler, request=request, response=response, callers=hers,
            tag="my safety", errors=errors,
        )
        for method, path, name, summary, handler, request, response, errors in rows
    ]  # fmt: skip
