"""How does a notice become a letter? Words in the person's language, the country's rules, and who carries it."""

from collections.abc import Collection, Mapping

from notifications.carrier import CarrierName, Letter, Outcome, chosen
from notifications.country import rule_of
from notifications.error_class import KNOWN_STOPPED, NO_CARRIER, ErrorClass
from notifications.notice import DESK, Channel, Enqueued, Lane
from notifications.recipient import Line, Recipient
from notifications.templates import Templates, Wording

VALID_FOR_S = {Lane.P0: 30, Lane.P1: 300, Lane.P2: 3600, Lane.P3: 14400}
"""How long a network may try (Twilio's ValidityPeriod, 1-36000 s). An emergency text after 30 s is history: 30036 tells, and the phone
rings.
"""
_NOT_FOR_KEEPING = frozenset({"sos", "sos_contact", "sos_exhausted", "helper_wanted", "check_in_missed", "detector", "verify_phone"})
"""Texts that name a home or a secret: the carrier is asked not to keep them."""


def letter_of(row: Enqueued, recipient: Recipient | None, templates: Templates, signature: str) -> Letter:
    """Return the letter of a claimed row; without a recipient it is addressed to the desk."""
    notice = row.notice
    language = recipient.language if recipient is not None else "zh-CN"
    return Letter(
        notice_id=row.id,
        attempt=row.attempts,
        site_id=notice.site_id,
        recipient_id=notice.recipient_id,
        lane=notice.lane,
        channel=notice.channel,
        to=(recipient.number or "") if recipient is not None else "",
        to_masked=recipient.number_masked if recipient is not None else notice.recipient_id,
        name=recipient.name if recipient is not None else "",
        country=recipient.country if recipient is not None else None,
        language=language,
        text=wording_of(row, recipient, templates, signature, language).text,
        code=notice.short_code,
        template=notice.template,
        variables={key: str(value) for key, value in notice.variables.items()},
        sender_turn=row.sender_turn,
        valid_for_s=VALID_FOR_S[notice.lane],
        is_private=notice.template in _NOT_FOR_KEEPING,
        wants_ack=notice.wants_ack,
    )


def wording_of(row: Enqueued, recipient: Recipient | None, templates: Templates, signature: str, language: str) -> Wording:
    """Return the words of a row for a phone or a call."""
    notice = row.notice
    if notice.channel is Channel.VOICE:
        return templates.speech(notice.template, notice.variables, language=language, lane=notice.lane, code=notice.short_code)
    return templates.sms(
        notice.template,
        notice.variables,
        language=language,
        lane=notice.lane,
        rule=rule_of(recipient.country if recipient is not None else None),
        code=notice.short_code,
        signature=signature,
        is_repeat=row.is_repeat,
        is_plain=row.is_plain,
    )


def carrier_for(
    row: Enqueued, recipient: Recipient | None, ready: Collection[tuple[CarrierName, Channel]], site_choices: Mapping[str, CarrierName]
) -> CarrierName | Outcome:
    """Return who carries a row, or the outcome that says why nobody is asked: no such person, no number, no texts, no carrier."""
    notice = row.notice
    if notice.channel is Channel.CONSOLE:
        return CarrierName.DESK
    if recipient is None or not recipient.is_active or recipient.number is None:
        return Outcome(error=ErrorClass.PERMANENT, code="no_number", detail="This recipient has no number.")
    if notice.channel is Channel.SMS and is_hopeless(recipient, notice.lane):
        code = KNOWN_STOPPED if recipient.stopped_at is not None else "no_texts"
        return Outcome(error=ErrorClass.PERMANENT, code=code, detail="This number takes no texts.")
    names = {name for name, channel in ready if channel is notice.channel}
    found = chosen(recipient, notice.channel, names, site_choices.get(notice.site_id))
    if found is None:
        return Outcome(error=ErrorClass.OUR_FAULT, code=NO_CARRIER, detail=f"No carrier is set up for {notice.channel} to this country.")
    return found


def is_hopeless(recipient: Recipient, lane: Lane) -> bool:
    """Tell whether a text to this person is known to fail. A network's older refusal does not stop an emergency from trying."""
    if recipient.line is Line.FIXED or recipient.stopped_at is not None:
        return True
    return recipient.sms_failed_at is not None and not lane.is_at_least_once


def is_for_desk(row: Enqueued) -> bool:
    """Tell whether a row is addressed to the console and not to a person."""
    return row.notice.recipient_id == DESK


VOICE_WORDS = {"ask": "voice_press", "confirm": "voice_code", **{said: f"voice_{said}" for said in ("owned", "already", "refused", "gone")}}
"""Which word of the texts a call says for each turn of it."""
