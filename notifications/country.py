"""What does a country allow? Rules of texting and calling as data; every country not named gets the ordinary ones."""

import msgspec

from notifications.segments import UCS2_SINGLE


class CountryRule(msgspec.Struct, frozen=True, kw_only=True):
    """`may_link`: web addresses pass. `is_two_way`: people can answer a text. `has_foreign_voice`: a call from abroad rings reliably.

    `is_domestic_first`: the domestic gateway goes before Twilio. `emergency_chars`: longest emergency text, in UCS-2 units, signature
    included. `needs_signature`: texts must begin with the sender's registered signature.
    """

    country: str
    may_link: bool = True
    is_two_way: bool = True
    has_foreign_voice: bool = True
    is_domestic_first: bool = False
    needs_signature: bool = False
    emergency_chars: int = UCS2_SINGLE
    source: str = ""


ORDINARY = CountryRule(country="*", source="No known restriction.")
RULES: dict[str, CountryRule] = {
    "CN": CountryRule(
        country="CN",
        may_link=False,
        is_two_way=False,
        has_foreign_voice=False,
        is_domestic_first=True,
        needs_signature=True,
        source="twilio.com/en/guidelines/cn/sms: one-way only, no URLs, templates vetted (error 60220); foreign calls are often blocked.",
    ),
}


def rule_of(country: str | None) -> CountryRule:
    """Return the rule of a two-letter country; the ordinary one for None and for countries without their own."""
    return RULES.get(country or "", ORDINARY)
