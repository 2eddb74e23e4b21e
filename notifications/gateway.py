"""What does the house ask of a domestic provider, and what may it answer? The wire of the HTTP gateway.

Providers in mainland China differ in names only: a registered template id with variables for texts and calls, a receipt, keys pressed. A
small adapter on the operator's side speaks this wire and theirs. Requests are signed the Standard Webhooks way, in both directions.

Request (POST `url`/sms or `url`/voice): `{"id", "attempt", "to", "template", "variables", "text", "language", "code", "wants_ack", "lane",
"valid_for_s"}`. Answer: 2xx `{"provider_id"}`; 4xx/5xx `{"error", "detail"}` with `error` one of `ErrorClass`. The pair (id, attempt) is an
idempotency key. Look-up: GET `url`/letters/ID/ATTEMPT -> 200 `{"provider_id", "receipt"}` or 404. Callbacks to the hub:
`/in/gateway/receipts` `{"id", "attempt", "receipt", "error"?, "code"?}` and `/in/gateway/keys` `{"id", "step", "digit"}` -> `{"said",
"code"}`.
"""

import msgspec

from notifications.carrier import Letter, Outcome
from notifications.delivery import Receipt
from notifications.error_class import ErrorClass
from notifications.notice import Channel

RECEIPTS_PATH = "/in/gateway/receipts"
KEYS_PATH = "/in/gateway/keys"
TEXTS_PATH = "/in/gateway/texts"


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`url` of the adapter; `secrets`: `whsec_...`, newest first: the first signs, all verify; `templates`: our name -> registered id,
    `sos.voice` for what is said where that has an id of its own.
    """

    url: str
    secrets: tuple[str, ...]
    templates: dict[str, str] = {}


class GatewayLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter on the wire."""

    id: str
    attempt: int
    to: str
    template: str
    variables: dict[str, str]
    text: str
    language: str
    code: str
    wants_ack: bool
    lane: str
    valid_for_s: int


class GatewayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter's answer; unknown fields are ignored."""

    provider_id: str | None = None
    receipt: Receipt | None = None
    error: ErrorClass | None = None
    code: str | None = None
    detail: str = ""


class GatewayReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that the adapter reports."""

    id: str
    attempt: int
    receipt: Receipt
    provider_id: str | None = None
    error: ErrorClass | None = None
    code: str | None = None


class GatewayKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A key pressed in a call: `step` is `asked` or `coded`."""

    id: str
    step: str
    digit: str


class GatewayText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a person sent, where the provider is two-way: `id` is the provider's."""

    id: str
    sender: str
    text: str


class TextAnswer(msgspec.Struct, frozen=True):
    """What is texted back, null for silence."""

    reply: str | None


class GatewaySaid(msgspec.Struct, frozen=True):
    """What the call says next: a turn of `inbound_flow.Said`, its words, and the code for those who speak it themselves."""

    said: str
    text: str
    code: str


def wire_letter(letter: Letter, config: GatewayConfig) -> GatewayLetter:
    """Return the letter as the adapter wants it; a template without registered id goes under our own name."""
    written = config.templates.get(letter.template, letter.template)
    is_spoken = letter.channel is Channel.VOICE
    return GatewayLetter(
        id=letter.notice_id,
        attempt=letter.attempt,
        to=letter.to,
        template=config.templates.get(f"{letter.template}.voice", written) if is_spoken else written,
        variables=letter.variables | {"code": letter.code},
        text=letter.text,
        language=letter.language,
        code=letter.code,
        wants_ack=letter.wants_ack,
        lane=letter.lane,
        valid_for_s=letter.valid_for_s,
    )


def outcome_of(status: int, answer: GatewayAnswer) -> Outcome:
    """Return the outcome of an HTTP answer; its own error class wins over the status."""
    if 200 <= status < 300 and answer.error is None:
        return Outcome(provider_id=answer.provider_id, receipt=answer.receipt)
    by_status = {429: ErrorClass.NOT_PROCESSED}.get(status, ErrorClass.OUR_FAULT if 400 <= status < 500 else ErrorClass.AMBIGUOUS)
    return Outcome(error=answer.error or by_status, code=answer.code or str(status), detail=answer.detail[:200])
