"""Where does a frame end? The outer shape of a WebSocket frame in the bytes of a line. Source: RFC 6455, section 5.2."""

from typing import NamedTuple

_FINAL_TEXT = 0x81
_FINAL = 0x80
_MASKED = 0x80
_CONTROL = 0x08
_NO_TEXT = (0, 0)


class Cut(NamedTuple):
    """A frame whose head is known: payload from `begin` to `end`, which may lie beyond the bytes that are there."""

    head: int
    is_masked: bool
    begin: int
    end: int

    @property
    def is_plain_text(self) -> bool:
        """Tell whether it is a whole text message, masked as a client must, without anything negotiated."""
        return self.head == _FINAL_TEXT and self.is_masked

    @property
    def is_message(self) -> bool:
        """Tell whether it is a message or part of one, not a ping, pong or close, which may come between the parts."""
        return not self.head & _CONTROL

    @property
    def is_final(self) -> bool:
        """Tell whether its message ends with it."""
        return bool(self.head & _FINAL)


def text_at(data: bytes, at: int) -> tuple[int, int]:
    """Return where the payload of the frame at `at` begins and ends if it is a whole text message of less than 64 KiB, masked as a client
    must, and all of it is there; else (0, 0).

    This is what nearly everything that comes is: a fix in a frame of its own. `cut_frame` sees to the rest.
    """
    size = len(data) - at
    if size < 8 or data[at] != _FINAL_TEXT:
        return _NO_TEXT
    length, begin = data[at + 1] - _MASKED, at + 6
    if length == 126:
        length, begin = data[at + 2] << 8 | data[at + 3], at + 8
    elif not 0 <= length < 126:  # not masked, or longer than two bytes can say
        return _NO_TEXT
    end = begin + length
    return (begin, end) if end <= len(data) else _NO_TEXT


def cut_frame(data: bytes, at: int) -> Cut | None:
    """Return the frame that begins at `at`, None while too little of its head is there to know its end."""
    size = len(data)
    if size - at < 2:
        return None
    second = data[at + 1]
    masked, length, begin = second & _MASKED, second & 0x7F, at + 2
    if length > 125:
        more = 2 if length == 126 else 8
        if size < begin + more:
            return None
        length = int.from_bytes(data[begin : begin + more], "big")
        begin += more
    if masked:
        begin += 4
    return Cut(data[at], masked > 0, begin, begin + length)
