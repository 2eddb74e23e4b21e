"""Which part of a long list? Cursor paging: opaque text that names the last item told."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from core.errors import BadInput
from visits.visit_stores import Page

MAX_LIMIT = 200


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`cursor`: the `next_cursor` of the page before, none for the first; `limit`: 1 to 200 items."""

    cursor: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)] = 50


class HasId(Protocol):
    """An item of a list."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


def page_of(cursor: str | None, limit: int) -> Page:
    """Return the part that a query names; raises `BadInput` for a cursor that no page gave."""
    if cursor is None:
        return Page(limit=limit)
    try:
        return Page(after=base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode("ascii"), limit=limit)
    except (binascii.Error, UnicodeError):
        raise BadInput("The cursor is not one that a page gave. Start without a cursor.") from None


def next_cursor(items: Sequence[HasId], limit: int) -> str | None:
    """Return the cursor of the next page, None when this one was not full."""
    return cursor_after(items[-1].id) if len(items) == limit else None


def cursor_after(id: str) -> str:
    """Return the cursor that goes on after the item `id`."""
    return base64.urlsafe_b64encode(id.encode()).decode()
