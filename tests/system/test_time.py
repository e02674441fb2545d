# SPDX-License-Identifier: MIT
"""What happens by the clock: heartbeats, silence, slow handshakes."""

import time

import pytest

from clients import PING, PONG, TEXT, Raw, frame, message
from process import SCALE


def test_heartbeats_come_with_a_ping(start, raw):
    c = raw(start(HEARTBEAT_INTERVAL=200)).open()
    for _ in range(3):
        beat = c.read_json(skip_heartbeats=False)
        assert beat["type"] == "heartbeat" and beat["timestamp"].endswith("Z") and beat["instance"] == "test"
        opcode, payload = c.read_frame()
        assert opcode == PING
        c.send(frame(PONG, payload))


def test_heartbeats_keep_their_pace(start, raw):
    c = raw(start(HEARTBEAT_INTERVAL=200)).open()
    c.read_json(skip_heartbeats=False)
    began = time.monotonic()
    for _ in range(5):
        c.read_frame()
        c.read_json(skip_heartbeats=False)
    assert 0.7 < time.monotonic() - began < 5 * SCALE


def test_silent_peer_is_closed_in_time(start, raw):
    wsd = start(CONNECTION_TIMEOUT=400, HEARTBEAT_INTERVAL=10000)
    began = time.monotonic()
    c = raw(wsd).open("/ws/chat/silent")
    goodbye = c.read_json()
    assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"]) == ("goodbye", "timeout", True)
    assert c.read_close() == 1001
    assert 0.39 < time.monotonic() - began < 3 * SCALE
    wsd.wait_log(WS_CONNECTION_ID="silent", WS_CLOSE_CODE=1001)


@pytest.mark.parametrize("sign", ["pong", "message", "ping", "half a frame"])
def test_any_byte_keeps_a_connection(start, raw, sign):
    wsd = start(CONNECTION_TIMEOUT=600, HEARTBEAT_INTERVAL=150)
    c = raw(wsd).open()
    long = frame(TEXT, message("x" * 100))
    until = time.monotonic() + 1.5
    part = 0
    while time.monotonic() < until:  # at the server's own pace: it beats each 150 ms
        opcode, payload = c.read_frame()
        if opcode != PING:
            assert b"goodbye" not in payload
            continue
        if sign == "pong":
            c.send(frame(PONG, payload))
        elif sign == "message":
            c.send_text(message())
        elif sign == "ping":
            c.send(frame(PING, b"x"))
        else:
            c.send(long[part:part + 1])
            part += 1
    if sign != "half a frame":
        assert b"goodbye" not in c.buffer
        c.send_text(message())
        while c.read_json()["type"] != "message_response":
            pass


def test_pings_of_a_well_behaved_client_are_answered(start, client):
    c = client(start(CONNECTION_TIMEOUT=400, HEARTBEAT_INTERVAL=100))
    until = time.monotonic() + 1
    while time.monotonic() < until:
        c.ping()
        c.recv_any()


def test_handshake_that_never_comes_is_ended_in_time(wsd, raw):
    c = raw(wsd)
    began = time.monotonic()
    end = c.read_end()
    assert time.monotonic() - began < 15 * SCALE
    assert end == b"" or end.startswith(b"HTTP/1.1 408 ")


def test_half_a_handshake_is_ended_in_time_with_408(wsd, raw):
    c = raw(wsd)
    c.send(c.request()[:60])
    assert c.read_response().status == 408
    c.read_end()


def test_dripping_handshake_is_ended_in_time(wsd):
    """The time is for the whole request and not for each byte."""
    with Raw(wsd.port) as c:
        head = c.request(add=[("X-Long", "x" * 4000)])
        c.sock.settimeout(0.1)
        began = time.monotonic()
        for byte in head:
            try:
                c.send(bytes([byte]))
                if c.sock.recv(1000) is not None:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("the whole request was waited for")
        assert time.monotonic() - began < 15 * SCALE
