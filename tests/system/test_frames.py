# SPDX-License-Identifier: MIT
"""Frames as they may and may not come: fragments, control frames in between, reserved bits, masks (RFC 6455, 5)."""

import socket

import pytest

from clients import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, close_payload, frame, message


@pytest.mark.parametrize("pieces", [2, 3, 10, 100])
def test_fragments_become_one_message(wsd, raw, pieces):
    c = raw(wsd).open()
    text = message("z" * 200)
    size = -(-len(text) // pieces)
    parts = [text[i:i + size] for i in range(0, len(text), size)]
    data = frame(TEXT, parts[0], fin=False)
    data += b"".join(frame(CONTINUATION, part, fin=False) for part in parts[1:-1])
    c.send(data + frame(CONTINUATION, parts[-1]))
    assert c.read_json()["count"] == 1


def test_empty_fragments_are_nothing(wsd, raw):
    c = raw(wsd).open()
    c.send(frame(TEXT, "", fin=False) + frame(CONTINUATION, "", fin=False) + frame(CONTINUATION, message(), fin=False) +
           frame(CONTINUATION, ""))
    assert c.read_json()["count"] == 1


def test_pong_comes_before_the_answer_to_the_fragments_around_it(wsd, raw):
    c = raw(wsd).open()
    half = len(message()) // 2
    c.send(frame(TEXT, message()[:half], fin=False) + frame(PING, "between") + frame(CONTINUATION, message()[half:]))
    assert c.read_frame() == (PONG, b"between")
    assert c.read_json()["count"] == 1


def test_pings_between_fragments_in_packets_of_their_own(wsd, raw):
    c = raw(wsd).open()
    text = message("abcdefghij")
    c.send(frame(TEXT, text[:5], fin=False))
    for n, char in enumerate(text[5:-1]):
        c.send(frame(PING, f"p{n}"))
        assert c.read_frame() == (PONG, f"p{n}".encode())
        c.send(frame(CONTINUATION, char, fin=False))
    c.send(frame(CONTINUATION, text[-1]))
    assert c.read_json()["count"] == 1


def test_answers_after_fragments_keep_their_order(wsd, raw):
    c = raw(wsd).open()
    data = b""
    for n in range(0, 300, 3):
        text = message(id=n)
        data += frame(TEXT, text[:9], fin=False) + frame(CONTINUATION, text[9:])
        data += frame(TEXT, message(id=n + 1)) + frame(TEXT, message(id=n + 2))
    c.send(data)
    assert [c.read_json()["id"] for _ in range(300)] == list(range(300))


@pytest.mark.parametrize("kind", ["v4", "unix"])
def test_urgent_byte_is_one_like_others(start, raw, kind):
    """Taken out of line (MSG_OOB) it would be missing from its frame, and all that follows be misread."""
    c = raw(start(public=(kind,)).address()).open()
    whole = frame(TEXT, message())
    c.send(whole[:9])
    c.sock.send(whole[9:10], socket.MSG_OOB)
    c.send(whole[10:])
    assert c.read_json()["count"] == 1


@pytest.mark.parametrize("payload", [b"", b"x", b"\x00\xff" * 62, b"y" * 125])
def test_ping_is_answered_with_its_payload(wsd, raw, payload):
    c = raw(wsd).open()
    c.send(frame(PING, payload))
    assert c.read_frame() == (PONG, payload)


def test_unasked_pong_is_ignored(wsd, raw):
    c = raw(wsd).open()
    c.send(frame(PONG, b"nobody asked") + frame(PONG))
    assert c.ask(message())["count"] == 1


LONG_PING = frame(PING, "x" * 126)
LENGTH_2_63 = frame(TEXT, "x", length=1 << 63, form=64)


@pytest.mark.parametrize("bad", [
    frame(TEXT, message(), rsv=4),
    frame(TEXT, message(), rsv=2),
    frame(TEXT, message(), rsv=1),
    frame(3, "x"), frame(7, "x"), frame(0xb, "x"), frame(0xf, "x"),
    frame(CONTINUATION, "x"),
    frame(TEXT, "x", fin=False) + frame(TEXT, "y"),
    frame(TEXT, "x", fin=False) + frame(BINARY, "y"),
    frame(PING, "x", fin=False),
    frame(CLOSE, close_payload(1000), fin=False),
    LONG_PING, LENGTH_2_63,
], ids=["rsv1", "rsv2", "rsv3", "opcode 3", "opcode 7", "opcode 11", "opcode 15", "continuation of nothing",
        "text in a message", "binary in a message", "fragmented ping", "fragmented close", "long ping", "length 2^63"])
def test_broken_frame_ends_the_connection_with_1002(wsd, raw, bad):
    c = raw(wsd).open("/ws/chat/broken")
    c.send(bad)
    assert c.read_close() == 1002
    wsd.wait_log("closed", WS_CONNECTION_ID="broken", WS_CLOSE_CODE=1002)


@pytest.mark.parametrize("bad", [frame(CONTINUATION, "x"), frame(CLOSE, close_payload(1005)), frame(CLOSE, b"x")],
                         ids=["continuation of nothing", "code that does not exist", "half a code"])
def test_answers_stand_before_the_close_frame(wsd, raw, bad):
    """In one packet: they were held back until the end of the turn, and so came behind it."""
    c = raw(wsd).open()
    c.send(frame(TEXT, message()) + frame(TEXT, message()) + bad)
    assert [c.read_json()["count"] for _ in range(2)] == [1, 2]
    assert c.read_close() == 1002
    assert c.read_end() == b""


def test_what_waits_behind_a_pong_does_not_follow_the_close_frame(wsd, raw):
    """Answers to fragments go through the queue, which was written out behind it."""
    c = raw(wsd).open()
    c.send(frame(PING) + frame(TEXT, message()[:9], fin=False) + frame(CONTINUATION, message()[9:]) +
           frame(CLOSE, close_payload(1005)))
    assert c.read_close() == 1002
    assert c.read_end() == b""


def test_after_a_broken_frame_the_socket_is_soon_closed(wsd, raw):
    """libwebsockets would wait 5 s for a close frame that it could not read."""
    import time
    c = raw(wsd).open()
    began = time.monotonic()
    c.send(frame(TEXT, "x", rsv=4))
    c.read_end()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("bad", [frame(TEXT, message(), masked=False), frame(BINARY, b"x" * 200, masked=False),
                                 frame(TEXT, "", masked=False), frame(TEXT, "x", fin=False, masked=False),
                                 frame(TEXT, "x" * 65000, masked=False)],
                         ids=["text", "longer", "empty", "fragment", "long"])
def test_unmasked_frame_ends_the_connection_with_1002(wsd, raw, bad):
    """RFC 6455, 5.1. libwebsockets accepts such frames and does not tell; wsd sees it by the bytes that they lack."""
    c = raw(wsd).open("/ws/chat/bare")
    c.send(bad)
    assert c.read_close() == 1002
    assert int(wsd.wait_log("closed", WS_CONNECTION_ID="bare", WS_CLOSE_CODE=1002)["WS_MESSAGES"]) == 0


@pytest.mark.parametrize("sent", [
    frame(TEXT, message(), masked=False) * 20,
    frame(TEXT, message(), masked=False) + frame(CLOSE, close_payload(1000), masked=False),
    frame(TEXT, message(), masked=False) + frame(CLOSE, masked=False),
    frame(TEXT, message(), masked=False) + frame(CLOSE, close_payload(1000, "bye"), masked=False),
    frame(TEXT, message(), masked=False) * 20 + frame(CLOSE, close_payload(1000), masked=False),
    frame(CLOSE, close_payload(1000), masked=False),
], ids=["many", "with a close", "with an empty close", "with a reason", "many with a close", "close alone"])
def test_unmasked_frames_in_one_packet_end_the_connection_with_1002(wsd, raw, sent):
    """What follows the first one hid the four bytes that it lacks. None of them is answered."""
    c = raw(wsd).open("/ws/chat/bare")
    c.send(sent)
    assert c.read_frame() == (CLOSE, close_payload(1002))
    wsd.wait_log("closed", WS_CONNECTION_ID="bare", WS_CLOSE_CODE=1002)


def test_masked_frames_are_not_taken_for_others(wsd, raw):
    """In packets that end anywhere, after and between pings, so that the bytes read are seldom those of whole frames."""
    for size in range(1, 60):
        c = raw(wsd).open(f"/ws/chat/masked{size}")
        data = (frame(PING, "p") + frame(TEXT, message("x" * size)) + frame(PONG) + frame(TEXT, message("y" * 9 * size))) * 10
        for at in range(0, len(data), 17 * size):
            c.send(data[at:at + 17 * size])
        n = 0
        while n < 20:
            opcode, _ = c.read_frame()
            n += opcode == TEXT
            assert opcode in (TEXT, PONG)
        c.sock.close()


@pytest.mark.parametrize("form", [16, 64])
def test_needlessly_long_length_is_understood(wsd, raw, form):
    c = raw(wsd).open()
    c.send(frame(TEXT, message(), form=form))
    try:
        assert c.read_json()["count"] == 1
    except Closed:
        pass  # refusing it is as good


@pytest.mark.parametrize("size", [0, 1, 124, 125, 126, 127, 509, 512, 513, 1024, 4095, 4096, 4097, 65000])
def test_messages_of_all_sizes(wsd, raw, size):
    c = raw(wsd).open()
    assert c.ask(message("s" * size, id=size))["id"] == size


def test_frames_cut_at_every_byte(wsd, raw):
    """Two messages, cut in two at every place there is."""
    c = raw(wsd).open()
    data = frame(TEXT, message()) + frame(PING, "p") + frame(TEXT, message())
    for cut in range(1, len(data)):
        c.send(data[:cut])
        c.send(data[cut:])
        seen = [c.read_frame() for _ in range(3)]
        assert sorted(opcode for opcode, _ in seen) == [TEXT, TEXT, PONG]
