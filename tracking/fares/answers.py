"""What is answered when somebody asks for the receipts of a visit, or for its fare so far?"""

from typing import Any

import msgspec

from tracking.fares.faces import LiveFace

POLL_S = 10
"""How often a page asks again, seconds."""


class ReceiptsFace(msgspec.Struct, frozen=True, kw_only=True):
    """The newest receipt and all that it amends, oldest first, as this reader may see them; `receipt` None before settlement."""

    visit_id: str
    receipt: dict[str, Any] | None
    all: list[dict[str, Any]]


class LiveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The provisional fare, None before departing, after the visit is closed, and where the site does not show it to customers."""

    visit_id: str
    live: LiveFace | None
    poll_s: int = POLL_S
