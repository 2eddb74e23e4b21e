"""Sites: what is malformed is refused with a cure, what is lacking is told."""

import msgspec
import pytest
from visit_maker import SITE

from core.errors import BadInput
from core.geo import Bounds
from visits.service import DEFAULT_SERVICES
from visits.site import EmergencyNumber, Site, SiteSettings, is_phone, malformed, must_be_sound, unready


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"id": "Munich"}, "id"),
        ({"id": "a:b"}, "id"),
        ({"id": "a{b}"}, "id"),
        ({"name": " "}, "name"),
        ({"zone": "Munich"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "XXQ"}, "currency"),
        ({"locale": "german"}, "locale"),
        ({"desk_phone": "110"}, "phone"),
        ({"bounds": Bounds(49, 11, 48, 12)}, "bounds"),
        ({"services": ()}, "no service"),
        ({"services": (DEFAULT_SERVICES[0], DEFAULT_SERVICES[0])}, "same name"),
    ],
)
def test_what_is_malformed_is_named_with_a_cure(changes, word):
    with pytest.raises(BadInput) as refused:
        must_be_sound(msgspec.structs.replace(SITE, **changes))

    assert any(word in fault for fault in refused.value.members["faults"])


def test_a_sound_site_may_still_lack_what_people_rely_on():
    assert malformed(SITE) == []
    assert len(unready(SITE)) == 3
    ready = msgspec.structs.replace(
        SITE, emergency_numbers=(EmergencyNumber("police", "110"),), desk_phone="+498912345678", bounds=Bounds(48, 11, 49, 12)
    )
    assert unready(ready) == []


@pytest.mark.parametrize(
    "settings", [{"arrival_accept_m": -1}, {"shift_max_h": 25}, {"door_code_tries": 0}, {"unknown": 1}, {"home_blur_m": "far"}]
)
def test_settings_out_of_range_or_unknown_are_refused(settings):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, SiteSettings)


def test_settings_stored_before_a_new_one_was_invented_take_its_default():
    assert msgspec.json.decode(b"{}", type=SiteSettings) == SiteSettings()


def test_an_unknown_service_is_refused_naming_those_offered():
    with pytest.raises(BadInput, match="massage, care"):
        SITE.service("juggling")


@pytest.mark.parametrize(
    ("number", "fits"), [("+491701234567", True), ("+8613800138000", True), ("0170", False), ("+0170", False), ("+49 170", False)]
)
def test_phones_are_written_in_one_form(number, fits):
    assert is_phone(number) is fits


def test_every_default_service_is_sound():
    assert malformed(Site(id="x", name="X", zone="Asia/Shanghai", currency="CNY", locale="zh-CN")) == []
