"""What may be read of a customer's link, and what is asked to make one? The token is told once."""

from datetime import datetime
from typing import Annotated

import msgspec

from core.ids import LinkId, VisitId
from visits.link_rights import LinkHolder


class LinkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom the link is, and a label to know it by."""

    holder: LinkHolder = LinkHolder.CUSTOMER
    label: Annotated[str, msgspec.Meta(max_length=80)] = ""


class LinkFace(msgspec.Struct, frozen=True, kw_only=True):
    """A link; its address and token are in the answer that made it, and nowhere else."""

    id: LinkId
    visit_id: VisitId
    holder: LinkHolder
    label: str
    made_by: str
    made_at: datetime
    revoked_at: datetime | None


class NewLinkFace(LinkFace, frozen=True, kw_only=True):
    """A new link with its address, told this once."""

    url: str
    token: str


class LinkList(msgspec.Struct, frozen=True):
    """The links of a visit, revoked ones too, oldest first."""

    items: list[LinkFace]
