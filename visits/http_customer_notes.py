"""Notes on customers over HTTP: the desk writes and withdraws them, the desk and whoever is sent there read them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from core.caller import CallerKind
from core.errors import BadInput, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId, VisitId
from visits.customer_note import MAX_CHARS, NoteFace, RiskKind, for_desk
from visits.customer_note_flow import CustomerNoteFlow

Words = Annotated[str, Meta(max_length=MAX_CHARS)]


class NoteBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note on the customer of `visit_id`, or on `customer_phone` at `site_id`. `note` stays with the desk, `told` is read by her."""

    kinds: list[RiskKind]
    note: Words
    told: Words | None = None
    visit_id: VisitId | None = None
    site_id: SiteId | None = None
    customer_phone: Annotated[str, Meta(max_length=20)] | None = None


class WithdrawBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the note no longer holds."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class Notes(msgspec.Struct, frozen=True):
    """The notes in force, newest first."""

    items: list[NoteFace]


def endpoints(notes: CustomerNoteFlow) -> list[Endpoint]:
    """Return the rows of this edge."""

    async def write(call: Call) -> NoteFace:
        body: NoteBody = call.body
        made = await notes.write(
            call.caller, body.kinds, body.note, body.told, visit_id=body.visit_id, site_id=body.site_id, customer_phone=body.customer_phone
        )
        return for_desk(made)

    async def read(call: Call) -> Notes:
        return Notes(list(await notes.of_visit(call.caller, VisitId(call.path["visit_id"]))))

    async def withdraw(call: Call) -> None:
        await notes.withdraw(call.caller, call.path["note_id"], call.body.reason)

    desk = frozenset({CallerKind.DISPATCHER})
    common: dict[str, Any] = {"tag": "customer notes", "errors": (BadInput, NotAllowed, NotFound)}
    return [
        Endpoint(
            method="POST", path="/v1/customer-notes", name="write_customer_note", callers=desk, handler=write, request=NoteBody,
            summary="Write what whoever goes to this customer next should know.", response=NoteFace, status=201, **common,
        ),
        Endpoint(
            method="GET", path="/v1/visits/{visit_id}/customer-notes", name="customer_notes", callers=desk | {CallerKind.DEVICE},
            summary="Read the notes on a visit's customer; the technician reads what was written for her.", handler=read, response=Notes,
            **common,
        ),
        Endpoint(
            method="POST", path="/v1/customer-notes/{note_id}/withdraw", name="withdraw_customer_note", callers=desk, handler=withdraw,
            summary="Take a note out of force, as a supervisor and with a reason.", request=WithdrawBody, **common,
        ),
    ]  # fmt: skip
