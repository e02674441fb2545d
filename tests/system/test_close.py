# SPDX-License-Identifier: MIT
"""The closing handshake, begun by the client (RFC 6455, 5.5.1 and 7)."""

import json
import socket
import threading
import time

import pytest

from clients import CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame, message, wait_open
from metrics import gained, read, wait_paused
from process import SCALE


def logged_code(wsd, connection_id="c"):
    return int(wsd.wait_log("closed", WS_CONNECTION_ID=connection_id)["WS_CLOSE_CODE"])


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_code_is_echoed_and_logged(wsd, raw, code):
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(CLOSE, close_payload(code, "because")))
    assert c.read_close() == code
    assert c.read_end() == b""
    assert logged_code(wsd) == code
    assert wsd.wait_log("closed")["WS_CLOSED_BY"] == "client"


@pytest.mark.parametrize("code", [1012, 1013, 1014])
def test_codes_that_libwebsockets_does_not_know(wsd, raw, code):
    """It shows them as 1002 (and 1012 to 1014 are a server's to send); the connection ends all the same."""
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(CLOSE, close_payload(code)))
    assert c.read_close() in (code, 1002)
    c.read_end()


def test_empty_close_is_answered(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(CLOSE))
    assert c.read_close() in (None, 1000)
    c.read_end()
    assert logged_code(wsd) == 1005


@pytest.mark.parametrize("code", ["half", 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_bad_close_is_a_protocol_error(wsd, raw, code):
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(CLOSE, b"\x03" if code == "half" else close_payload(code)))
    code = None
    try:
        code = c.read_close()
    except Exception:  # to end without a close frame is allowed (RFC 6455, 7.1.7)
        pass
    assert code in (None, 1002)
    assert logged_code(wsd) == 1002


@pytest.mark.parametrize("bad, code", [(b"\x03", 1002), (close_payload(5000), 1002), (close_payload(1005), 1002),
                                       (close_payload(1000, b"\xff\xfe"), 1007)],
                         ids=["half a code", "5000", "1005", "reason that is not UTF-8"])
def test_socket_is_closed_at_once_after_a_bad_close(wsd, raw, bad, code):
    """libwebsockets waited 5 s for an answer to its Close frame, from a client that had said Close; and so long the id was
    taken."""
    c = raw(wsd).open("/ws/chat/again")
    began = time.monotonic()
    c.send(frame(CLOSE, bad))
    assert c.read_close() == code
    assert c.read_end() == b""
    wait_open(wsd, 0)
    raw(wsd).open("/ws/chat/again")
    assert time.monotonic() - began < 3 * SCALE


def test_reason_that_is_not_utf8(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(CLOSE, close_payload(1000, b"\xff\xfe")))
    try:
        assert c.read_close() == 1007
    except Exception:
        pass
    assert logged_code(wsd) == 1007


def test_messages_before_the_close_are_answered(wsd, raw):
    c = raw(wsd).open()
    c.send(frame(TEXT, message()) * 3 + frame(CLOSE, close_payload(1000)))
    assert [c.read_json()["count"] for _ in range(3)] == [1, 2, 3]
    assert c.read_close() == 1000


HALF = len(message()) // 2
FRAGMENTS = frame(TEXT, message()[:HALF], fin=False) + frame(CONTINUATION, message()[HALF:])


@pytest.mark.parametrize("sent, answers", [
    (FRAGMENTS, 1),
    (FRAGMENTS * 3, 3),
    (frame(TEXT, message()) + FRAGMENTS + frame(TEXT, message()), 3),
    (frame(PING, "p") + FRAGMENTS, 1),
    (frame(TEXT, message()[:HALF], fin=False) + frame(PING, "p") + frame(CONTINUATION, message()[HALF:]), 1),
], ids=["one", "three", "among whole ones", "behind a ping", "around a ping"])
@pytest.mark.parametrize("end, code", [(frame(CLOSE, close_payload(1000)), 1000), (frame(TEXT, "x", rsv=4), 1002),
                                       (frame(CLOSE, b"x"), 1002)],
                         ids=["close", "broken frame", "half a code"])
def test_messages_in_fragments_before_the_close_are_answered(wsd, raw, sent, answers, end, code):
    """In one packet: their answers wait for the socket's next turn, in which the Close frame overtook them."""
    c = raw(wsd).open("/ws/chat/c")
    c.send(sent + end)
    counts = []
    while len(counts) < answers:
        opcode, payload = c.read_frame()
        if opcode != PONG:
            assert opcode == TEXT
            counts.append(json.loads(payload)["count"])
    assert counts == list(range(1, answers + 1))
    assert c.read_close() == code
    assert c.read_end() == b""
    assert int(wsd.wait_log("closed", WS_CONNECTION_ID="c", WS_CLOSE_CODE=code)["WS_MESSAGES"]) == answers


def test_messages_in_fragments_before_the_end_of_the_stream_are_answered(wsd, raw):
    c = raw(wsd).open()
    c.send(FRAGMENTS)
    c.sock.shutdown(socket.SHUT_WR)
    assert c.read_json()["count"] == 1


@pytest.mark.parametrize("fragmented", [False, True], ids=["whole", "in fragments"])
def test_close_is_answered_behind_answers_that_nobody_reads_yet(wsd, raw, fragmented):
    """The client asks much, reads nothing, says Close, and only then reads: libwebsockets dropped it, having something
    half-written."""
    n = 2500
    c = raw(wsd, receive_buffer=4096).open("/ws/chat/late")
    before = read(wsd)
    sender = threading.Thread(target=lambda: c.send(
        b"".join(fragments(i) if fragmented else frame(TEXT, message(id=f"{i}{'i' * 120}")) for i in range(n)) +
        frame(CLOSE, close_payload(1000))))
    sender.start()
    wait_paused(wsd, 1)
    for i in range(n):
        assert c.read_json()["id"] == f"{i}{'i' * 120}"
    assert c.read_close() == 1000
    assert c.read_end() == b""
    sender.join()
    assert int(wsd.wait_log("closed", WS_CONNECTION_ID="late", WS_CLOSE_CODE=1000)["WS_MESSAGES"]) == n
    wait_open(wsd, 0)
    changes = gained(before, read(wsd))
    assert not [name for name in changes if name.startswith("websocket_errors_total")], changes


def fragments(i):
    text = message(id=f"{i}{'i' * 120}")
    return frame(TEXT, text[:9], fin=False) + frame(CONTINUATION, text[9:])


BAD_UTF8 = frame(TEXT, b"\xff\xfe")
DISCONNECT = frame(TEXT, '{"type":"disconnect"}')
TOO_LARGE = frame(TEXT, "x", length=70000)


@pytest.mark.parametrize("first, code", [
    (BAD_UTF8, 1007), (DISCONNECT, 1000), (frame(TEXT, b"\xff", fin=False) + frame(CONTINUATION), 1007), (TOO_LARGE, 1009),
    (frame(TEXT, message(), masked=False), 1002), (frame(TEXT, "x", rsv=4), 1002), (frame(CLOSE, b"x"), 1002),
    (frame(CLOSE, close_payload(1001)), 1001),
], ids=["not UTF-8", "disconnect", "fragments not UTF-8", "too large", "no mask", "broken frame", "half a code", "close"])
@pytest.mark.parametrize("then", [
    frame(CLOSE, close_payload(1000)), frame(CLOSE, close_payload(3000)), frame(CLOSE, b"x"), frame(TEXT, "x", rsv=4),
    frame(3), frame(PING, "x" * 126), frame(TEXT, "x", length=1 << 63, form=64), BAD_UTF8, DISCONNECT, TOO_LARGE,
], ids=["close", "close 3000", "half a code", "reserved bit", "opcode 3", "long ping", "length 2^63", "not UTF-8", "disconnect",
        "too large"])
def test_what_comes_first_decides_the_code(wsd, raw, first, code, then):
    """In one packet: whatever ended the connection, later bytes do not change why."""
    c = raw(wsd).open("/ws/chat/c")
    before = read(wsd)
    c.send(first + then)
    assert c.read_close() == code
    c.read_end()
    assert logged_code(wsd) == code
    wait_open(wsd, 0)
    closed = [name for name in gained(before, read(wsd)) if name.startswith("websocket_connections_closed_total")]
    assert closed == [f'websocket_connections_closed_total{{code="{code}"}}']


def test_messages_after_the_close_are_ignored(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(CLOSE, close_payload(1000)) + frame(TEXT, message()) * 3)
    assert c.read_close() == 1000
    assert c.read_end() == b""
    assert int(wsd.wait_log("closed", WS_CONNECTION_ID="c")["WS_MESSAGES"]) == 0


def test_messages_after_disconnect_are_ignored(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(TEXT, '{"type":"disconnect"}') + frame(TEXT, message()) * 3)
    assert c.read_json()["type"] == "goodbye"
    assert c.read_close() == 1000


def test_client_that_does_not_answer_the_close_is_cut(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.send_text('{"type":"disconnect"}')
    assert c.read_json()["type"] == "goodbye"
    assert c.read_close() == 1000
    c.read_end()
    assert logged_code(wsd) == 1000


def test_connection_reset(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    c.sock.close()
    assert logged_code(wsd) == 1006
    assert wsd.wait_log("closed")["WS_CLOSED_BY"] == "network"


def test_reset_behind_bytes_that_nobody_has_read(wsd, raw):
    """The client floods, reads nothing, and is gone: that is no fault in its frames."""
    for n in range(5):
        c = raw(wsd, receive_buffer=4096).open(f"/ws/chat/flood{n}")
        c.sock.setblocking(False)
        try:
            for _ in range(500):
                c.sock.sendall(frame(PING, b"x" * 125) * 200)
        except BlockingIOError:
            pass
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        c.sock.close()
        assert logged_code(wsd, f"flood{n}") == 1006


def test_half_closed_by_the_client(wsd, raw):
    c = raw(wsd).open("/ws/chat/c")
    c.sock.shutdown(socket.SHUT_WR)
    c.read_end()
    assert logged_code(wsd) == 1006


def test_id_is_free_after_each_kind_of_end(wsd, raw):
    for end in (b"", frame(CLOSE, close_payload(1000)), frame(TEXT, "x", rsv=1)):
        c = raw(wsd).open("/ws/chat/again")
        c.send(end)
        if not end:
            c.sock.shutdown(socket.SHUT_RDWR)
        wait_open(wsd, 0)
    raw(wsd).open("/ws/chat/again")
