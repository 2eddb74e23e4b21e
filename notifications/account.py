"""Which account speaks to Twilio, with which numbers, and by which doors of the hub does Twilio answer?"""

from collections.abc import Mapping

import msgspec

from notifications.notice import Lane

STATUS_PATH = "/in/twilio/status"
CALL_STATUS_PATH = "/in/twilio/call-status"
INBOUND_PATH = "/in/twilio/sms"
KEYS_PATH = "/in/twilio/keys"


class TwilioConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens`: auth tokens, the one in force first, others accepted from callbacks while rotating. `sms_senders`, `voice_senders`:
    numbers (or MG... services for texts) by lane; a lane without its own uses P0's. `public_url`: where Twilio reaches the hub;
    `api_url`: None for Twilio's.
    """

    account_sid: str
    tokens: tuple[str, ...]
    sms_senders: Mapping[Lane, tuple[str, ...]]
    voice_senders: Mapping[Lane, tuple[str, ...]]
    public_url: str
    api_url: str | None = None

    def sender(self, senders: Mapping[Lane, tuple[str, ...]], lane: Lane, turn: int) -> str | None:
        """Return the lane's sender for its `turn`-th try, None without any."""
        found = senders.get(lane) or senders.get(Lane.P0) or ()
        return found[turn % len(found)] if found else None
