"""Who hears that something is wrong with a site? P1 notices to its alarmed recipients and to its console, once an hour for the same
code.
"""

from core.clock import Clock
from core.ids import RecipientId, SiteId
from core.unit_of_work import Tx
from notifications.notice import DESK, Channel, Lane, Notice
from notifications.ports import Outbox, RecipientBook
from notifications.settlement import ALARM_TEMPLATE

ROUND_S = 3600
"""An alarm that stands is repeated once an hour: often enough not to be forgotten, seldom enough to be read."""


class AlarmsFlow:
    """See `ports.Alarms`."""

    def __init__(self, *, outbox: Outbox, recipients: RecipientBook, clock: Clock) -> None:
        self._outbox = outbox
        self._recipients = recipients
        self._clock = clock

    async def raise_operator_alarm(self, tx: Tx, site_id: SiteId, code: str, detail: str) -> None:
        """See `Alarms.raise_operator_alarm`."""
        people = await self._recipients.alarmed(tx, site_id)
        to_phones = [self._notice(site_id, code, detail, person.id, Channel.SMS) for person in people]
        await self._outbox.enqueue(tx, [self._notice(site_id, code, detail, DESK, Channel.CONSOLE), *to_phones])

    def _notice(self, site_id: SiteId, code: str, detail: str, to: RecipientId, channel: Channel) -> Notice:
        return Notice(
            site_id=site_id,
            subject=f"alarm:{site_id}:{code}"[:80],
            lane=Lane.P1,
            channel=channel,
            recipient_id=to,
            template=ALARM_TEMPLATE,
            variables={"detail": detail, "alarm": code},
            ladder_round=int(self._clock.now().timestamp() // ROUND_S),
        )
