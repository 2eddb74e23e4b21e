from datetime import timedelta

import msgspec
import pytest

from notifications.country import rule_of
from notifications.notice import Channel, Lane
from notifications.recipient import Recipient, RecipientKind
from notifications.templates import load_templates
from safety.ladder import DEFAULT, Group
from safety.preflight import Finding, Lack, Mode, Watchers, alarms, findings, reasons_against
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


def test_of_many_numbers_that_are_not_ready_one_alarm_names_the_first_and_counts_the_others():
    unproved = [msgspec.structs.replace(ANA, id=f"u{n}", name=name, verified_at=None) for n, name in enumerate(("Bo", "Cy", "Di"))]
    (told,) = alarms(findings(but(groups={**WELL.groups, Group.OWNERS: unproved}), START))

    assert told.detail.startswith("Bo's number was never verified")
    assert "2 more" in told.detail
    assert told.who == "Bo"


@pytest.mark.parametrize("lack", list(Lack))
def test_each_lack_is_alarmed_in_chinese_too(lack):
    (told,) = alarms([Finding(lack=lack, about="site", cure="Do this now.", name="Bo")])
    said = {"site": "munich", "detail": told.detail, "alarm": told.code, "who": told.who, "error": ""}
    text = load_templates().sms(
        "operator_alarm", said, language="zh-CN", lane=Lane.P1, rule=rule_of("CN"), code="", signature="Porchlight"
    )

    assert told.detail not in text.text
    assert not text.is_minimal
    assert "短信（错误" not in text.text  # nothing was refused just now
