"""What do people hear who are told of a kept press, while there is no database?"""

import pytest

from core.ids import IncidentId, RecipientId, SiteId
from hub.join_safety import DirectCarriers
from notifications.carrier import CarrierName
from notifications.notice import Channel
from notifications.templates import load_templates
from safety.ladder import Group
from safety.safety_card import CardPerson
from tests.doubles.notice_carriers import FakeCarrier

pytestmark = pytest.mark.anyio

ANA = CardPerson(
    recipient_id=RecipientId("ana"), number="+353855550191", name="Ana", language="en", country="IE", groups=(Group.ON_DUTY,)
)
SAID = {"name": "Lin", "place": "Munich", "code": "4711", "link": ""}


@pytest.fixture
def call():
    return FakeCarrier(Channel.VOICE)


async def told(call, clock, *, is_drill):
    direct = DirectCarriers({(CarrierName.TWILIO, Channel.VOICE): call}, load_templates(), clock, "Porchlight")
    await direct.send(SiteId("s1"), IncidentId("i1"), ANA, Channel.VOICE, SAID, is_drill=is_drill)
    (letter,) = call.taken
    return letter


async def test_a_call_about_a_kept_press_asks_for_no_keys_which_nobody_could_note(call, clock):
    letter = await told(call, clock, is_drill=False)

    assert (letter.wants_ack, "Lin has called for help" in letter.text) == (False, True)


async def test_practice_while_sql_is_away_is_told_as_practice(call, clock):
    assert "This is a drill" in (await told(call, clock, is_drill=True)).text
