"""Is this request really from the hub, and what does it say? Webhooks checked the Standard Webhooks way and read into a struct.

Source: standardwebhooks.com specification; CloudEvents 1.0.2 for the body.
"""

import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

MAX_BODY_BYTES = 1 << 20
_PREFIX = "porchlight."


class BadSignature(Exception):
    """This request was not signed by the hub with a secret of ours within the last five minutes. Answer 401 and do nothing."""

    def __init__(self, why: str = "no secret given here signed it within the last five minutes. Is the secret the newest?") -> None:
        super().__init__(f"This request is not believed: {why}")


class HookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `id` is the same in every repetition: keep it and take each once. `kind` such as `visit.departed`; events of one
    `subject` (visit or incident) come in order; `data` is what happened.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: dict[str, Any]

    @property
    def kind(self) -> str:
        """Return the type without the hub's prefix."""
        return self.type.removeprefix(_PREFIX)

    @property
    def site_id(self) -> str:
        """Return the site it came from."""
        return self.source.rpartition(":")[2]


def read_hook(secrets: str | Sequence[str], headers: Mapping[str, str], body: bytes) -> HookEvent:
    """Return the event in a request, from its raw `body`; raises `BadSignature`.

    `secrets`: the endpoint's `whsec_...`, or several while you rotate. Checks signature and age; keeping track of `id`s is yours.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadSignature(f"its body is larger than {MAX_BODY_BYTES} bytes.")
    for secret in (secrets,) if isinstance(secrets, str) else secrets:
        if _is_signed(secret, headers, body):
            return _event(body)
    raise BadSignature


def _is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers.items()), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, UnicodeDecodeError, binascii.Error, ValueError):
        return False  # the last three: headers that no signer makes
    return True


def _event(body: bytes) -> HookEvent:
    try:
        return msgspec.json.decode(body, type=HookEvent)
    except msgspec.DecodeError as error:
        raise BadSignature("it is signed, but its body is no event.") from error
