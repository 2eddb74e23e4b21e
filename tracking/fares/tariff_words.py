"""What does a tariff charge, in words? One sentence a rule, in Chinese or English.

Called by `porchlight fare check` and `http_tariffs`, so that a person can read what she is about to use.
"""

from collections.abc import Iterator
from decimal import Decimal

from tracking.fares.rates import crossover_mm_per_ms
from tracking.fares.tariff import Band, Extra, Night, Rung, Step, Tariff
from tracking.fares.tariff_terms import Bearer, Charge, Combine, LongHow, NightClock, Per, RoundHow, TimeMode, TripShape
from tracking.fares.words import EN, ZH, rate

_UNIT = {("km", ZH): "公里", ("km", EN): "km", ("mile", ZH): "英里", ("mile", EN): "miles"}
_SHAPES = {
    TripShape.ONE_WAY: ("只收单程。", "The way there is charged, the way back is not."),
    TripShape.ROUND_TRIP: ("往返: 里程与时间按两倍计, 起步价收一次。", "Both ways: distance and time count twice, the flagfall once."),
    TripShape.RETURN_PRICED: ("往返: 返程单独计价。", "Both ways: the way back is priced as a leg of its own."),
}
_CLOCKS = {
    NightClock.LEG_START: ("以每程出发时刻为准", "by the start of each leg"),
    NightClock.SPLIT: ("跨越边界时按时间拆分", "split where a leg crosses the boundary"),
    NightClock.START_MINUS_LEAD: ("以预约时间前 {lead} 分钟为准", "by the appointment less {lead} minutes"),
}
_CHARGES = {
    Charge.EXACT: ("按比例", "by its share"),
    Charge.STARTED: ("不足一段按一段计", "each started block"),
    Charge.COMPLETED: ("不足一段不计", "each completed block"),
}
_PER = {Per.TRIP: ("每趟", "a trip"), Per.LEG: ("每程", "a leg"), Per.PIECE: ("每件", "a piece")}
_ROUNDED = {
    RoundHow.HALF_UP: ("四舍五入", "half up"),
    RoundHow.HALF_EVEN: ("四舍六入五成双", "half to even"),
    RoundHow.UP: ("向上取整", "up"),
    RoundHow.DOWN: ("向下取整", "down"),
}
_ON = {
    "flagfall": ("起步价", "the flagfall"),
    "distance": ("里程费", "the distance"),
    "time": ("时间费", "the time"),
    "extras": ("附加费", "the extras"),
}


def explain(tariff: Tariff, language: str) -> list[str]:
    """Return what the tariff charges, a sentence a rule, in `zh` or `en`."""
    return list(_Teller(tariff, language).all())


class _Teller:
    def __init__(self, tariff: Tariff, language: str) -> None:
        self._tariff, self._language = tariff, language
        self._unit = _UNIT[tariff.unit.value, language]

    def all(self) -> Iterator[str]:
        yield from (self._step(step) for step in self._tariff.steps)
        yield from (self._rung(rung) for rung in self._tariff.ladder)
        yield from self._time()
        if self._tariff.night is not None:
            yield from self._night(self._tariff.night)
        yield from self._long()
        yield from (self._extra(extra) for extra in self._tariff.extras)
        yield self._pick(*_SHAPES[self._tariff.trip])
        yield from self._rest()

    def _pick(self, zh: str, en: str) -> str:
        return zh if self._language == ZH else en

    def _money(self, amount: Decimal) -> str:
        return rate(format(amount, "f"), self._tariff.currency, self._language)

    def _span(self, part: Step | Rung | Band) -> str:
        if part.to is None and part.from_ == 0:
            return self._pick("任意里程", "any distance")
        if part.to is None:
            return self._pick(f"{part.from_:f} {self._unit}以上", f"beyond {part.from_:f} {self._unit}")
        if part.from_ == 0:
            return self._pick(f"{part.to:f} {self._unit}以内", f"up to {part.to:f} {self._unit}")
        return self._pick(f"{part.from_:f} 至 {part.to:f} {self._unit}", f"from {part.from_:f} to {part.to:f} {self._unit}")

    def _step(self, step: Step) -> str:
        prices = []
        if step.flat or not step.per_unit:
            prices.append(self._money(step.flat))
        if step.per_unit:
            prices.append(
                self._pick(f"每{self._unit} {self._money(step.per_unit)}", f"{self._money(step.per_unit)} per {_ONE[self._unit]}")
            )
        if step.block is not None:
            blocks = f"{step.block:f} {self._unit}"
            prices.append(self._pick(f"按 {blocks} 一段, {_CHARGES[step.charge][0]}", f"in blocks of {blocks}, {_CHARGES[step.charge][1]}"))
        return _sentence(self._span(step), self._pick("、", ", ").join(prices), self._language)

    def _rung(self, rung: Rung) -> str:
        price = self._money(rung.price)
        if rung.every is not None:
            more, each = self._money(rung.add or Decimal(0)), f"{rung.every:f} {self._unit}"
            price = self._pick(f"{price}, 每 {each} 加 {more} (不足按一段计)", f"{price} and {more} more for each started {each}")
        return _sentence(self._span(rung), price, self._language)

    def _time(self) -> Iterator[str]:
        time = self._tariff.time
        if time.mode is TimeMode.NONE:
            return
        price, block = self._money(time.price), _block(time.block_s, self._language)
        charge = self._pick(*_CHARGES[time.charge])
        if time.mode is TimeMode.S:
            yield self._single(price, block)
        elif time.mode is TimeMode.D:
            yield self._pick(f"全程时间: 每 {block} {price} ({charge})。", f"All time: {price} per {block}, {charge}.")
        else:
            below = f"{time.below:f} {self._unit}"
            yield self._pick(
                f"低于每小时 {below} 或等候: 每 {block} {price} ({charge})。", f"Below {below} an hour: {price} per {block}, {charge}."
            )
        for window in time.windows:
            yield self._pick(
                f"{window.from_}–{window.to}: 每 {block} {self._money(window.price)}。",
                f"From {window.from_} to {window.to} it is {self._money(window.price)} per {block}.",
            )

    def _single(self, price: str, block: str) -> str:
        speed = crossover_mm_per_ms(self._tariff)
        kmh = "" if speed is None else f"{float(speed) * 3.6:.1f} km/h"
        return self._pick(
            f"临界速度 {kmh} 以下计时不计程: 每 {block} {price}。", f"Below {kmh} time counts instead of distance: {price} per {block}."
        )

    def _night(self, night: Night) -> Iterator[str]:
        clock = self._pick(*_CLOCKS[night.clock]).format(lead=night.lead_min)
        on = self._pick("、", " and ").join(self._pick(*_ON[component.value]) for component in night.on)
        for window in night.windows:
            yield self._pick(
                f"夜间 {window.from_}–{window.to}: {on}为 {window.factor:f} 倍, {clock}。",
                f"By night, {window.from_} to {window.to}: {on} times {window.factor:f}, {clock}.",
            )

    def _long(self) -> Iterator[str]:
        long = self._tariff.long
        if long is None:
            return
        how = self._pick("全部里程", "all distance") if long.how is LongHow.WHOLE else self._pick("该段里程", "that distance")
        for band in long.bands:
            span = self._span(band)
            yield self._pick(f"远途 {span}: {how}为 {band.factor:f} 倍。", f"On long ways, {span}: {how} times {band.factor:f}.")
        if self._tariff.night is not None:
            adds = self._tariff.combine is Combine.ADD
            yield self._pick(
                "夜间与远途加收" + ("相加。" if adds else "相乘。"), f"Night and long-way surcharges {'add up' if adds else 'multiply'}."
            )

    def _extra(self, extra: Extra) -> str:
        when = [*extra.dates, *(day.value for day in extra.weekdays), *([extra.hours] if extra.hours else [])]
        conditions = [*when, *([extra.needs] if extra.needs else [])]
        told = f" ({', '.join(conditions)})" if conditions else ""
        title = extra.title.zh if self._language == ZH else extra.title.en
        zh, en = _PER[extra.per]
        amount = self._money(extra.amount)
        return _sentence(title + told, self._pick(f"{zh} {amount}", f"{amount} {en}"), self._language)

    def _rest(self) -> Iterator[str]:
        tariff = self._tariff
        if tariff.free is not None:
            by_platform = tariff.free.bearer is Bearer.PLATFORM
            free = f"{tariff.free.distance:f} {self._unit}"
            bearer = self._pick("平台", "the platform") if by_platform else self._pick("技师", "the technician")
            yield self._pick(f"每程前 {free}免费, 由{bearer}承担。", f"The first {free} of each way are free, borne by {bearer}.")
        if tariff.minimum is not None:
            yield self._pick(f"最低 {self._money(tariff.minimum)}。", f"At least {self._money(tariff.minimum)}.")
        if tariff.cap is not None:
            yield self._pick(f"最高 {self._money(tariff.cap)}。", f"At most {self._money(tariff.cap)}.")
        if tariff.hours:
            yield self._pick(f"仅在 {', '.join(tariff.hours)} 提供。", f"Offered {', '.join(tariff.hours)} only, for the way back too.")
        unit = self._money(tariff.rounding.unit)
        how = self._pick(*_ROUNDED[tariff.rounding.how])
        yield self._pick(f"取整到 {unit} ({how})。", f"Rounded to {unit}, {how}.")


_ONE = {"km": "km", "miles": "mile", "公里": "公里", "英里": "英里"}


def _block(block_s: int, language: str) -> str:
    if block_s % 3600 == 0:
        return f"{block_s // 3600} {'小时' if language == ZH else 'h'}"
    if block_s % 60 == 0:
        return f"{block_s // 60} {'分钟' if language == ZH else 'min'}"
    return f"{block_s} {'秒' if language == ZH else 's'}"


def _sentence(head: str, tail: str, language: str) -> str:
    return f"{head}: {tail}{'。' if language == ZH else '.'}" if language == ZH else f"{head[0].upper()}{head[1:]}: {tail}."
