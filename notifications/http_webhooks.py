"""Webhook endpoints over HTTP: register, list, rotate, switch, read the delivery log, replay. For owners and for API keys with the scope.

Incidents have a scope of their own: a key that books visits cannot subscribe to them.
"""

from typing import Any

import msgspec

from core.caller import Caller, CallerKind, Role, Scope
from core.errors import BadInput, Conflict, NotAllowed, NotFound
from core.http_endpoint import Call, Endpoint
from core.ids import SiteId
from notifications.webhook import Delivery, DeliveryState, Family
from notifications.webhook import Endpoint as Hook
from notifications.webhook_face import DeliveryList, DeliveryOut, HookIn, HookList, HookOut, HookState
from notifications.webhook_flow import WebhookFlow

WHO = frozenset({CallerKind.DISPATCHER, CallerKind.API})


class LogQuery(msgspec.Struct, frozen=True):
    """`state`: only these; `limit`: 1-500."""

    state: DeliveryState | None = None
    limit: int = 100


class _Doors:
    def __init__(self, flow: WebhookFlow) -> None:
        self._flow = flow

    async def add(self, call: Call) -> HookOut:
        _must_manage(call.caller, call.body.site_id, call.body.families)
        return _out(hook := await self._flow.add(call.body.site_id, call.body.url, call.body.families), hook.secrets[0])

    async def listed(self, call: Call) -> HookList:
        found = await self._flow.endpoints(call.caller.sites)
        return HookList([_out(hook) for hook in found if _may_manage(call.caller, hook)])

    async def read(self, call: Call) -> HookOut:
        return _out(await self._hook(call))

    async def switch(self, call: Call) -> HookOut:
        hook = await self._hook(call)
        return _out(await self._flow.switch(hook.id, call.body.state))

    async def rotate(self, call: Call) -> HookOut:
        hook = await self._flow.rotate((await self._hook(call)).id)
        return _out(hook, hook.secrets[0])

    async def log(self, call: Call) -> DeliveryList:
        if not 1 <= call.query.limit <= 500:
            raise BadInput("`limit` is 1 to 500.")
        found = await self._flow.log_of((await self._hook(call)).id, call.query.state, call.query.limit)
        return DeliveryList([_delivery(delivery) for delivery in found])

    async def replay(self, call: Call) -> DeliveryOut:
        return _delivery(await self._flow.replay((await self._hook(call)).id, call.path["delivery_id"]))

    async def _hook(self, call: Call) -> Hook:
        hook = await self._flow.endpoint(call.path["endpoint_id"])
        if not _may_manage(call.caller, hook):
            raise NotFound("There is no such webhook endpoint. Check the id.")
        return hook


def endpoints(flow: WebhookFlow) -> list[Endpoint]:
    """Return the rows of this edge."""
    doors = _Doors(flow)
    every, one = "/v1/webhooks", "/v1/webhooks/{endpoint_id}"
    common: dict[str, Any] = {"callers": WHO, "scope": Scope.WEBHOOKS_WRITE, "tag": "webhooks", "errors": (NotFound, NotAllowed)}
    return [
        Endpoint(
            method="POST", path=every, name="add_webhook", summary="Register an endpoint; its secret is shown once.", handler=doors.add,
            request=HookIn, response=HookOut, status=201, **common,
        ),
        Endpoint(
            method="GET", path=every, name="list_webhooks", summary="List endpoints.", handler=doors.listed, response=HookList, **common,
        ),
        Endpoint(method="GET", path=one, name="read_webhook", summary="Read an endpoint.", handler=doors.read, response=HookOut, **common),
        Endpoint(
            method="PATCH", path=one, name="switch_webhook", summary="Enable or disable an endpoint.", handler=doors.switch,
            request=HookState, response=HookOut, **common,
        ),
        Endpoint(
            method="POST", path=one + "/rotate", name="rotate_webhook_secret", summary="Make a new secret; both sign for a day.",
            handler=doors.rotate, response=HookOut, **common,
        ),
        Endpoint(
            method="GET", path=one + "/deliveries", name="list_webhook_deliveries", summary="Read the delivery log.", handler=doors.log,
            query=LogQuery, response=DeliveryList, **common,
        ),
        Endpoint(
            method="POST", path=one + "/deliveries/{delivery_id}/replay", name="replay_webhook_delivery",
            summary="Send a delivery once more.", handler=doors.replay, response=DeliveryOut, status=201,
            **(common | {"errors": (NotFound, NotAllowed, Conflict)}),
        ),
    ]  # fmt: skip


def _must_manage(caller: Caller, site_id: SiteId, families: tuple[Family, ...]) -> None:
    caller.must_reach(site_id)
    if caller.kind is CallerKind.DISPATCHER:
        caller.must_be(Role.OWNER)
    if Family.INCIDENT in families:
        caller.must_have(Scope.INCIDENTS_READ)


def _may_manage(caller: Caller, hook: Hook) -> bool:
    try:
        _must_manage(caller, hook.site_id, hook.families)
    except NotAllowed:
        return False
    return True


def _out(hook: Hook, secret: str | None = None) -> HookOut:
    shown = {name: getattr(hook, name) for name in HookOut.__struct_fields__ if name != "secret"}
    return HookOut(secret=secret, **shown)


def _delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(**{name: getattr(delivery, name) for name in DeliveryOut.__struct_fields__})
