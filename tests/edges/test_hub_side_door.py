"""The short way of texts through one open socket: what may take it, and what uvicorn's protocol must see first."""

from types import SimpleNamespace

from websockets.frames import Frame, Opcode

from hub.direct_socket import SideDoor

TEXT = Frame(Opcode.TEXT, b'{"type":"heartbeat"}').serialize(mask=True)


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing


class Protocol:
    """Stands for uvicorn's: `waits` while it holds a piece of something."""

    def __init__(self) -> None:
        self.transport, self.writable = Transport(), SimpleNamespace(is_set=lambda: True)
        self.waits = False
        self.read: list[bytes] = []

    @property
    def is_plain(self) -> bool:
        return not self.waits

    def data_received(self, data: bytes) -> None:
        self.read.append(data)


def door() -> tuple[SideDoor, Protocol, list[bytes | str]]:
    protocol, told = Protocol(), []
    return SideDoor(protocol, told.append, 65_536), protocol, told


def test_a_text_is_told_and_what_follows_it_is_left_to_the_protocol():
    side, protocol, told = door()
    side.data_received(TEXT + TEXT + TEXT[:9])
    assert told == [b'{"type":"heartbeat"}'] * 2
    assert protocol.read == [TEXT[:9]]


def test_while_the_protocol_holds_a_piece_nothing_passes_it_though_it_looks_like_a_text():
    side, protocol, told = door()
    protocol.waits = True
    side.data_received(TEXT[:9])
    side.data_received(TEXT)
    assert (told, protocol.read) == ([], [TEXT[:9], TEXT])
    protocol.waits = False
    side.data_received(b"")
    side.data_received(TEXT[:3])
    side.data_received(TEXT)
    assert told == [b'{"type":"heartbeat"}']


def test_a_line_that_ends_takes_no_more():
    side, protocol, _ = door()
    assert side.is_writable
    protocol.transport.closing = True
    assert not side.is_writable
