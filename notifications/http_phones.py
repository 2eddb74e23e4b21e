"""The phones page of the demo as JSON: which texts and calls lie on which phones, and what a person does with them.

Exists only where the demo carries the notices: nobody's real phone is here, so nobody is asked for a credential.
"""

from typing import Any

import msgspec

from core.errors import BadInput, Conflict, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import RecipientId
from notifications.phone_item import PhoneItem
from notifications.phones_flow import Phone, PhonesFlow

MAX_REPLY_CHARS = 1600


class ItemOut(msgspec.Struct, frozen=True, kw_only=True):
    """A text or call: `kind` text | call, `state` as in `PhoneState`, `body` what it says at present."""

    id: str
    kind: str
    state: str
    body: str
    language: str
    at_ms: int


class PhoneOut(msgspec.Struct, frozen=True, kw_only=True):
    """A phone; `items` newest first."""

    recipient_id: str
    name: str
    number_masked: str
    items: list[ItemOut]


class PhonesOut(msgspec.Struct, frozen=True):
    """Every phone that got something."""

    phones: list[PhoneOut]


class KeyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key: 0-9, * or #."""

    digit: str


class TextIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words texted to the hub."""

    text: str


class TextOut(msgspec.Struct, frozen=True):
    """The hub's answer, null for silence."""

    reply: str | None


class _Doors:
    def __init__(self, phones: PhonesFlow) -> None:
        self._phones = phones

    async def all(self, call: Call) -> PhonesOut:
        return PhonesOut([_phone(phone) for phone in await self._phones.all()])

    async def pick_up(self, call: Call) -> ItemOut:
        return _item(await self._phones.pick_up(call.path["item_id"]))

    async def press(self, call: Call) -> ItemOut:
        if len(call.body.digit) != 1 or call.body.digit not in "0123456789*#":
            raise BadInput("`digit` is one key: 0-9, * or #.")
        return _item(await self._phones.press(call.path["item_id"], call.body.digit))

    async def hang_up(self, call: Call) -> ItemOut:
        return _item(await self._phones.hang_up(call.path["item_id"]))

    async def text_back(self, call: Call) -> TextOut:
        if len(call.body.text) > MAX_REPLY_CHARS:
            raise BadInput(f"A text holds at most {MAX_REPLY_CHARS} characters.")
        return TextOut(await self._phones.text_back(RecipientId(call.path["recipient_id"]), call.body.text))


def endpoints(phones: PhonesFlow) -> list[Endpoint]:
    """Return the rows of the phones page; give them to the hub only in the demo."""
    doors = _Doors(phones)
    item = "/v1/demo/phones/items/{item_id}"
    rows: list[dict[str, Any]] = [
        {"method": "GET", "path": "/v1/demo/phones", "name": "demo_phones", "summary": "List the demo's phones with their texts and calls.",
         "handler": doors.all, "response": PhonesOut},
        {"method": "POST", "path": f"{item}/answer", "name": "demo_phone_answer", "summary": "Pick up a ringing call.",
         "handler": doors.pick_up, "response": ItemOut, "errors": (NotFound, Conflict)},
        {"method": "POST", "path": f"{item}/press", "name": "demo_phone_press", "summary": "Press a key during a call.",
         "handler": doors.press, "request": KeyIn, "response": ItemOut, "errors": (NotFound, Conflict)},
        {"method": "POST", "path": f"{item}/hang_up", "name": "demo_phone_hang_up", "summary": "End a call or let it ring in vain.",
         "handler": doors.hang_up, "response": ItemOut, "errors": (NotFound,)},
        {"method": "POST", "path": "/v1/demo/phones/{recipient_id}/text", "name": "demo_phone_text",
         "summary": "Text from a phone to the hub.",
         "handler": doors.text_back, "request": TextIn, "response": TextOut, "errors": (NotFound,)},
    ]
    return [Endpoint(tag="demo", **row) for row in rows]


def _phone(phone: Phone) -> PhoneOut:
    items = [_item(item) for item in phone.items]
    return PhoneOut(recipient_id=phone.recipient_id, name=phone.name, number_masked=phone.number_masked, items=items)


def _item(item: PhoneItem) -> ItemOut:
    at_ms = round(item.at.timestamp() * 1000)
    return ItemOut(id=item.id, kind=item.kind, state=item.state, body=item.body, language=item.language, at_ms=at_ms)
