# SPDX-License-Identifier: MIT
"""RFC 6455, 5 and 6, as they bind a server: frames. See test_rfc6455.py."""

import os
import struct

import pytest

from clients import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, close_payload, frame, message

RESERVED = [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf]


def fails(c, *, quiet=False):
    """The server fails the connection: with 1002, or if quiet also without a Close frame (7.1.7)."""
    try:
        assert c.read_close() == 1002
    except Closed:
        assert quiet, "no Close frame"
    c.read_end()


def heads(c):
    """(first byte, second byte, bytes of the length) of each frame that the server has sent, until it closes."""
    data, found = c.buffer + c.read_end(), []
    while data:
        n, size = data[1] & 0x7f, 0
        if n >= 126:
            size = 2 if n == 126 else 8
            n = int.from_bytes(data[2:2 + size], "big")
        found.append((data[0], data[1], size, n))
        data = data[2 + size + n:]
    return found


# ------------------------------------------------------------ 5.1: masks


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 300])
def test_5_1_unmasked_data_frame_closes_the_connection(wsd, raw, opcode, size):
    """5.1: the server must close the connection upon receiving a frame that is not masked."""
    c = raw(wsd).open()
    c.send(frame(opcode, b"x" * size, masked=False))
    fails(c)


def test_5_1_unmasked_frame_after_masked_ones(wsd, raw):
    """Deviates: who has been seen to mask is not looked at again. Nobody but that client is affected."""
    c = raw(wsd).open()
    assert c.ask(message())["count"] == 1
    c.send(frame(TEXT, message(), masked=False))
    try:
        assert c.read_json()["count"] == 2
    except Closed:
        pass
    assert raw(wsd).open("/ws/chat/other").ask(message())["count"] == 1


@pytest.mark.parametrize("opcode, answer", [(PING, PONG), (CLOSE, CLOSE)], ids=["ping", "close"])
def test_5_1_unmasked_control_frame(wsd, raw, opcode, answer):
    """Deviates: libwebsockets takes it and shows nothing that would tell."""
    c = raw(wsd).open()
    c.send(frame(opcode, close_payload(1000), masked=False))
    try:
        assert c.read_frame()[0] in (answer, CLOSE)
    except Closed:
        pass
    assert raw(wsd).open("/ws/chat/other").ask(message())["count"] == 1


def test_5_1_server_masks_nothing_and_sends_whole_frames(start, raw):
    """5.1, 5.2, 5.4, 5.5: none of its frames is masked, none has reserved bits, control frames are whole and short, and
    lengths take the fewest bytes."""
    wsd = start(HEARTBEAT_INTERVAL=100)
    c = raw(wsd).open()
    for size in (0, 10, 60, 100, 128):
        c.send_text(message("x", id="i" * size))
    for payload in (b"", b"p" * 125):
        c.send(frame(PING, payload))
    while c.read_frame()[0] != PING:  # a heartbeat's, after all answers
        pass
    for size in (0, 10, 60, 100, 128):
        c.send_text(message("x", id="i" * size))
    c.send(frame(BINARY, b"x") + frame(TEXT, "nonsense") + frame(TEXT, '{"type":"disconnect"}'))
    seen = heads(c)
    assert {first & 0x0f for first, *_ in seen} >= {TEXT, CLOSE}
    assert any(size == 2 for _, _, size, _ in seen)
    for first, second, size, n in seen:
        assert first & 0xf0 == 0x80 and second & 0x80 == 0
        assert size == (0 if n < 126 else 2 if n < 65536 else 8)
        assert first & 0x08 == 0 or n <= 125


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01", None], ids=repr)
def test_5_3_any_mask_is_taken_off(wsd, raw, mask):
    """5.3, 6.2: each frame with its own key, which may be any, at every length modulo 4."""
    c = raw(wsd).open()
    for n in range(1, 9):
        text, key = message("m" * n).encode(), mask or os.urandom(4)
        c.send(bytes([0x80 | TEXT, 0x80 | len(text)]) + key + bytes(b ^ key[i % 4] for i, b in enumerate(text)))
        assert c.read_json()["count"] == n


def test_5_3_each_fragment_has_a_mask_of_its_own(wsd, raw):
    """5.3: the mask begins anew with each frame, also within a message."""
    c = raw(wsd).open()
    text = message("fragment")
    c.send(b"".join([frame(TEXT, text[:1], fin=False)] + [frame(CONTINUATION, x, fin=False) for x in text[1:]] +
                    [frame(CONTINUATION)]))
    assert c.read_json()["count"] == 1


# ------------------------------------------------------------ 5.2: the frame


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, PING, CLOSE])
def test_5_2_reserved_bits_fail_the_connection(wsd, raw, rsv, opcode):
    """5.2: a reserved bit that no extension has given a meaning fails the connection, in control frames, too."""
    c = raw(wsd).open()
    c.send(frame(opcode, close_payload(1000), rsv=rsv))
    fails(c, quiet=True)


@pytest.mark.parametrize("opcode", RESERVED)
@pytest.mark.parametrize("payload", [b"", b"x"], ids=["empty", "one byte"])
def test_5_2_unknown_opcodes_fail_the_connection(wsd, raw, opcode, payload):
    """5.2, 5.8: whatever they may mean to extensions, none of which is in use."""
    c = raw(wsd).open()
    c.send(frame(opcode, payload))
    fails(c, quiet=True)


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1])
def test_5_2_most_significant_bit_of_the_length_is_zero(wsd, raw, length):
    """5.2: a 64-bit length with that bit set ends the connection."""
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(TEXT, "x", length=length, form=64))
    fails(c, quiet=True)
    wsd.wait_log("closed", WS_CONNECTION_ID="c", WS_CLOSE_CODE=1002)


@pytest.mark.parametrize("form, size", [(16, 5), (64, 5), (64, 300)])
def test_5_2_length_in_more_bytes_than_needed(wsd, raw, form, size):
    """Deviates: 5.2 has the sender use the fewest; libwebsockets understands the others, and does not tell."""
    c = raw(wsd).open()
    text = message("x" * size)
    c.send(frame(TEXT, text, form=form))
    try:
        assert c.read_json()["count"] == 1
    except Closed:
        pass


@pytest.mark.parametrize("size", [125, 126, 127, 65535, 65536])
def test_5_2_lengths_at_the_bounds_of_their_forms(start, raw, size):
    """5.2: 7, 16 and 64 bits of length, where one ends and the next begins."""
    c = raw(start(MAX_MESSAGE_BYTES=70000)).open()
    text = message("x" * (size - len(message(""))))
    assert len(text) == size
    assert c.ask(text)["count"] == 1


# ------------------------------------------------------------ 5.4: fragments


def test_5_4_control_frames_between_fragments(wsd, raw):
    """5.4, 5.5: they are taken and answered in the middle of a message, at every place of it."""
    c = raw(wsd).open()
    text = message("interrupted")
    c.send(frame(TEXT, text[0], fin=False))
    for n, char in enumerate(text[1:]):
        c.send(frame(PING, str(n)) + frame(PONG, "unasked"))
        assert c.read_frame() == (PONG, str(n).encode())
        c.send(frame(CONTINUATION, char, fin=n == len(text) - 2))
    assert c.read_json()["count"] == 1


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_5_4_control_frames_are_not_fragmented(wsd, raw, opcode):
    """5.4, 5.5: one without FIN fails the connection, alone and with a continuation."""
    for n, rest in enumerate((b"", frame(CONTINUATION, "y"))):
        c = raw(wsd).open(f"/ws/chat/c{n}")
        c.send(frame(opcode, close_payload(1000), fin=False) + rest)
        fails(c, quiet=True)


@pytest.mark.parametrize("first, second", [(TEXT, TEXT), (TEXT, BINARY), (BINARY, TEXT), (BINARY, BINARY)])
def test_5_4_messages_are_not_interleaved(wsd, raw, first, second):
    """5.4: a new message before the last has ended fails the connection."""
    c = raw(wsd).open()
    c.send(frame(first, "x", fin=False) + frame(second, message()))
    fails(c)


@pytest.mark.parametrize("fin", [True, False])
def test_5_4_continuation_of_nothing(wsd, raw, fin):
    """5.4: a continuation frame follows a frame without FIN, and nothing else; also when a message has just ended."""
    for n, before in enumerate((b"", frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b"))):
        c = raw(wsd).open(f"/ws/chat/c{n}")
        c.send(before + frame(CONTINUATION, message(), fin=fin))
        while True:
            opcode, payload = c.read_frame()
            if opcode == CLOSE:
                break
            assert opcode == TEXT  # the answer to what came before
        assert payload[:2] == struct.pack("!H", 1002)


def test_5_4_type_is_that_of_the_first_frame(wsd, raw):
    """5.4, 5.6: the first frame says whether a message is text, however many follow."""
    c = raw(wsd).open()
    c.send(frame(BINARY, message()[:5], fin=False) + frame(CONTINUATION, message()[5:]))
    assert c.read_json()["code"] == "unsupported"
    c.send(frame(TEXT, message()[:5], fin=False) + frame(CONTINUATION, message()[5:]))
    assert c.read_json()["count"] == 1


def test_5_4_whole_and_fragmented_messages_mix(wsd, raw):
    """5.4: both must be supported."""
    c = raw(wsd).open()
    for n in range(1, 20, 2):
        assert c.ask(message(n))["count"] == n
        c.send(frame(TEXT, message(n)[:n], fin=False) + frame(CONTINUATION, message(n)[n:]))
        assert c.read_json()["count"] == n + 1


# ------------------------------------------------------------ 5.5: control frames


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("size", [126, 127, 200, 65536])
def test_5_5_control_frames_hold_125_bytes_at_most(wsd, raw, opcode, size):
    """5.5: a longer one fails the connection."""
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(opcode, close_payload(1000) + b"x" * (size - 2)))
    fails(c, quiet=True)
    wsd.wait_log("closed", WS_CONNECTION_ID="c", WS_CLOSE_CODE=1002)


@pytest.mark.parametrize("size", [0, 1, 2, 63, 124, 125])
def test_5_5_2_ping_is_answered_with_what_it_brought(wsd, raw, size):
    """5.5.2, 5.5.3: a Pong with the same payload, also when the message before it is not whole yet."""
    c = raw(wsd).open()
    payload = os.urandom(size)
    c.send(frame(PING, payload))
    assert c.read_frame() == (PONG, payload)
    c.send(frame(TEXT, "half", fin=False) + frame(PING, payload))
    assert c.read_frame() == (PONG, payload)


def test_5_5_2_each_ping_is_answered_when_they_wait_for_the_pong(wsd, raw):
    """5.5.2: one after the other, each with its own payload."""
    c = raw(wsd).open()
    for n in range(200):
        c.send(frame(PING, f"ping {n}"))
        assert c.read_frame() == (PONG, f"ping {n}".encode())


def test_5_5_3_several_pings_in_one_packet(wsd, raw):
    """Deviates: one Pong for several Pings is allowed, but it should be the newest's; libwebsockets answers the oldest and
    drops those that come while a Pong is owed. No Pong holds what was in no Ping."""
    c = raw(wsd).open()
    sent = [f"ping {n}".encode() for n in range(10)]
    c.send(b"".join(frame(PING, payload) for payload in sent) + frame(TEXT, message()))
    answered = [c.read_frame(), c.read_frame()]
    while {TEXT, PONG} != {opcode for opcode, _ in answered}:
        answered.append(c.read_frame())
    c.send(frame(PING, b"last"))
    while answered[-1] != (PONG, b"last"):
        answered.append(c.read_frame())
    pongs = [payload for opcode, payload in answered if opcode == PONG]
    assert set(pongs) <= set(sent + [b"last"])
    assert 2 <= len(pongs) <= 11


def test_5_5_3_unasked_pongs_are_not_answered(wsd, raw):
    """5.5.3: a Pong that nobody asked for is no fault, and gets no response."""
    c = raw(wsd).open()
    for size in (0, 1, 125):
        c.send(frame(PONG, "x" * size))
    assert c.ask(message())["count"] == 1


def test_5_5_2_no_pong_after_the_close(wsd, raw):
    """5.5.2: once a Close frame has come, Pings need no answer, and after ours none is sent."""
    c = raw(wsd).open()
    c.send(frame(CLOSE, close_payload(1000)) + frame(PING, "late"))
    assert c.read_close() == 1000
    assert c.read_end() == b""
