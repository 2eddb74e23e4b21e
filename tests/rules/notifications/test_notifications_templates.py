"""The words: every template in every language, at the longest address, within what networks carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.country import rule_of
from notifications.notice import Lane
from notifications.segments import Encoding, measure
from notifications.templates import LANGUAGES, MAX_PARTS, Variant, load_templates, minimal

TEXTS = load_templates()
EMERGENCIES = ("sos", "sos_contact", "sos_drill", "sos_exhausted", "sos_over", "helper_wanted")
LONGEST = {
    "name": "欧阳" + "娜娜" * 10,
    "place": "上海市浦东新区世纪大道一百号环球金融中心" * 8,
    "floor": "后楼三层左手边第二个门请按两次铃",
    "detail": "在同一地点停留时间过长" * 9,
    "link": "https://hub.example/t/" + "x" * 48,
    "time": "2026年3月2日 14:32",
    "amount": "¥1,234.50",
    "door_code": "4821",
    "digits": "123456",
    "site": "上海浦东分站",
    "alarm": "number_unreachable",
}


def sms(template, variables, language="zh-CN", lane=Lane.P0, country="CN", **more):
    return TEXTS.sms(template, variables, language=language, lane=lane, rule=rule_of(country), code="4821", signature="Porchlight", **more)


def lane_of(template):
    return Lane.P0 if template in EMERGENCIES else Lane.P1 if not template.startswith("visit") else Lane.P2


@pytest.mark.parametrize("template", TEXTS.names())
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("country", ["CN", "US"])
@pytest.mark.parametrize("is_repeat", [False, True])
def test_every_text_fits_at_the_longest_address(template, language, country, is_repeat):
    lane = lane_of(template)
    wording = sms(template, LONGEST, language, lane, country, is_repeat=is_repeat)

    assert not wording.is_minimal
    assert wording.segments.parts <= MAX_PARTS[lane]
    if lane is Lane.P0:
        assert "4821" in wording.text
        assert wording.segments.encoding is not Encoding.UCS2 or wording.segments.units <= 70


@pytest.mark.parametrize("template", TEXTS.names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_has_all_wordings_in_every_language(template, language):
    for variant in Variant:
        said = TEXTS.said(template, LONGEST | {"code": "4821"}, language=language, variant=variant, may_link=True)
        assert said


@pytest.mark.parametrize("template", TEXTS.names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_carries_invisible_marks_and_none_to_china_carries_a_link(template, language):
    wording = sms(template, LONGEST | {"name": "Li \u2068https://x.example/y\u2069"}, language, lane_of(template))

    assert not [char for char in wording.text if char in "\u2066\u2067\u2068\u2069\u200e\u200f"]
    assert "http" not in wording.text


@pytest.mark.parametrize("template", TEXTS.names())
def test_a_missing_variable_has_a_stand_in(template):
    wording = sms(template, {}, lane=Lane.P1)

    assert not wording.is_minimal
    assert "{" not in wording.text


def test_an_english_emergency_abroad_is_gsm_and_asks_for_an_answer():
    wording = sms("sos", {"name": "Li", "place": "5 Elm Road", "link": "https://h.example/i/1"}, "en", country="US")

    assert wording.segments.encoding is Encoding.GSM7
    assert 'Reply "ack 4821"' in wording.text
    assert "https://h.example/i/1" in wording.text


def test_a_cut_english_text_stays_in_the_alphabet_that_holds_160_characters():
    place = "Apartment 4207, 1450 North-West Waterfront Boulevard, Building C, " * 5
    wording = sms("sos", {"name": "Li", "place": place}, "en", country="US")

    assert (wording.segments.encoding, wording.segments.units) == (Encoding.GSM7, 160)
    assert "Waterfront Boulevard" in wording.text


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("ul. Żelazna 59/14, 00-848 Warszawa", "ul. Zelazna 59/14, 00-848 Warszawa"),
        ("Calle de Álvarez Gato 12, 3º B, Madrid", "Calle de Alvarez Gato 12, 3. B, Madrid"),
        ("Flat 4, Dún Laoghaire’s “Old Mill” – rear", 'Flat 4, Dun Laoghaire\'s "Old Mill" - rear'),
    ],
)
def test_one_accent_costs_an_emergency_neither_its_door_number_nor_its_answer(place, told):
    wording = sms("sos", {"name": "Łucja", "place": place, "link": "https://h.example/i/1"}, "en", country="PL")

    assert (wording.segments.encoding, wording.segments.parts) == (Encoding.GSM7, 1)
    assert told in wording.text
    assert 'Reply "ack 4821"' in wording.text


def test_accents_stay_where_they_cost_nothing():
    booked = sms("visit_booked", {"name": "Łucja", "time": "14:00"}, "en", lane=Lane.P2, country="PL")

    assert "Łucja" in booked.text


def test_an_unknown_template_and_language_still_say_something():
    assert sms("no_such_template", {}, "fr").text == minimal("fr", Lane.P0, "4821", "Porchlight")


@pytest.mark.parametrize("language", ["zh-CN", "en", "xx"])
@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("is_repeat", [False, True])
def test_the_minimal_words_are_one_part(language, lane, is_repeat):
    assert measure(minimal(language, lane, "482199", "Signature " * 20, is_repeat=is_repeat)).parts == 1


def test_her_contacts_are_never_asked_to_call_her():
    assert "Do not phone her" in sms("sos_contact", LONGEST, "en").text
    assert "请勿致电" in sms("sos_contact", LONGEST).text


@given(st.sampled_from(TEXTS.names()), st.sampled_from(LANGUAGES), st.text(max_size=500), st.text(max_size=500))
def test_any_name_and_place_give_a_text_that_fits_and_keeps_the_code(template, language, name, place):
    wording = sms(template, {"name": name, "place": place, "detail": name}, language, country="US")

    assert 1 <= wording.segments.parts <= 1


@given(st.text(max_size=500), st.sampled_from(LANGUAGES))
def test_any_name_can_be_spoken(name, language):
    spoken = TEXTS.speech("sos", {"name": name, "place": name}, language=language, lane=Lane.P0, code="4821")

    assert len(spoken.text) < 320  # what to press is said only after it


@pytest.mark.parametrize(
    ("language", "floor", "said"),
    [
        ("en", "0", "7 Quay Street, ground floor"), ("en", "3", "7 Quay Street, floor 3"), ("en", "-1", "7 Quay Street, floor -1"),
        ("en", "EG links", "7 Quay Street, EG links"), ("en", "", "7 Quay Street"),
        ("zh-CN", "12", "7 Quay Street12楼"), ("zh-CN", "0", "7 Quay Street地面层"), ("zh-CN", "B座左手", "7 Quay Street B座左手"),
    ],
)  # fmt: skip
def test_a_floor_is_told_in_words_and_never_as_a_bare_number(language, floor, said):
    wording = sms("sos", {"name": "Lin", "place": "7 Quay Street", "floor": floor}, language, country="IE")

    assert said in wording.text
    assert not wording.is_minimal


@pytest.mark.parametrize("floor", ["3", "-2", "0", "后楼三层左手边第二个门请按两次铃"])
@pytest.mark.parametrize("template", EMERGENCIES)
def test_a_floor_stays_whole_while_a_long_address_is_cut_and_the_text_is_one_part(template, floor):
    wording = sms(template, LONGEST | {"floor": floor}, is_repeat=True)

    assert wording.segments.units <= 70
    if "上海" in wording.text and len(floor) < 3:
        assert floor in wording.text or "地面层" in wording.text


def test_a_floor_without_a_place_says_nothing():
    assert "3" not in sms("sos_contact", {"name": "Lin", "place": "", "floor": "3"}, "en", country="IE").text.replace("4821", "")
