# SPDX-License-Identifier: MIT
"""The closing handshake, begun by the client (RFC 6455, 5.5.1 and 7)."""

import socket

import pytest

from clients import CLOSE, PING, TEXT, close_payload, frame, message, wait_open


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
