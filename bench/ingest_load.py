"""Who sends the fixes and watches them arrive? Devices and customers of one run, in a process of its own.

    python -m bench.ingest_load < plan.json > result.json

Reads a `Plan`, opens all sockets, warms up, measures, and writes a `Result`. The sockets are spoken by hand over asyncio protocols, because
a client library would cost more than the server under test: one frame a packet, as phones send them. The masking key is zero, which RFC
6455 allows and which a server unmasks like any other.

Closed loop: `window` fixes of each device are under way at any time; the next is sent when one has reached its customer. Open loop: `rate`
fixes a second, spread over the devices, whatever the hub does.
"""

import asyncio
import math
import random
import struct
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any

import msgspec
import uvloop

from bench.process_account import cpu_s

RADIUS_M = 300.0
SPEED_MPS = 9.0
M_PER_DEG = 111_320.0
STUCK_S = 20.0
BEAT_S = 15.0
OPEN_S = 30.0
PRIME_S = 15.0
SETTLE_S = 20.0
OPENING = 100
"""Handshakes under way at once."""


class Pair(msgspec.Struct, frozen=True, array_like=True):
    """One technician's device token, her customer's link token, and the centre of the circle that she drives, degrees."""

    device_token: str
    link_token: str
    lat: float
    lon: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. `dialect`: hub, tutorial or echo; `port` of devices, `customer_port` of customers; `pids`: whose CPU is counted,
    `recorders`: whose is counted apart.

    `window` or `rate` as above. Times in seconds.
    """

    dialect: str
    port: int
    customer_port: int
    pids: list[int]
    pairs: list[Pair]
    recorders: list[int] = []
    window: int = 0
    rate: float = 0.0
    warm_s: float = 4.0
    measure_s: float = 3.0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, in the measured time. `delivered`: frames that reached the customer (of `echo`: the device).

    `sent_all` and `acked_all` are of the whole run, warm-up included. `fixes_per_cpu_s`: delivered per CPU second of `pids`.
    `cpu_share`: of one core. `recorder_cpu_s`: what the recorders used meanwhile, which is in neither. `sender_late_p99_ms`: how late the
    open loop sent, which is the generator's fault and not in the latency.
    """

    delivered: int
    seconds: float
    cpu_s: float
    fixes_per_cpu_s: float
    fixes_per_s: float
    cpu_share: float
    recorder_cpu_s: float
    p50_ms: float | None
    p99_ms: float | None
    sender_late_p99_ms: float | None
    sent_all: int
    acked_all: int
    refused_all: int
    stuck: int
    generator_cpu_share: float


class _Ack(msgspec.Struct):
    ranges: list[tuple[int, int]] = []
    refused: list[Any] = []
    type: str = ""


_ack = msgspec.json.Decoder(_Ack)


class Socket(asyncio.Protocol):
    """One client socket: handshake, then text frames to `on_text`, pings answered."""

    def __init__(self, path: str, on_open: Callable[[], None], on_text: Callable[[bytes], None]) -> None:
        self._path, self._on_open, self._on_text = path, on_open, on_text
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._rest = b""
        self._is_open = False
        self.is_closed = False

    async def connect(self, port: int) -> None:
        """Open the connection to a port of this machine."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say the opening handshake."""
        self._transport = transport  # type: ignore[assignment]
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: cG9yY2hsaWdodC1iZW5jaA==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: porchlight.v1\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames; a server does not mask."""
        if self._rest:
            data = self._rest + data
        if not self._is_open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if b" 101 " not in head[:20]:
                raise RuntimeError(f"The server refused the socket: {head[:200]!r}")
            self._is_open = True
            self._on_open()
        at, size = 0, len(data)
        while size - at >= 2:
            length, begin = data[at + 1], at + 2
            if length == 126:
                if size - begin < 2:
                    break
                length, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
            if size - begin < length:
                break
            self._frame(data[at] & 15, data[begin : begin + length])
            at = begin + length
        self._rest = data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 1:
            self._on_text(payload)
        elif opcode == 9:
            self._transport.write(b"\x8a" + _masked(payload))

    def say(self, text: bytes) -> None:
        """Send one text frame."""
        self._transport.write(b"\x81" + _masked(text))

    def close(self) -> None:
        """Close without ceremony."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self.is_closed = True


def _masked(payload: bytes) -> bytes:
    size = len(payload)
    return (struct.pack("!BI", 0x80 | size, 0) if size < 126 else struct.pack("!BHI", 0xFE, size, 0)) + payload


class Couple:
    """One technician's device and her customer."""

    def __init__(self, run: "Run", number: int, pair: Pair) -> None:
        self._run, self._number, self._pair = run, number, pair
        self._dialect = run.plan.dialect
        self.ready = asyncio.Event()
        self._waiting_for = 1 if self._dialect == "echo" else 2
        self.device: Socket = None  # type: ignore[assignment]
        self.customer: Socket | None = None
        self._seq = 0
        self._last_ms = 0
        self.under_way: dict[int, float] = {}

    async def open(self) -> None:
        """Open both sockets; return when fixes may flow."""
        plan = self._run.plan
        is_hub = self._dialect == "hub"
        if self._dialect != "echo":
            path = "/v1/ws/visit" if is_hub else f"/customer/{self._number}"
            self.customer = Socket(path, self._watch if is_hub else _nothing, self._shown)
            await self.customer.connect(plan.customer_port)
        path = "/v1/ws/technician" if is_hub else f"/device/{self._number}"
        heard = self._shown if self._dialect == "echo" else self._answered
        self.device = Socket(path, self._hello if is_hub else self._half, heard)
        await self.device.connect(plan.port)
        await asyncio.wait_for(self.ready.wait(), OPEN_S)

    def send(self) -> None:
        """Send the next fix: a place on her circle, by time."""
        now_s = time.time()
        at_ms = self._last_ms = max(int(now_s * 1000), self._last_ms + 1)
        turn = at_ms * (SPEED_MPS / RADIUS_M / 1000) % math.tau
        lat = self._pair.lat + math.sin(turn) * (RADIUS_M / M_PER_DEG)
        lon = self._pair.lon + math.cos(turn) * (RADIUS_M / M_PER_DEG)
        self._seq += 1
        self.under_way[at_ms] = now_s
        self._run.sent += 1
        self.device.say(
            b'{"type":"fix","seq":%d,"at_ms":%d,"lat":%.8f,"lon":%.8f,"accuracy_m":5.0,"speed_mps":9.0,"heading_deg":90.0,"battery_pct":71}'
            % (self._seq, at_ms, lat, lon)
        )

    def beat(self) -> None:
        """Say that the customer's page is still there, as pages do: the hub ends a line that is silent for a minute."""
        if self.customer is not None and self._dialect == "hub":
            self.customer.say(b'{"type":"heartbeat"}')

    def close(self) -> None:
        """Close both."""
        for socket in (self.device, self.customer):
            if socket is not None:
                socket.close()

    def _hello(self) -> None:
        epoch = self._run.device_epoch
        self.device.say(b'{"type":"hello","token":"%s","device_epoch":%d,"sent_at_ms":%d}' % (
            self._pair.device_token.encode(), epoch, int(time.time() * 1000)
        ))

    def _watch(self) -> None:
        assert self.customer is not None
        self.customer.say(b'{"type":"watch","link":"%s"}' % self._pair.link_token.encode())

    def _half(self) -> None:
        self._waiting_for -= 1
        if self._waiting_for <= 0:
            self.ready.set()

    def _answered(self, text: bytes) -> None:
        """Hear the hub's answers to the device; the tutorial has none."""
        if text.startswith(b'{"type":"ack"'):
            ack = _ack.decode(text)
            self._run.acked += sum(last - first + 1 for first, last in ack.ranges)
            self._run.refused += len(ack.refused)
        elif text.startswith(b'{"type":"welcome"'):
            self._half()
        elif text.startswith((b'{"type":"error"', b'{"type":"busy"')):
            self._run.complain(text)

    def _shown(self, text: bytes) -> None:
        """Hear what the customer is shown: match it with the fix by its time."""
        if text.startswith((b'{"type":"snapshot"', b'{"type":"ready"')):
            self._half()
            return
        found = text.find(b'"at_ms":')
        if found < 0:
            return
        at_ms = int(text[found + 8 : found + 22].strip(b" ,}"))
        sent_s = self.under_way.pop(at_ms, None)
        if sent_s is None:
            return
        freed = 1
        # An older one that has not come will not come: a newer one took its place.
        while self.under_way and next(iter(self.under_way)) < at_ms:
            del self.under_way[next(iter(self.under_way))]
            freed += 1
        self._run.delivered(self, sent_s, freed)


def _nothing() -> None:
    return


class Run:
    """One measured run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.device_epoch = random.getrandbits(40)
        self.sent = self.acked = self.refused = self.stuck = 0
        self._delivered = 0
        self._is_closed_loop = plan.window > 0
        self._is_measuring = self._is_sending = False
        self._latencies_s = array("d")
        self._late_s = array("d")
        self._complaints = 0
        self._couples = [Couple(self, number, pair) for number, pair in enumerate(plan.pairs)]

    def delivered(self, couple: Couple, sent_s: float, freed: int) -> None:
        """Count a fix that reached its customer, and send the next in a closed loop."""
        if self._is_measuring:
            self._delivered += 1
            self._latencies_s.append(time.time() - sent_s)
        if self._is_closed_loop and self._is_sending:
            for _ in range(freed):
                couple.send()

    def complain(self, text: bytes) -> None:
        """Tell of the first few answers that should not come."""
        self._complaints += 1
        if self._complaints <= 3:
            sys.stderr.write(f"the hub said {text[:200]!r}\n")

    async def measure(self) -> Result:
        """Open, warm up, measure, close."""
        gate = asyncio.Semaphore(OPENING)
        await asyncio.gather(*(self._opened(couple, gate) for couple in self._couples))
        await self._prime()
        self._is_sending = True
        loops = [asyncio.create_task(each) for each in (self._mend() if self._is_closed_loop else self._pace(), self._beat())]
        if self._is_closed_loop:
            for couple in self._couples:
                for _ in range(self.plan.window):
                    couple.send()
        await asyncio.sleep(self.plan.warm_s)
        began_s, own_s = time.perf_counter(), time.process_time()
        before_s, recorded_s = cpu_s(self.plan.pids), cpu_s(self.plan.recorders)
        self._is_measuring = True
        await asyncio.sleep(self.plan.measure_s)
        self._is_measuring = False
        seconds, used_s = time.perf_counter() - began_s, cpu_s(self.plan.pids) - before_s
        recorded_s, own_s = cpu_s(self.plan.recorders) - recorded_s, time.process_time() - own_s
        self._is_sending = False
        for task in loops:
            task.cancel()
        await self._settle()
        for couple in self._couples:
            couple.close()
        await asyncio.sleep(0.05)
        return self._result(seconds, used_s, recorded_s, own_s)

    async def _opened(self, couple: Couple, gate: asyncio.Semaphore) -> None:
        async with gate:
            await couple.open()

    async def _prime(self) -> None:
        """Let one fix of everybody get through, so that nothing of the measured time goes into reading who they are."""
        for couple in self._couples:
            couple.send()
        end_s = time.perf_counter() + PRIME_S
        while any(couple.under_way for couple in self._couples) and time.perf_counter() < end_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        for couple in self._couples:
            couple.under_way.clear()

    async def _settle(self) -> None:
        """Wait until the hub has acknowledged everything, at most 20 s."""
        end_s = time.perf_counter() + SETTLE_S
        while self.plan.dialect == "hub" and self.acked + self.refused < self.sent and time.perf_counter() < end_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _mend(self) -> None:
        """Send again where nothing has come for long: a fix that was not shown would stop its couple for ever."""
        while True:
            await asyncio.sleep(1.0)
            late_s = time.time() - STUCK_S
            for couple in self._couples:
                if not couple.under_way or next(iter(couple.under_way.values())) < late_s:
                    self.stuck += 1
                    couple.under_way.clear()
                    for _ in range(self.plan.window):
                        couple.send()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            for number, couple in enumerate(self._couples):
                couple.beat()
                if number % 10 == 0:
                    await asyncio.sleep(0.01)  # pages are not opened in one moment either

    async def _pace(self) -> None:
        couples, rate = self._couples, self.plan.rate
        began_s, count = time.perf_counter(), 0
        while True:
            due = int((time.perf_counter() - began_s) * rate)
            while count < due:
                if self._is_measuring:
                    self._late_s.append(time.perf_counter() - began_s - count / rate)
                couples[count % len(couples)].send()
                count += 1
            await asyncio.sleep(0.001)

    def _result(self, seconds: float, used_s: float, recorded_s: float, own_s: float) -> Result:
        ordered = sorted(self._latencies_s)
        return Result(
            delivered=self._delivered,
            seconds=round(seconds, 3),
            cpu_s=round(used_s, 2),
            fixes_per_cpu_s=round(self._delivered / used_s) if used_s else 0.0,
            fixes_per_s=round(self._delivered / seconds),
            cpu_share=round(used_s / seconds, 3),
            recorder_cpu_s=round(recorded_s, 2),
            p50_ms=_quantile_ms(ordered, 0.5),
            p99_ms=_quantile_ms(ordered, 0.99),
            sender_late_p99_ms=_quantile_ms(sorted(self._late_s), 0.99),
            sent_all=self.sent,
            acked_all=self.acked,
            refused_all=self.refused,
            stuck=self.stuck,
            generator_cpu_share=round(own_s / seconds, 3),
        )


def _quantile_ms(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 2) if ordered else None


def main() -> None:
    """Do what standard input says."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(Run(plan).measure())
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")


if __name__ == "__main__":
    main()
