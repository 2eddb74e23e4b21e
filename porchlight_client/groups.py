"""What does a client offer? Requests by what they are about, once for both clients."""

from porchlight_client import fare_asks, help_asks, hook_asks, people_asks, visit_asks
from porchlight_client.offered import AsyncGroup, AsyncRuns, BlockingGroup, BlockingRuns, Listed, Offered


class VisitRows:
    """Visits: book, read, list, assign, extend, cancel."""

    book = Offered(visit_asks.book)
    read = Offered(visit_asks.read)
    page = Offered(visit_asks.list_visits)
    list = Listed(visit_asks.list_visits)
    assign = Offered(visit_asks.assign)
    reassign = Offered(visit_asks.reassign)
    extend = Offered(visit_asks.extend)
    cancel = Offered(visit_asks.cancel)


class LinkRows:
    """Customers' links of a visit."""

    make = Offered(visit_asks.make_link)
    list = Offered(visit_asks.list_links)
    revoke = Offered(visit_asks.revoke_link)


class FareRows:
    """Quotes, agreed fares and receipts."""

    quote = Offered(fare_asks.ask_quote)
    accept = Offered(fare_asks.accept)
    read = Offered(fare_asks.read_fare)
    requote = Offered(fare_asks.requote)
    live = Offered(fare_asks.read_live)
    receipt = Offered(fare_asks.read_receipt)
    settle = Offered(fare_asks.settle)


class TechnicianRows:
    """Technicians: list, read, who is near."""

    page = Offered(people_asks.list_technicians)
    list = Listed(people_asks.list_technicians)
    read = Offered(people_asks.read_technician)
    nearby = Offered(people_asks.nearby)


class ShiftRows:
    """Shifts, read only."""

    page = Offered(people_asks.list_shifts)
    list = Listed(people_asks.list_shifts)


class WebhookRows:
    """Webhook endpoints, their secrets, their deliveries."""

    add = Offered(hook_asks.add_hook)
    list = Offered(hook_asks.list_hooks)
    read = Offered(hook_asks.read_hook)
    switch = Offered(hook_asks.switch_hook)
    rotate = Offered(hook_asks.rotate_secret)
    deliveries = Offered(hook_asks.list_deliveries)
    replay = Offered(hook_asks.replay)


class HelpRows:
    """Calling for help on somebody's behalf, and reading incidents."""

    press = Offered(help_asks.press)
    incidents = Offered(help_asks.open_incidents)
    incident = Offered(help_asks.read_incident)


class AsyncVisits(VisitRows, AsyncGroup):
    """See `VisitRows`."""


class AsyncLinks(LinkRows, AsyncGroup):
    """See `LinkRows`."""


class AsyncFares(FareRows, AsyncGroup):
    """See `FareRows`."""


class AsyncTechnicians(TechnicianRows, AsyncGroup):
    """See `TechnicianRows`."""


class AsyncShifts(ShiftRows, AsyncGroup):
    """See `ShiftRows`."""


class AsyncWebhooks(WebhookRows, AsyncGroup):
    """See `WebhookRows`."""


class AsyncHelp(HelpRows, AsyncGroup):
    """See `HelpRows`."""


class Visits(VisitRows, BlockingGroup):
    """See `VisitRows`."""


class Links(LinkRows, BlockingGroup):
    """See `LinkRows`."""


class Fares(FareRows, BlockingGroup):
    """See `FareRows`."""


class Technicians(TechnicianRows, BlockingGroup):
    """See `TechnicianRows`."""


class Shifts(ShiftRows, BlockingGroup):
    """See `ShiftRows`."""


class Webhooks(WebhookRows, BlockingGroup):
    """See `WebhookRows`."""


class Help(HelpRows, BlockingGroup):
    """See `HelpRows`."""


class AsyncHub:
    """Everything that is offered, awaited."""

    def __init__(self, runs: AsyncRuns) -> None:
        self.visits = AsyncVisits(runs)
        self.links = AsyncLinks(runs)
        self.fares = AsyncFares(runs)
        self.technicians = AsyncTechnicians(runs)
        self.shifts = AsyncShifts(runs)
        self.webhooks = AsyncWebhooks(runs)
        self.help = AsyncHelp(runs)


class BlockingHub:
    """Everything that is offered, blocking."""

    def __init__(self, runs: BlockingRuns) -> None:
        self.visits = Visits(runs)
        self.links = Links(runs)
        self.fares = Fares(runs)
        self.technicians = Technicians(runs)
        self.shifts = Shifts(runs)
        self.webhooks = Webhooks(runs)
        self.help = Help(runs)
