"""Porchlight from another program: book visits, make customers' links, hear of what happens, watch a visit live.

`AsyncPorchlight` for programs with an event loop, `Porchlight` for those without; the same methods, the hub's own structs and errors.
`read_hook` checks and reads webhooks.
"""

from core.errors import (
    BadInput,
    Busy,
    Conflict,
    HubError,
    IllegalMove,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLarge,
    TooMany,
    Unavailable,
)
from core.ids import SiteId
from notifications.webhook import DeliveryState, EndpointState, Family
from porchlight_client.aiohttp_client import AsyncPorchlight
from porchlight_client.ask import Items, Page
from porchlight_client.hook import BadSignature, HookEvent, read_hook
from porchlight_client.problems import NoAnswer, StrangeAnswer
from porchlight_client.threaded_client import Porchlight
from porchlight_client.watching import Sight
from tracking.fares.quote import NoTariff, NotServed, StaleQuote
from tracking.fares.quote_bodies import PointBody, QuoteBody
from tracking.fares.tariff_terms import Mode
from visits.act_bodies import PersonBody, PlaceBody, VisitBody
from visits.link_rights import LinkHolder
from visits.refusal import NotAssignable
from visits.stage import Stage

__all__ = [
    "AsyncPorchlight",
    "BadInput",
    "BadSignature",
    "Busy",
    "Conflict",
    "DeliveryState",
    "EndpointState",
    "Family",
    "HookEvent",
    "HubError",
    "IllegalMove",
    "Items",
    "LinkHolder",
    "Mode",
    "NoAnswer",
    "NoTariff",
    "NotAllowed",
    "NotAssignable",
    "NotFound",
    "NotServed",
    "NotSignedIn",
    "Page",
    "PersonBody",
    "PlaceBody",
    "PointBody",
    "Porchlight",
    "QuoteBody",
    "Sight",
    "SiteId",
    "Stage",
    "StaleQuote",
    "StrangeAnswer",
    "TooLarge",
    "TooMany",
    "Unavailable",
    "VisitBody",
    "read_hook",
]
