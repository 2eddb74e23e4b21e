from datetime import timedelta

import msgspec
import pytest

from notifications.notice import Channel
from notifications.recipient import Recipient, RecipientKind
from safety.ladder import DEFAULT, Group
from safety.preflight import Lack, Mode, Watchers, findings, reasons_against
from tests.doubles.fake_clock import START

ANA = Recipient(
    id="r1", site_id="s1", kind=RecipientKind.DISPATCHER, owner_id="d1", name="Ana", number="+491701234567", number_masked="+49…67",
    country="DE", verified_at=START,
)  # fmt: skip
WELL = Watchers(
    ladder=DEFAULT,
    groups={group: [ANA] for group in Group if group is not Group.CONTACTS},
    sound_ok_at=[START],
    channels=frozenset({Channel.SMS, Channel.VOICE}),
)


def but(**changes):
    return msgspec.structs.replace(WELL, **changes)


def person(**changes):
    return but(groups={**WELL.groups, Group.OWNERS: [msgspec.structs.replace(ANA, id="r2", **changes)]})


def test_a_watched_site_has_no_findings():
    assert findings(WELL, START) == ()


@pytest.mark.parametrize(
    ("watchers", "lack"),
    [
        (but(sound_ok_at=[]), Lack.NOBODY_ON_DUTY),
        (but(sound_ok_at=[START - timedelta(hours=13)]), Lack.SOUND_NOT_TESTED),
        (but(groups={**WELL.groups, Group.SUPERVISORS: [], Group.OWNERS: []}), Lack.TIER_EMPTY),
        (person(number=None), Lack.NUMBER_UNREACHABLE),
        (person(verified_at=None), Lack.NUMBER_UNREACHABLE),
        (person(stopped_at=START), Lack.NUMBER_UNREACHABLE),
        (person(sms_failed_at=START), Lack.NUMBER_UNREACHABLE),
        (but(channels=frozenset({Channel.SMS})), Lack.NO_CARRIER),
    ],
)
def test_each_lack_is_found_with_a_cure(watchers, lack):
    (found,) = findings(watchers, START)

    assert found.lack is lack
    assert found.cure.endswith(".")


def test_findings_stop_assignments_only_where_the_site_enforces_them():
    found = findings(but(sound_ok_at=[]), START)

    assert len(reasons_against(found, Mode.ENFORCE)) == 1
    assert reasons_against(found, Mode.WARN) == []
