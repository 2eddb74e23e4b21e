"""What does a request about a price carry, and what is told of an agreed one?"""

from datetime import datetime
from typing import Annotated

import msgspec

from core.errors import BadInput
from core.geo import LatLon
from tracking.fares.faces import QuoteFace, Words
from tracking.fares.tariff_terms import Mode

Count = Annotated[int, msgspec.Meta(ge=0, le=100)]


class PointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A position, degrees WGS-84."""

    lat: float
    lon: float

    def checked(self) -> LatLon:
        """Return the position; raises `BadInput` when it is none on this planet."""
        try:
            return LatLon.checked(self.lat, self.lon)
        except ValueError as error:
            raise BadInput(str(error)) from None


class QuoteBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked. `depart_at`: when she sets out; `planned_end_at`: when she starts back; `carries`: such as {"luggage": 2}."""

    site_id: str
    from_: PointBody = msgspec.field(name="from")
    to: PointBody
    mode: Mode
    depart_at: datetime
    appointment_at: datetime | None = None
    planned_end_at: datetime | None = None
    carries: dict[str, Count] = {}
    visit_id: str | None = None


class AcceptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of the quote that is accepted."""

    token: Annotated[str, msgspec.Meta(max_length=400)]


class RequoteBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the visit's present technician starts."""

    from_: PointBody = msgspec.field(name="from")


class FareFace(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed: the customer pays at most `accepted_minor` for the way; `quote` is the one in force."""

    visit_id: str
    accepted_minor: int
    accepted: Words
    accepted_at: datetime
    currency: str
    billing: str
    quote: QuoteFace
