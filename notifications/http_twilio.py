"""Twilio's doors: status callbacks, texts from people, keys pressed in calls. Signed, or refused.

Every door answers only after what it heard is committed; any failure is a 5xx, which Twilio repeats.
"""

from urllib.parse import parse_qs

import msgspec
from starlette.responses import Response

from core.errors import BadInput, NotAllowed
from core.http_endpoint import Call, Endpoint
from core.ids import NoticeId
from notifications.account import CALL_STATUS_PATH, INBOUND_PATH, KEYS_PATH, STATUS_PATH, TwilioConfig
from notifications.delivery import FAILURES, TWILIO_CALL, TWILIO_MESSAGE, Receipt
from notifications.error_class import classify
from notifications.inbound_flow import InboundFlow, Said, Spoken, Step
from notifications.letters import VOICE_WORDS
from notifications.receipts_flow import ReceiptsFlow, Report
from notifications.templates import Templates
from notifications.twilio_signature import SIGNATURE_HEADER, is_genuine
from notifications.twiml import asking, closing, confirming

MAX_BODY_BYTES = 64 * 1024
"""Twilio's callbacks hold some thirty short parameters."""
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class _Doors:
    def __init__(self, config: TwilioConfig | None, receipts: ReceiptsFlow, inbound: InboundFlow, templates: Templates) -> None:
        self._config = config
        self._receipts = receipts
        self._inbound = inbound
        self._templates = templates

    async def message_status(self, call: Call) -> Response:
        said = self._genuine(call)
        receipt = TWILIO_MESSAGE.get(said.get("MessageStatus", ""))
        if receipt is not None:
            await self._receipts.apply(_report(call, said.get("MessageSid"), receipt, said.get("ErrorCode")))
        return Response(status_code=204)

    async def call_status(self, call: Call) -> Response:
        said = self._genuine(call)
        receipt = TWILIO_CALL.get(said.get("CallStatus", ""))
        if receipt is Receipt.COMPLETED and said.get("AnsweredBy", "").startswith(("machine", "fax")):
            receipt = Receipt.VOICEMAIL
        if receipt is not None:
            await self._receipts.apply(_report(call, said.get("CallSid"), receipt, said.get("ErrorCode")))
        return Response(status_code=204)

    async def text(self, call: Call) -> Response:
        said = self._genuine(call)
        if not said.get("MessageSid") or not said.get("From"):
            raise BadInput("A text needs MessageSid and From.")
        reply = await self._inbound.texted(said["From"], said.get("Body", ""), said["MessageSid"], "twilio")
        return _xml(_EMPTY if reply is None else _message(reply))

    async def keys(self, call: Call) -> Response:
        said = self._genuine(call)
        step = call.request.query_params.get("step", Step.ASKED)
        spoken = await self._inbound.pressed(
            NoticeId(call.path["notice_id"]), Step(step) if step in list(Step) else Step.ASKED, said.get("Digits", "")
        )
        return _xml(self._next_part(call.path["notice_id"], spoken))

    def _next_part(self, notice_id: str, spoken: Spoken) -> str:
        base = f"{self._config.public_url.rstrip('/') if self._config else ''}{KEYS_PATH}/{notice_id}?step="
        if spoken.said is Said.CONFIRM:
            return confirming(spoken.code, self._templates, spoken.language, base + Step.CODED)
        if spoken.said is Said.ASK and spoken.row is not None:
            notice = spoken.row.notice
            said = self._templates.speech(
                notice.template, notice.variables, language=spoken.language, lane=notice.lane, code=notice.short_code
            )
            return asking(said.text, self._templates, spoken.language, base + Step.ASKED)
        return closing(self._templates.word(VOICE_WORDS[spoken.said], spoken.language), spoken.language)

    def _genuine(self, call: Call) -> dict[str, str]:
        """Return the parameters of a request that Twilio signed; raises `NotAllowed` for every other."""
        body = _parameters(call)
        config = self._config
        if config is None or not is_genuine(
            config.tokens,
            config.public_url,
            call.request.url.path,
            call.request.url.query,
            body,
            call.request.headers.get(SIGNATURE_HEADER),
        ):
            raise NotAllowed("This request carries no valid signature of the configured account. Check the public URL and the token.")
        return _json(body) if isinstance(body, str) else {name: values[0] for name, values in body.items()}


def endpoints(
    config: TwilioConfig | None, receipts: ReceiptsFlow, inbound: InboundFlow, templates: Templates
) -> list[Endpoint]:
    """Return Twilio's doors. Without an account they exist and refuse everything."""
    doors = _Doors(config, receipts, inbound, templates)
    rows = [
        (STATUS_PATH, "twilio_message_status", "Take a receipt of a text.", doors.message_status, (204, "")),
        (CALL_STATUS_PATH, "twilio_call_status", "Take a receipt of a call.", doors.call_status, (204, "")),
        (INBOUND_PATH, "twilio_text", "Take a text that a person sent.", doors.text, (200, "text/xml")),
        (KEYS_PATH + "/{notice_id}", "twilio_keys", "Take keys pressed in a call.", doors.keys, (200, "text/xml")),
    ]
    return [
        Endpoint(
            method="POST",
            path=path,
            name=name,
            summary=summary,
            handler=handler,
            raw_body=True,
            max_body_bytes=MAX_BODY_BYTES,
            tag="carriers",
            answers=(answer,),
            errors=(NotAllowed,),
        )
        for path, name, summary, handler, answer in rows
    ]


def _report(call: Call, provider_id: str | None, receipt: Receipt, code: str | None) -> Report:
    query = call.request.query_params
    number = query.get("a", "")
    known = int(code) if code and code.isdigit() else None
    return Report(
        receipt=receipt,
        provider_id=provider_id,
        notice_id=NoticeId(query["n"]) if "n" in query else None,
        attempt=int(number) if number.isdigit() else None,
        error=classify(None, known) if receipt in FAILURES else None,
        code=code,
    )


def _parameters(call: Call) -> dict[str, list[str]] | str:
    text = call.raw.decode("utf-8", "replace")
    if call.request.headers.get("content-type", "").startswith("application/json"):
        return text
    return parse_qs(text, keep_blank_values=True)


def _json(text: str) -> dict[str, str]:
    try:
        found = msgspec.json.decode(text or "{}", type=dict[str, object])
    except msgspec.MsgspecError:
        raise BadInput("The JSON body cannot be read.") from None
    return {name: str(value) for name, value in found.items() if value is not None}


def _message(reply: str) -> str:
    escaped = reply.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Message>{escaped}</Message></Response>'


def _xml(text: str) -> Response:
    return Response(text, media_type="text/xml")
