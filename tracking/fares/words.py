"""How is a fare said to people? Every line of a price in Chinese and English, with money, distances and times as they are written there.

Called by the quote, the receipt, their pages and `porchlight fare check`. Programs read codes and numbers, people read this.
"""

from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType

from babel.core import Locale
from babel.numbers import format_currency, format_decimal

from tracking.fares.metered import Grade
from tracking.fares.priced import Line, LineCode, Part
from tracking.fares.rates import MM_PER_UNIT, minor_digits
from tracking.fares.tariff_terms import Charge, DistanceUnit

ZH, EN = "zh", "en"
Numbers = dict[str, int | str]
"""The figures of a line."""
_LOCALES = MappingProxyType({ZH: Locale.parse("zh_CN"), EN: Locale.parse("en")})


def language_of(tag: str | None) -> str:
    """Return `zh` for any Chinese language tag (`zh-CN`, `zh_Hant`, ...), else `en`."""
    return ZH if tag is not None and tag.lower().startswith("zh") else EN


def money(amount_minor: int, currency: str, language: str) -> str:
    """Return an amount as people write it: 2340 CNY is `¥23.40` (zh) or `CN¥23.40` (en); JPY without decimals, KWD with three."""
    major = Decimal(amount_minor).scaleb(-minor_digits(currency))
    return str(format_currency(major, currency, locale=_LOCALES[language]))


def rate(major: str, currency: str, language: str) -> str:
    """Return a rate of major units, such as `2.355`, with as many digits as it has, at least the currency's own."""
    digits = max(minor_digits(currency), -int(Decimal(major).normalize().as_tuple().exponent))
    pattern = _LOCALES[language].currency_formats["standard"].pattern.split(";")[0]
    decimals = "." + "0" * digits if digits else ""
    form = pattern.replace("#,##0.00", "#,##0" + decimals)
    return str(format_currency(Decimal(major), currency, form, locale=_LOCALES[language], currency_digits=False))


def distance(distance_mm: int, unit: str, language: str, digits: int = 2) -> str:
    """Return a distance to a hundredth of its unit, or to as many `digits`: `12.34 km`, `12.34 公里`, `7.67 miles`."""
    amount = format_decimal(Decimal(distance_mm) / MM_PER_UNIT[DistanceUnit(unit)], "#,##0." + "#" * digits, locale=_LOCALES[language])
    return f"{amount} {_UNITS[unit, language]}"


def duration(ms: int, language: str) -> str:
    """Return a duration in minutes and seconds: `4 min 05 s`, `4 分 05 秒`; hours where there are any."""
    seconds = round(ms / 1000)
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    h, m, s = ("小时", "分", "秒") if language == ZH else ("h", "min", "s")
    if hours:
        return f"{hours} {h} {minutes:02d} {m}"
    if minutes and not rest:
        return f"{minutes} {m}"
    return f"{minutes} {m} {rest:02d} {s}" if minutes else f"{rest} {s}"


def sentence(line: Line, currency: str, language: str) -> str:
    """Return what a line is for, with its figures but without its amount: `11 km at CN¥1.90`."""
    texts = _SENTENCES[line.code]
    text = texts[0] if language == ZH else texts[1]
    said = text.format_map(_Figures(line, currency, language))
    return f"{said}{_PARTS[line.part, language]}"


def grade(found: Grade, language: str) -> str:
    """Return what a grade of certainty means."""
    return _GRADES[found][0 if language == ZH else 1]


class _Figures(dict[str, str]):
    """The figures of one line as people write them, made when a sentence asks for them."""

    def __init__(self, line: Line, currency: str, language: str) -> None:
        super().__init__()
        self._line, self._currency, self._language = line, currency, language

    def __missing__(self, name: str) -> str:
        return _FIGURES[name](self._line.numbers, self._currency, self._language)


def _exact_distance(numbers: Numbers, currency: str, language: str) -> str:
    # To the metre: of a hundredth of a kilometre nobody can compute the amount beside it again.
    return distance(int(numbers["distance_mm"]), str(numbers.get("unit", "km")), language, digits=3)


def _rate(numbers: Numbers, currency: str, language: str) -> str:
    each = rate(str(numbers["rate"]), currency, language)
    unit = str(numbers.get("unit", "km"))
    if "block_mm" not in numbers:
        return f"{each} / {_UNIT_ONE[unit, language]}"
    block = distance(int(numbers["block_mm"]), unit, language)
    started = {ZH: {Charge.STARTED: "不足一段按一段计", Charge.COMPLETED: "不足一段不计", Charge.EXACT: ""}, EN: _BLOCKS_EN}
    return f"{each} / {block} {started[language][Charge(str(numbers.get('charge', 'exact')))]}".strip()


def _time_rate(numbers: Numbers, currency: str, language: str) -> str:
    if "price" not in numbers:
        return "按临界速度计" if language == ZH else "below the cross-over speed"
    return f"{rate(str(numbers['price']), currency, language)} / {duration(int(numbers['block_s']) * 1000, language)}"


def _covers(numbers: Numbers, currency: str, language: str) -> str:
    covered = int(numbers.get("covers_mm", 0))
    if not covered:
        return ""
    said = distance(covered, str(numbers["unit"]), language)
    return f" (含 {said})" if language == ZH else f" (covers the first {said})"


def _bearer(numbers: Numbers, currency: str, language: str) -> str:
    if numbers.get("bearer") != "platform":
        return ""
    return ", 由平台承担" if language == ZH else ", borne by the platform"


def _percent(numbers: Numbers, currency: str, language: str) -> str:
    return str(format_decimal((Decimal(str(numbers["factor"])) - 1) * 100, "#,##0.##", locale=_LOCALES[language])) + "%"


_FIGURES: dict[str, Callable[[Numbers, str, str], str]] = {
    "distance": _exact_distance,
    "rate": _rate,
    "covers": _covers,
    "time": lambda numbers, currency, language: duration(int(numbers.get("ms", 0)), language),
    "time_rate": _time_rate,
    "percent": _percent,
    "limit": lambda numbers, currency, language: money(int(numbers["limit_minor"]), currency, language),
    "share": lambda numbers, currency, language: f"{Decimal(int(numbers['bps'])) / 100:f}%",
    "title": lambda numbers, currency, language: str(numbers[language]),
    "count": lambda numbers, currency, language: "" if numbers.get("count", 1) == 1 else f" x {numbers['count']}",
    "bearer": _bearer,
    "metered": lambda numbers, currency, language: money(int(numbers["metered_minor"]), currency, language),
}

_SENTENCES = MappingProxyType(
    {
        LineCode.FLAGFALL: ("起步价{covers}", "Flagfall{covers}"),
        LineCode.TABLE: ("按里程票价表, {distance}", "By the table of distances, {distance}"),
        LineCode.DISTANCE: ("里程费 {distance}, {rate}", "{distance} at {rate}"),
        LineCode.SLOW_TIME: ("低速等候 {time}, {time_rate}", "Slow driving and waiting {time}, {time_rate}"),
        LineCode.TIME: ("时长费 {time}, {time_rate}", "Time {time}, {time_rate}"),
        LineCode.NIGHT: ("夜间加收 {percent}", "Night, {percent} more"),
        LineCode.LONG_TRIP: ("远途加收 {percent}, {distance}", "Long way, {percent} more on {distance}"),
        LineCode.EXTRA: ("{title}{count}", "{title}{count}"),
        LineCode.FREE_RADIUS: ("免费里程 {distance}{bearer}", "{distance} are free{bearer}"),
        LineCode.MINIMUM: ("补足最低车费 {limit}", "Raised to the least fare of {limit}"),
        LineCode.CAP: ("封顶 {limit}", "Lowered to the highest fare of {limit}"),
        LineCode.ROUNDING: ("四舍五入尾差", "Rounding"),
        LineCode.SAME_PLACE: ("起点与终点相同, 无需车费", "Same place: no way, no fare"),
        LineCode.SHARE: ("按规则收取车费的 {share}", "{share} of the fare, by the rules for visits that did not finish"),
        LineCode.FEE: ("上门未成行费", "Fee for a visit that did not take place"),
        LineCode.METER_CAPPED: ("计费读数 {metered}, 不超过上限 {limit}", "The meter read {metered}; you pay no more than {limit}"),
        LineCode.PROMISE_KEPT: ("不超过您已确认的报价, 差额由平台承担", "No more than the price you accepted; the platform bears the rest"),
        LineCode.WAIVED: ("技师免收车费", "The technician gives up the fare"),
    }
)
_PARTS = MappingProxyType(
    {
        (Part.THERE, ZH): "",
        (Part.THERE, EN): "",
        (Part.TRIP, ZH): "",
        (Part.TRIP, EN): "",
        (Part.BACK, ZH): " (返程)",
        (Part.BACK, EN): " (way back)",
    }
)
_UNITS = MappingProxyType({("km", ZH): "公里", ("km", EN): "km", ("mile", ZH): "英里", ("mile", EN): "miles"})
_UNIT_ONE = MappingProxyType({("km", ZH): "公里", ("km", EN): "km", ("mile", ZH): "英里", ("mile", EN): "mile"})
_BLOCKS_EN = MappingProxyType({Charge.STARTED: "started", Charge.COMPLETED: "completed", Charge.EXACT: ""})
_GRADES = MappingProxyType(
    {
        Grade.A: ("A: 误差 3% 以内", "A: certain within 3 %"),
        Grade.B: ("B: 误差 6% 以内", "B: certain within 6 %"),
        Grade.C: ("C: 误差更大, 按报价结算", "C: less certain, so the quote is billed"),
    }
)
NOT_A_TAXIMETER = MappingProxyType(
    {
        ZH: "本凭单由软件按定位点计算, 并非法定计量的出租车计价器。",
        EN: "Computed by software from position fixes. This is not a legally controlled taximeter.",
    }
)
"""Said on every receipt and page, and in the README."""
