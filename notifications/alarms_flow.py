"""Who hears that something is wrong with a site? P1 notices to its alarmed recipients and to its console, once an hour for the same
code.
"""

from core.clock import Clock
from core.ids import RecipientId, SiteId
from core.unit_of_work import Tx
from notifications.notice import DESK, Channel, Lane, Notice, Variable
from notifications.ports import Outbox, RecipientBook
from notifications.segments import cut
from notifications.settlement import ALARM_TEMPLATE

ROUND_S = 3600
"""An alarm that stands is repeated once an hour: often enough not to be forgotten, seldom enough to be read."""

MOST_WHO_UNITS = 40
"""So much of a name and number goes into an alarm."""


class AlarmsFlow:
    """See `ports.Alarms`."""

    def __init__(self, *, outbox: Outbox, recipients: RecipientBook, clock: Clock) -> None:
        self._outbox = outbox
        self._recipients = recipients
        self._clock = clock

    async def raise_operator_alarm(
        self, tx: Tx, site_id: SiteId, code: str, detail: str, *, about: str = "", who: str = "", error: str = ""
    ) -> None:
        """See `Alarms.raise_operator_alarm`."""
        people = await self._recipients.alarmed(tx, site_id)
        said: dict[str, Variable] = {"site": site_id, "detail": detail, "alarm": code, "who": cut(who, MOST_WHO_UNITS), "error": error}
        # Whom it is about first: a site's long name must not make two alarms one.
        subject = f"alarm:{about}:{code}" if about else f"alarm:{site_id}:{code}"
        to_all = [(DESK, Channel.CONSOLE), *((person.id, Channel.SMS) for person in people)]
        await self._outbox.enqueue(tx, [self._notice(site_id, subject, said, to, channel) for to, channel in to_all])

    def _notice(self, site_id: SiteId, subject: str, said: dict[str, Variable], to: RecipientId, channel: Channel) -> Notice:
        return Notice(
            site_id=site_id,
            subject=subject[:80],
            lane=Lane.P1,
            channel=channel,
            recipient_id=to,
            template=ALARM_TEMPLATE,
            variables=said,
            ladder_round=int(self._clock.now().timestamp() // ROUND_S),
        )
