"""How is a way cut up before it is priced? Into pieces that are each by day or by night, slow or not, at one price of time.

Called by `pricing`. Stretches that cross a boundary are divided in proportion to time, in exact fractions.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise
from operator import attrgetter

import msgspec

from tracking.fares.local_clock import cuts, first_within
from tracking.fares.metered import Slice, SliceKind
from tracking.fares.rates import crossover_mm_per_ms, slow_below_mm_per_ms
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import NightClock, TimeMode

ONE = Decimal(1)


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A way to be priced: `slices` of the way there, ascending, at least one.

    `appointment_ms`: the promised start, for nights that are judged by it; `back_start_ms`: when the way back begins (default: on
    arrival); `carries`: words and counts that extras ask for, such as (("luggage", 2),).
    """

    slices: tuple[Slice, ...]
    appointment_ms: int | None = None
    back_start_ms: int | None = None
    carries: tuple[tuple[str, int], ...] = ()

    @property
    def start_ms(self) -> int:
        """When she departs."""
        return self.slices[0].start_ms

    @property
    def end_ms(self) -> int:
        """When she arrives."""
        return self.slices[-1].end_ms

    @property
    def distance_mm(self) -> int:
        """Millimetres of the way there."""
        return sum(slice_.distance_mm for slice_ in self.slices)

    def carried(self, word: str) -> int:
        """Return how many of `word` the trip carries; 0 for none."""
        return dict(self.carries).get(word, 0)


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch with one set of prices. `by_time`: its length is what its time is worth (mode S); `is_slow`.

    Its time is charged besides.
    """

    distance_mm: int | Fraction
    ms: int
    by_time: bool
    is_slow: bool
    night: Decimal
    time_price: Decimal


def plain_trip(distance_mm: int, start_ms: int, duration_ms: int = 0, **more: object) -> Trip:
    """Return a trip at one speed: millimetres from `start_ms` for `duration_ms`; `more` as the fields of `Trip`."""
    return msgspec.convert({"slices": [Slice(start_ms, start_ms + duration_ms, distance_mm)], **more}, Trip)


def pieces_of(tariff: Tariff, slices: Sequence[Slice], *, night_at_ms: int) -> list[Piece]:
    """Return the pieces of one leg, in order, neighbours of equal prices joined.

    `night_at_ms`: the moment that decides the night for clocks that judge the whole leg at once.
    """
    pricer = _Pricer(tariff, slices[0].start_ms, slices[-1].end_ms, night_at_ms)
    return joined(pricer.piece(slice_.kind, *part) for slice_ in slices for part in pricer.parts(slice_))


def joined(pieces: Iterable[Piece], key: Callable[[Piece], object] | None = None) -> list[Piece]:
    """Return the pieces with neighbours of one `key` made into one; without a key, neighbours that are priced alike in every way."""
    found: list[Piece] = []
    for _, group in groupby(pieces, key or _PRICES):
        alike = list(group)
        if len(alike) == 1:
            found.append(alike[0])
        else:
            distance_mm, ms = sum(piece.distance_mm for piece in alike), sum(piece.ms for piece in alike)
            found.append(msgspec.structs.replace(alike[0], distance_mm=distance_mm, ms=ms))
    return found


def scaled(pieces: Sequence[Piece], times: int) -> list[Piece]:
    """Return the pieces with distance and time counted `times` times."""
    return [msgspec.structs.replace(piece, distance_mm=piece.distance_mm * times, ms=piece.ms * times) for piece in pieces]


def without_first(pieces: Sequence[Piece], free_mm: Fraction) -> list[Piece]:
    """Return the pieces less their first `free_mm` of distance; their time stays."""
    left, found = free_mm, []
    for piece in pieces:
        taken = min(left, Fraction(piece.distance_mm))
        left -= taken
        found.append(msgspec.structs.replace(piece, distance_mm=piece.distance_mm - taken))
    return found


def length_mm(pieces: Sequence[Piece]) -> Fraction:
    """Return the millimetres of all pieces."""
    return Fraction(sum(piece.distance_mm for piece in pieces))


class _Pricer:
    """What prices hold between which instants of one leg: looked up once, since a leg may have thousands of slices."""

    def __init__(self, tariff: Tariff, start_ms: int, end_ms: int, night_at_ms: int) -> None:
        self._mode = tariff.time.mode
        self._worth_mm_per_ms = crossover_mm_per_ms(tariff) or Fraction(0)
        self._slow_mm, self._slow_ms = slow_below_mm_per_ms(tariff).as_integer_ratio()
        is_split = tariff.night is not None and tariff.night.clock is NightClock.SPLIT
        windows = [*tariff.time.windows, *(tariff.night.windows if tariff.night and is_split else ())]
        # The end itself too: a slice without duration may lie there, and a window ends before the instant that it names.
        self._marks = cuts(start_ms, end_ms + 1, windows, tariff.zone)
        begins = [start_ms, *self._marks]
        self._nights = [_night_factor(tariff, at_ms if is_split else night_at_ms) for at_ms in begins]
        self._prices = [_time_price(tariff, at_ms) for at_ms in begins]

    def parts(self, slice_: Slice) -> Iterator[tuple[int, int, int | Fraction]]:
        """Give start, end and distance of the slice's parts between the instants at which a price changes."""
        inside = self._marks[bisect_right(self._marks, slice_.start_ms) : bisect_left(self._marks, slice_.end_ms)]
        if not inside:
            yield slice_.start_ms, slice_.end_ms, slice_.distance_mm
            return
        for start_ms, end_ms in pairwise([slice_.start_ms, *inside, slice_.end_ms]):
            yield start_ms, end_ms, Fraction(slice_.distance_mm * (end_ms - start_ms), slice_.end_ms - slice_.start_ms)

    def piece(self, kind: SliceKind, start_ms: int, end_ms: int, distance_mm: int | Fraction) -> Piece:
        """Return the part with its prices."""
        ms, place = end_ms - start_ms, bisect_right(self._marks, start_ms)
        worth_mm = ms * self._worth_mm_per_ms if self._worth_mm_per_ms and kind is not SliceKind.GAP else 0
        by_time = worth_mm > distance_mm
        return Piece(
            distance_mm=worth_mm if by_time else distance_mm,
            ms=ms,
            by_time=by_time,
            is_slow=self._time_counts(kind, distance_mm, ms),
            night=self._nights[place],
            time_price=self._prices[place],
        )

    def _time_counts(self, kind: SliceKind, distance_mm: int | Fraction, ms: int) -> bool:
        if self._mode is TimeMode.SLOW:
            return kind is not SliceKind.GAP and distance_mm * self._slow_ms < ms * self._slow_mm
        return self._mode is TimeMode.D


def _night_factor(tariff: Tariff, at_ms: int) -> Decimal:
    if tariff.night is None:
        return ONE
    place = first_within(at_ms, tariff.night.windows, tariff.zone)
    return ONE if place is None else tariff.night.windows[place].factor


def _time_price(tariff: Tariff, at_ms: int) -> Decimal:
    place = first_within(at_ms, tariff.time.windows, tariff.zone) if tariff.time.windows else None
    return tariff.time.price if place is None else tariff.time.windows[place].price


_PRICES = attrgetter("by_time", "is_slow", "night", "time_price")
