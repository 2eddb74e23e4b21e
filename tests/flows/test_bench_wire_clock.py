"""The bench's clock on the wire counts what came from when it came, not from when somebody read it."""

import asyncio
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from bench.wire_clock import HOST, Frames, Line, answered, post, stamping

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return ("asyncio", {"use_uvloop": request.param == "uvloop"})


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket]]:
    """The client's end and the server's end of one connection."""
    with stamping() as is_stamped, socket.create_server((HOST, 0)) as server, Line(server.getsockname()[1]) as line:
        if not is_stamped:
            pytest.skip("The kernel of this machine does not stamp packets.")
        other, _ = server.accept()
        with other:
            yield line, other


def late(line: Line) -> float:
    """Let something arrive, and return a time at which it has arrived and nobody has read it."""
    select.select([line], [], [])
    return time.time()


async def test_what_came_is_stamped_between_its_sending_and_a_late_reading(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    sent_s = time.time()
    server.sendall(b"here")
    late_s = late(line)

    data, arrived_s = await line.hear()

    assert data == b"here"
    assert sent_s <= arrived_s <= late_s


async def test_a_reader_who_waits_hears_of_what_comes_then(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    asked_s = line.say(b"ask")
    waiting = asyncio.create_task(line.hear())
    await asyncio.sleep(0)
    sent_s = time.time()
    server.sendall(b"answer to " + server.recv(100))
    late_s = late(line)

    data, arrived_s = await waiting

    assert data == b"answer to ask"
    assert asked_s <= sent_s <= arrived_s <= late_s


async def test_who_has_ended_is_not_waited_for(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    server.close()

    with pytest.raises(ConnectionError):
        await line.hear()


async def test_what_came_in_two_packets_has_the_stamp_of_the_second(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    server.sendall(b"first ")
    second_s = late(line)
    server.sendall(b"second")
    late_s = late(line)

    came = b""
    while len(came) < len(b"first second"):
        data, arrived_s = await line.hear()
        came += data

    assert second_s <= arrived_s <= late_s


async def test_an_answer_arrives_with_the_packet_that_ends_it(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    line.say(post("/v1/sos", "token", b'{"tap_id":"1"}'))
    asked = server.recv(1000)
    server.sendall(b'HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status"')
    second_s = late(line)
    server.sendall(b':"no"}')
    late_s = late(line)

    answer = await answered(line)

    assert asked.startswith(b"POST /v1/sos HTTP/1.1\r\n")
    assert asked.endswith(b'\r\nContent-Length: 14\r\n\r\n{"tap_id":"1"}')
    assert (answer.status, answer.body) == (503, b'{"status":"no"}')
    assert second_s <= answer.arrived_s <= late_s


async def test_a_frame_arrives_with_the_packet_that_ends_it(ends: tuple[Line, socket.socket]) -> None:
    line, server = ends
    frames, served = Frames(line, "/v1/ws/console"), ServerProtocol(subprotocols=[Subprotocol("porchlight.v1")])
    opening = asyncio.create_task(frames.open())
    await asyncio.sleep(0)
    served.receive_data(server.recv(1000))
    [request] = served.events_received()
    assert isinstance(request, Request)
    served.send_response(served.accept(request))
    server.sendall(b"".join(served.data_to_send()))
    await opening
    served.send_text(b'{"type":"ready"}')
    served.send_text(b'{"put":"' + b"x" * 1000 + b'"}')
    both = b"".join(served.data_to_send())
    server.sendall(both[:-5])
    second_s = late(line)
    server.sendall(both[-5:])
    late_s = late(line)

    texts = frames.texts()
    heard = [await anext(texts), await anext(texts)]

    assert [text[:8] for text, _ in heard] == [b'{"type":', b'{"put":"']
    assert second_s <= heard[-1][1] <= late_s
