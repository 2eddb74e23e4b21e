"""The domestic gateway's doors: receipts, keys pressed in calls, texts from people. Signed the Standard Webhooks way, or refused.

Every door answers only after what it heard is committed; any failure is a 5xx, which the adapter repeats.
"""

import contextlib
from typing import Any, TypeVar

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.errors import NotAllowed
from core.http_endpoint import Call, Endpoint, decode_body
from core.ids import NoticeId
from notifications.gateway import (
    KEYS_PATH,
    RECEIPTS_PATH,
    TEXTS_PATH,
    GatewayConfig,
    GatewayKeys,
    GatewayReceipt,
    GatewaySaid,
    GatewayText,
    TextAnswer,
)
from notifications.inbound_flow import InboundFlow, Step
from notifications.letters import VOICE_WORDS
from notifications.receipts_flow import ReceiptsFlow, Report
from notifications.recipient import numbered
from notifications.templates import Templates

MAX_BODY_BYTES = 16 * 1024
T = TypeVar("T")


class _Doors:
    def __init__(self, config: GatewayConfig | None, receipts: ReceiptsFlow, inbound: InboundFlow, templates: Templates) -> None:
        self._config = config
        self._receipts = receipts
        self._inbound = inbound
        self._templates = templates

    async def receipt(self, call: Call) -> None:
        said = self._genuine(call, GatewayReceipt)
        await self._receipts.apply(
            Report(
                receipt=said.receipt,
                provider_id=f"GW-{said.id}:{said.attempt}",
                notice_id=NoticeId(said.id),
                attempt=said.attempt,
                error=said.error,
                code=said.code,
            )
        )

    async def keys(self, call: Call) -> GatewaySaid:
        said = self._genuine(call, GatewayKeys)
        step = Step(said.step) if said.step in list(Step) else Step.ASKED
        spoken = await self._inbound.pressed(NoticeId(said.id), step, said.digit)
        words = self._templates.word(VOICE_WORDS[spoken.said], spoken.language, code=" ".join(spoken.code))
        return GatewaySaid(spoken.said, words, spoken.code)

    async def text(self, call: Call) -> TextAnswer:
        said = self._genuine(call, GatewayText)
        return TextAnswer(await self._inbound.texted(numbered(said.sender, "CN").e164, said.text, f"GW-{said.id}", "gateway"))

    def _genuine(self, call: Call, wanted: type[T]) -> T:
        """Return the decoded body of a request that the adapter signed within five minutes; raises `NotAllowed` for every other."""
        headers = dict(call.request.headers)
        for secret in self._config.secrets if self._config is not None else ():
            with contextlib.suppress(WebhookVerificationError, ValueError, UnicodeDecodeError):
                Webhook(secret).verify(call.raw, headers, json_parse=False)
                found: T = decode_body(call.raw, wanted)
                return found
        raise NotAllowed("This request carries no valid signature of the configured gateway. Check the secret and both clocks.")


def endpoints(config: GatewayConfig | None, receipts: ReceiptsFlow, inbound: InboundFlow, templates: Templates) -> list[Endpoint]:
    """Return the gateway's doors. Without a gateway they exist and refuse everything."""
    doors = _Doors(config, receipts, inbound, templates)
    common: dict[str, Any] = {
        "method": "POST",
        "raw_body": True,
        "max_body_bytes": MAX_BODY_BYTES,
        "tag": "carriers",
        "errors": (NotAllowed,),
    }
    return [
        Endpoint(
            path=RECEIPTS_PATH, name="gateway_receipt", summary="Take a receipt.", handler=doors.receipt, request=GatewayReceipt, **common,
        ),
        Endpoint(
            path=KEYS_PATH, name="gateway_keys", summary="Take a key pressed in a call.", handler=doors.keys, request=GatewayKeys,
            response=GatewaySaid, **common,
        ),
        Endpoint(
            path=TEXTS_PATH, name="gateway_text", summary="Take a text that a person sent.", handler=doors.text, request=GatewayText,
            response=TextAnswer, **common,
        ),
    ]  # fmt: skip
