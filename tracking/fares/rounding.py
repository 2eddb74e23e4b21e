"""How is an exact amount rounded? To multiples of a unit, to the side that the tariff names.

Called by `pricing` and `policy`.
"""

from fractions import Fraction
from math import ceil, floor

from tracking.fares.rates import minor
from tracking.fares.tariff import Rounding
from tracking.fares.tariff_terms import RoundHow

_HALF = Fraction(1, 2)


def rounded(amount: Fraction, rounding: Rounding, currency: str) -> Fraction:
    """Return `amount` (minor units) rounded to a whole multiple of the rounding's unit."""
    unit = minor(rounding.unit, currency)
    return _to_whole(amount / unit, rounding.how) * unit


def nearest(amount: Fraction) -> int:
    """Return the nearest whole number, a half to the even side."""
    return round(amount)


def share_minor(amount_minor: int, bps: int) -> int:
    """Return `bps` ten-thousandths of an amount in minor units, a half rounded up."""
    return (amount_minor * bps + 5_000) // 10_000


def _to_whole(multiples: Fraction, how: RoundHow) -> int:
    if how is RoundHow.UP:
        return ceil(multiples)
    if how is RoundHow.DOWN:
        return floor(multiples)
    return round(multiples) if how is RoundHow.HALF_EVEN else floor(multiples + _HALF)
