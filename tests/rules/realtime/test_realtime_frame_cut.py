"""Frames are cut where RFC 6455 says, whatever the line brings at once."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from realtime.frame_cut import cut_frame, text_at

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])


@given(SIZES, st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), st.booleans(), st.booleans())
def test_the_end_is_where_another_writer_put_it(size, opcode, fin, mask):
    frame = Frame(opcode, b"x" * size, fin=fin).serialize(mask=mask)

    cut = cut_frame(b"ahead" + frame + b"behind", 5)

    assert cut is not None
    assert cut.end == 5 + len(frame)
    assert cut.end - cut.begin == size
    assert (cut.is_masked, cut.is_final, cut.is_message) == (mask, fin, True)
    assert cut.is_plain_text == (opcode is Opcode.TEXT and fin and mask)


@given(SIZES, st.booleans())
def test_nothing_is_said_of_a_frame_whose_length_is_not_there_yet(size, mask):
    frame = Frame(Opcode.TEXT, b"x" * size).serialize(mask=mask)
    head = len(frame) - size - (4 if mask else 0)

    for there in range(head):
        assert cut_frame(frame[:there], 0) is None
    assert cut_frame(frame[:head], 0) is not None


def test_a_ping_is_no_part_of_a_message():
    cut = cut_frame(Frame(Opcode.PING, b"are you there").serialize(mask=True), 0)

    assert cut is not None
    assert not cut.is_message
    assert not cut.is_plain_text


@given(SIZES, st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), st.booleans(), st.booleans(), st.integers(-1, 3))
def test_a_text_is_found_where_cut_frame_finds_one_and_nowhere_else(size, opcode, fin, mask, more):
    frame = Frame(opcode, b"x" * size, fin=fin).serialize(mask=mask)
    data = b"ahead" + (frame + b"more"[:more] if more >= 0 else frame[:-1])
    cut = cut_frame(data, 5)
    is_whole = cut is not None and cut.is_plain_text and cut.end <= len(data) and size < 65_536

    begin, end = text_at(data, 5)

    if len(data) - 5 < 8:
        assert (begin, end) == (0, 0)  # too short to be worth a quick look
    else:
        assert (begin, end) == ((cut.begin, cut.end) if is_whole else (0, 0))


@given(st.binary(max_size=12))
def test_no_bytes_at_all_are_taken_for_a_text_that_they_are_not(data):
    begin, end = text_at(data, 0)
    cut = cut_frame(data, 0)

    assert begin == 0 or (cut is not None and cut.is_plain_text and (cut.begin, cut.end) == (begin, end))
