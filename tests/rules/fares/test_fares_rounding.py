"""To which multiple a price is rounded, judged by which multiples lie nearest, exact halves above all."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tracking.fares.rounding import rounded
from tracking.fares.tariff import Rounding
from tracking.fares.tariff_terms import RoundHow

UNITS = st.sampled_from([Decimal(text) for text in ("0.01", "0.05", "0.10", "0.50", "1", "5")])
HALVES = st.integers(0, 2_000).map(lambda count: Fraction(count, 2))
ANY = st.fractions(0, 1_000, max_denominator=10_000)


@given(st.one_of(HALVES, ANY), UNITS, st.sampled_from(RoundHow))
def test_a_price_goes_to_the_multiple_that_the_rule_names(multiples, unit, how):
    unit_minor = Fraction(unit) * 100
    amount = multiples * unit_minor

    got = rounded(amount, Rounding(unit=unit, how=how), "CNY") / unit_minor

    assert got.denominator == 1
    away = got - multiples
    if how in (RoundHow.UP, RoundHow.DOWN):
        assert 0 <= (away if how is RoundHow.UP else -away) < 1
        return
    assert abs(away) <= Fraction(1, 2)
    if abs(away) == Fraction(1, 2):
        assert away > 0 if how is RoundHow.HALF_UP else got % 2 == 0
