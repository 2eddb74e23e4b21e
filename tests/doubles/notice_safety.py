"""Safety as the notices see it: takes acknowledgements and taps, and remembers them."""

from datetime import datetime

from notifications.acknowledgement import AckAnswer, Acknowledgement
from notifications.recipient import Recipient


class SpySafety:
    """Meets `ports.Acknowledgements` and `ports.InboundTap`. The first to acknowledge a subject owns it."""

    def __init__(self) -> None:
        self.acks: list[Acknowledgement] = []
        self.owners: dict[str, str] = {}
        self.taps: list[tuple[str, str]] = []

    async def acknowledge(self, ack: Acknowledgement) -> AckAnswer:
        self.acks.append(ack)
        owner = self.owners.setdefault(ack.subject, ack.owner_id)
        return AckAnswer.OWNED if owner == ack.owner_id else AckAnswer.ALREADY

    async def raise_by_text(self, recipient: Recipient, tap_id: str, text: str, at: datetime) -> None:
        if (recipient.owner_id, tap_id) not in self.taps:
            self.taps.append((recipient.owner_id, tap_id))
