"""What does a tariff's price look like over distance, by day and by night? A picture in SVG, without a library.

Called by `porchlight fare check`. Prices are the tariff's own, computed by `pricing`; nothing is smoothed, so steps look like steps.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

import msgspec

from tracking.fares.local_clock import is_within
from tracking.fares.pricing import price
from tracking.fares.rates import MM_PER_UNIT, minor_digits, mm_of, steps_of
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import NightClock
from tracking.fares.way import plain_trip
from tracking.fares.words import EN, ZH, money

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 420, 84, 52, 44, 24
"""Pixels of the picture and of its margins."""
SAMPLES = 240
SPEED_MM_PER_S = 5_000
"""18 km/h, the usual default of a city taxi: time is charged as on a trip at this speed."""
_DAY, _NIGHT = "#b45309", "#1e3a8a"


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Prices at one time of day: (millimetres, minor units), distances ascending."""

    start_ms: int
    points: tuple[tuple[int, int], ...]


def curves(tariff: Tariff) -> tuple[Curve, Curve | None]:
    """Return the prices by day and, where the tariff knows a night, by night, over one way from 0 to beyond its last step."""
    far_mm = _far_mm(tariff)
    day_ms, night_ms = _moments(tariff)
    return _curve(tariff, day_ms, far_mm), None if night_ms is None else _curve(tariff, night_ms, far_mm)


def chart_svg(tariff: Tariff, language: str) -> str:
    """Return the picture: price upwards, distance of one way to the right, one line by day and one by night."""
    day, night = curves(tariff)
    shown = [(day, _DAY, "白天" if language == ZH else "by day")]
    if night is not None:
        shown.append((night, _NIGHT, "夜间" if language == ZH else "by night"))
    far_mm = day.points[-1][0]
    top_minor = max(1, *(minor for curve, _, _ in shown for _, minor in curve.points))
    title = escape(tariff.title.zh if language == ZH else tariff.title.en)
    told = escape("价格随单程距离变化" if language == ZH else "Price over the distance of one way")
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        f'<title id="t">{title}</title><desc id="d">{told}</desc><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<g font-family="sans-serif"><text x="{LEFT}" y="26" font-size="16" fill="#111827">{title}</text>',
        *_grid(tariff, far_mm, top_minor, language),
        *(_line(curve, colour, far_mm, top_minor) for curve, colour, _ in shown),
        *(_legend(place, colour, label) for place, (_, colour, label) in enumerate(shown)),
        "</g></svg>",
    ]
    return "\n".join(body) + "\n"


def _far_mm(tariff: Tariff) -> int:
    edges = [step.from_mm for step in steps_of(tariff)]
    edges += [mm_of(band.from_, tariff.unit) for band in (tariff.long.bands if tariff.long else ())]
    unit_mm = MM_PER_UNIT[tariff.unit]
    return max(12 * unit_mm, -(-int(max(edges) * 3 / 2) // unit_mm) * unit_mm)


def _moments(tariff: Tariff) -> tuple[int, int | None]:
    zone = ZoneInfo(tariff.zone)
    begins = datetime(tariff.valid_from.year, tariff.valid_from.month, tariff.valid_from.day, tzinfo=zone) + timedelta(days=7)
    minutes = [round((begins + timedelta(minutes=minute)).astimezone(UTC).timestamp() * 1000) for minute in range(0, 7 * 1440, 15)]
    # Noon first, so that the day's curve is that of an ordinary hour and not of the minute after the night.
    by_noon = sorted(minutes[:96], key=lambda at_ms: abs(at_ms - minutes[48])) + minutes[96:]
    if tariff.night is None:
        return by_noon[0], None
    dark = [at_ms for at_ms in minutes if any(is_within(at_ms, window, tariff.zone) for window in tariff.night.windows)]
    light = next((at_ms for at_ms in by_noon if at_ms not in set(dark)), by_noon[0])
    return light, dark[len(dark) // 2] if dark else None


def _curve(tariff: Tariff, start_ms: int, far_mm: int) -> Curve:
    edges = {int(step.from_mm) for step in steps_of(tariff)}
    places = sorted({far_mm * place // SAMPLES for place in range(SAMPLES + 1)} | edges | {edge + 1 for edge in edges})
    # The night stays the same along the curve: it shows a whole trip by day or by night, not one that runs into it.
    still = _held(tariff)
    return Curve(start_ms=start_ms, points=tuple((mm, _minor(still, mm, start_ms)) for mm in places if mm <= far_mm))


def _minor(tariff: Tariff, distance_mm: int, start_ms: int) -> int:
    trip = plain_trip(distance_mm, start_ms, distance_mm * 1000 // SPEED_MM_PER_S, appointment_ms=start_ms, back_start_ms=start_ms)
    return price(tariff, trip).total_minor


def _held(tariff: Tariff) -> Tariff:
    if tariff.night is None:
        return tariff
    held = msgspec.structs.replace(tariff.night, clock=NightClock.LEG_START, lead_min=0)
    return msgspec.structs.replace(tariff, night=held)


def _x(distance_mm: float, far_mm: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * distance_mm / far_mm, 1)


def _y(minor: float, top_minor: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * minor / top_minor, 1)


def _line(curve: Curve, colour: str, far_mm: int, top_minor: int) -> str:
    points = " ".join(f"{_x(mm, far_mm)},{_y(minor, top_minor)}" for mm, minor in curve.points)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _legend(place: int, colour: str, label: str) -> str:
    y = TOP + 8 + place * 20
    line = f'<line x1="{LEFT + 12}" x2="{LEFT + 36}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
    return f'{line}<text x="{LEFT + 44}" y="{y + 4}" font-size="13" fill="#111827">{label}</text>'


def _grid(tariff: Tariff, far_mm: int, top_minor: int, language: str) -> list[str]:
    unit_mm, drawn = MM_PER_UNIT[tariff.unit], []
    for units in _ticks(far_mm / unit_mm):
        x = _x(units * unit_mm, far_mm)
        drawn.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#e5e7eb"/>')
        drawn.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 20}" font-size="12" fill="#374151" text-anchor="middle">{units:g}</text>')
    scale = 10 ** minor_digits(tariff.currency)
    for major in _ticks(top_minor / scale):
        y = _y(major * scale, top_minor)
        label = escape(money(round(major * scale), tariff.currency, language))
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#e5e7eb"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{y + 4}" font-size="12" fill="#374151" text-anchor="end">{label}</text>')
    unit = {(EN, "km"): "km", (EN, "mile"): "miles", (ZH, "km"): "公里", (ZH, "mile"): "英里"}[language, tariff.unit.value]
    drawn.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" font-size="12" fill="#374151" text-anchor="end">{unit}</text>')
    return drawn


def _ticks(most: float) -> Sequence[float]:
    step = next(step for step in (0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 50_000, 1e6, 1e9) if most / step <= 8)
    return [round(step * place, 6) for place in range(int(most / step + 1e-9) + 1)]
