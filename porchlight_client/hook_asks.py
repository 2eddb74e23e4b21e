"""What can be asked about webhook endpoints and their deliveries? Each function returns one request."""

from collections.abc import Iterable

import msgspec

from core.ids import SiteId
from notifications.webhook import DeliveryState, EndpointState, Family
from notifications.webhook_face import DeliveryOut, HookIn, HookOut, HookState
from porchlight_client.ask import Ask, Items, Repeat, at, doing, reading

_EVERY, _ONE = "/v1/webhooks", "/v1/webhooks/{hook}"


def add_hook(site_id: SiteId | str, url: str, families: Iterable[Family]) -> Ask[HookOut]:
    """Register an endpoint; its `secret` is told this once. `incident` goes alone, and needs the scope incidents:read."""
    return doing(_EVERY, HookOut, HookIn(site_id=SiteId(site_id), url=url, families=tuple(families)))


def list_hooks() -> Ask[Items[HookOut]]:
    """List endpoints, oldest first."""
    return reading(_EVERY, Items[HookOut])


def read_hook(hook_id: str) -> Ask[HookOut]:
    """Read one endpoint: whether it is active, and why not."""
    return reading(at(_ONE, hook=hook_id), HookOut)


def switch_hook(hook_id: str, state: EndpointState) -> Ask[HookOut]:
    """Enable or disable an endpoint."""
    body = msgspec.json.encode(HookState(state))
    return Ask(method="PATCH", path=at(_ONE, hook=hook_id), answer=HookOut, body=body, repeat=Repeat.ALWAYS)


def rotate_secret(hook_id: str) -> Ask[HookOut]:
    """Make a new `secret`, told this once; the old one signs beside it for a day."""
    return doing(at(_ONE + "/rotate", hook=hook_id), HookOut)


def list_deliveries(hook_id: str, *, state: DeliveryState | None = None, limit: int = 100) -> Ask[Items[DeliveryOut]]:
    """Read the delivery log, newest first; `limit` 1 to 500."""
    return reading(at(_ONE + "/deliveries", hook=hook_id), Items[DeliveryOut], state=state, limit=limit)


def replay(hook_id: str, delivery_id: str) -> Ask[DeliveryOut]:
    """Send a delivery once more, as a new one."""
    return doing(at(_ONE + "/deliveries/{delivery}/replay", hook=hook_id, delivery=delivery_id), DeliveryOut)
