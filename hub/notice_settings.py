"""With what are people told? Settings of notices: Twilio, the domestic gateway, signature, webhooks. Read with the hub's others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from hub.settings_read import setting
from notifications.account import TwilioConfig
from notifications.carrier import CarrierName
from notifications.gateway import GatewayConfig
from notifications.notice import Lane


class NoticeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How notices leave the house. Without any account the hub starts, and health says that nobody is reached."""

    twilio_account_sid: Annotated[str, setting("AC...", "Twilio account. Empty: no Twilio.")] = ""
    twilio_auth_tokens: Annotated[tuple[str, ...], setting("tokens", "Auth tokens: the one in force, then the next or former one.")] = ()
    twilio_urgent_numbers: Annotated[
        tuple[str, ...], setting("numbers or MG...", "Senders of emergencies and alarms; the second is used when the first is full.")
    ] = ()
    twilio_service_numbers: Annotated[
        tuple[str, ...], setting("numbers or MG...", "Senders of arrivals and receipts. Never the urgent ones: queues are per sender.")
    ] = ()
    twilio_voice_numbers: Annotated[tuple[str, ...], setting("numbers", "Callers of emergency calls. Empty: no calls through Twilio.")] = ()
    twilio_api_url: Annotated[str, setting("URL", "Another address of Twilio's API, for a proxy or a stub.")] = ""
    gateway_url: Annotated[str, setting("URL", "Adapter of a domestic provider (docs/gateway.md). Empty: none.")] = ""
    gateway_secrets: Annotated[tuple[str, ...], setting("whsec_...", "Secrets shared with the adapter, newest first.")] = ()
    gateway_templates: Annotated[tuple[str, ...], setting("name=id", "Registered template ids: sos=SMS_1001, sos.voice=TTS_1001.")] = ()
    site_carriers: Annotated[
        tuple[str, ...], setting("site=carrier", "Who carries a site's texts and calls: twilio or gateway, such as shanghai=gateway.")
    ] = ()
    sms_signature: Annotated[str, setting("1-16 characters", "How texts begin: the registered signature.", min_length=1, max_length=16)] = (
        "Porchlight"
    )
    notices_phones: Annotated[bool, setting("true/false", "Show texts and calls on the demo's phones page. Never in production.")] = False
    notices_file: Annotated[str, setting("file", "Write texts and calls into this file where nothing else carries them.")] = ""
    webhooks_allow_private: Annotated[bool, setting("true/false", "Let webhooks reach private addresses and plain http.")] = False

    def twilio(self, public_url: str) -> TwilioConfig | None:
        """Return Twilio's configuration, None without an account."""
        if not self.twilio_account_sid:
            return None
        service = self.twilio_service_numbers or self.twilio_urgent_numbers
        urgent = {Lane.P0: self.twilio_urgent_numbers, Lane.P1: self.twilio_urgent_numbers}
        return TwilioConfig(
            account_sid=self.twilio_account_sid,
            tokens=self.twilio_auth_tokens,
            sms_senders={**urgent, Lane.P2: service, Lane.P3: service},
            voice_senders=dict.fromkeys(Lane, self.twilio_voice_numbers),
            public_url=public_url,
            api_url=self.twilio_api_url or None,
        )

    def gateway(self) -> GatewayConfig | None:
        """Return the gateway's configuration, None without one."""
        if not self.gateway_url or not self.gateway_secrets:
            return None
        templates = dict(pair.split("=", 1) for pair in self.gateway_templates)
        return GatewayConfig(url=self.gateway_url, secrets=self.gateway_secrets, templates=templates)

    @property
    def site_choices(self) -> dict[str, CarrierName]:
        """Return who carries the texts and calls of a site, for sites that chose."""
        return {site: CarrierName(name) for site, name in (pair.split("=", 1) for pair in self.site_carriers)}

    @property
    def file(self) -> Path | None:
        """Return the file that takes letters, None without one."""
        return Path(self.notices_file) if self.notices_file else None


def notice_problems(settings: NoticeSettings) -> Iterator[str]:
    """Yield what is wrong with settings that only together make sense, a sentence with a cure each."""
    if settings.twilio_account_sid and not settings.twilio_auth_tokens:
        yield "PORCHLIGHT_TWILIO_ACCOUNT_SID is set, PORCHLIGHT_TWILIO_AUTH_TOKENS is not. Give the account's auth token."
    if settings.twilio_account_sid and not settings.twilio_urgent_numbers:
        yield "PORCHLIGHT_TWILIO_URGENT_NUMBERS is empty. Give at least one number or messaging service that emergencies are sent from."
    if settings.gateway_url and not settings.gateway_secrets:
        yield "PORCHLIGHT_GATEWAY_URL is set, PORCHLIGHT_GATEWAY_SECRETS is not. Share a whsec_ secret with the adapter."
    if wrong := [pair for pair in settings.gateway_templates if "=" not in pair]:
        yield f"PORCHLIGHT_GATEWAY_TEMPLATES has {wrong[0]!r}; write name=id, such as sos=SMS_1001."
    if wrong := [pair for pair in settings.site_carriers if pair.partition("=")[2] not in (CarrierName.TWILIO, CarrierName.GATEWAY)]:
        yield f"PORCHLIGHT_SITE_CARRIERS has {wrong[0]!r}; write site=twilio or site=gateway, such as shanghai=gateway."
