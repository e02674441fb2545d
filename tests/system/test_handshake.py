# SPDX-License-Identifier: MIT
"""Handshakes, good and bad (RFC 6455, 4.2), as the front desk judges them."""

import socket

import pytest

from clients import KEY, Closed, Raw, frame, TEXT, message
from metrics import read


def test_good_one(wsd, raw):
    response = raw(wsd).handshake()
    assert response.status == 101
    assert response.headers["upgrade"].lower() == "websocket"
    assert response.headers["connection"].lower() == "upgrade"
    assert "sec-websocket-extensions" not in response.headers


@pytest.mark.parametrize("how", [
    dict(Upgrade="WebSocket"), dict(Upgrade="h2c, websocket"), dict(Connection="keep-alive, Upgrade"),
    dict(Connection="UPGRADE"), dict(add=[("Cookie", "a=b"), ("Cookie", "c=d")]), dict(Host="[::1]:3001"),
    dict(add=[("Content-Length", "0")]), dict(add=[("Sec-WebSocket-Extensions", "permessage-deflate")]),
    dict(add=[("X-Long", "x" * 3500)]), dict(add=[(f"X-{n}", "y") for n in range(60)]),
    dict(add=[("X-Empty", "")]), dict(add=[("Origin", "https://example.org")]),
], ids=str)
def test_variants_that_are_right(wsd, raw, how):
    raw(wsd).open(**how)


def test_headers_of_any_case_without_spaces(wsd, raw):
    c = raw(wsd)
    c.send(f"GET /ws/chat/x HTTP/1.1\r\nhOST:x\r\nUPGRADE:websocket\r\nconnection:upgrade\r\n"
           f"SEC-WEBSOCKET-VERSION:13\r\nsec-websocket-key:{KEY}  \r\n\r\n")
    assert c.read_response().status == 101


@pytest.mark.parametrize("status, how", [
    (426, dict(Sec_WebSocket_Version="8")),
    (426, dict(Sec_WebSocket_Version="14")),
    (426, dict(Sec_WebSocket_Version="013")),
    (426, dict(drop=["Sec-WebSocket-Version"])),
    (426, dict(drop=["Upgrade"])),
    (426, dict(drop=["Connection"])),
    (426, dict(Connection="keep-alive")),
    (426, dict(Upgrade="h2c")),
    (400, dict(drop=["Sec-WebSocket-Key"])),
    (400, dict(Sec_WebSocket_Key="")),
    (400, dict(Sec_WebSocket_Key="abc")),
    (400, dict(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ")),
    (400, dict(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ=" + "!")),
    (400, dict(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    (400, dict(add=[("Sec-WebSocket-Key", KEY)])),
    (400, dict(drop=["Host"])),
    (400, dict(add=[("Host", "other")])),
    (400, dict(add=[("Origin", "https://a.example"), ("Origin", "https://b.example")])),
    (400, dict(add=[("Content-Length", "5")])),
    (400, dict(add=[("Transfer-Encoding", "chunked")])),
    (400, dict(add=[("Bad Name", "x")])),
    (400, dict(add=[("X", "a\0b")])),
    (400, dict(add=[("X", "a\r\n folded")])),
    (405, dict(method="POST")),
    (405, dict(method="PUT")),
    (404, dict(path="/ws")),
    (404, dict(path="/ws/other/x")),
    (404, dict(path="/chat/x")),
    (505, dict(version="HTTP/1.0")),
    (505, dict(version="HTTP/2.0")),
    (431, dict(add=[("X-Long", "x" * 9000)])),
    (431, dict(add=[(f"X-{n}", "y") for n in range(150)])),
], ids=str)
def test_refusals(wsd, raw, status, how):
    """Each is a whole answer, after which the server closes."""
    c = raw(wsd)
    response = c.handshake(**how)
    assert response.status == status, response.body
    assert "close" in response.headers["connection"].lower().split(", ")
    assert response.headers["content-type"].startswith("application/json")
    assert response.json
    if status == 426:
        assert response.headers["upgrade"].lower() == "websocket"
        assert response.headers["sec-websocket-version"] == "13"
    if status == 405:
        assert "GET" in response.headers["allow"]
    c.read_end()


@pytest.mark.parametrize("garbage", [
    b"\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / \r\n\r\n", b"hello world\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    b"GET /ws/chat/\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 9000, b"GET " + b"/" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://x/ws/chat/y HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=lambda g: repr(g[:12]))
def test_garbage_is_answered_with_an_error_and_closed(wsd, raw, garbage):
    c = raw(wsd)
    c.send(garbage)
    try:
        response = c.read_response()
    except Closed as closed:
        # to go on waiting is no answer; to be cut is, for what is no HTTP at all
        assert closed.args[0] == b""
    else:
        assert 400 <= response.status <= 505
    assert raw(wsd).handshake().status == 101


def test_split_at_every_byte(wsd):
    head = None
    for cut in range(1, 200, 3):
        with Raw(wsd.port) as c:
            head = c.request(f"/ws/chat/cut{cut}")
            c.send(head[:cut])
            c.send(head[cut:])
            assert c.read_response().status == 101


def test_byte_by_byte(wsd, raw):
    c = raw(wsd)
    for byte in c.request():
        c.send(bytes([byte]))
    assert c.read_response().status == 101


def test_first_messages_may_come_with_the_request(wsd, raw):
    c = raw(wsd)
    c.send(c.request() + frame(TEXT, message(id=1)) + frame(TEXT, message(id=2)))
    assert c.read_response().status == 101
    assert c.read_json()["type"] == "connection_established"
    assert [c.read_json()["id"] for _ in range(2)] == [1, 2]


def test_half_closed_after_half_a_request(wsd, raw):
    c = raw(wsd)
    c.send(c.request()[:50])
    c.sock.shutdown(socket.SHUT_WR)
    end = c.read_end()
    assert end == b"" or end.startswith(b"HTTP/1.1 400 ") or end.startswith(b"HTTP/1.1 408 ")
    wsd.wait(lambda: read(wsd)["websocket_handshakes_pending"] == 0, "end of the handshake")


def test_half_closed_after_a_whole_request(wsd, raw):
    c = raw(wsd)
    c.send(c.request())
    c.sock.shutdown(socket.SHUT_WR)
    c.read_end()
    assert raw(wsd).handshake("/ws/chat/other").status == 101


def test_reset_in_a_handshake(wsd, raw):
    for cut in (0, 10, 100, 1000):
        c = raw(wsd)
        c.send(c.request(f"/ws/chat/reset{cut}")[:cut])
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        c.sock.close()
    assert raw(wsd).handshake().status == 101


@pytest.mark.parametrize("origin, status", [
    ("https://chat.example.org", 101), ("https://CHAT.example.org", 101), ("https://other.example", 403), ("null", 403),
    ("http://chat.example.org", 403), ("https://chat.example.org:8443", 403), ("https://evil.chat.example.org", 403),
    (None, 101), ("https://a.apps.example", 101), ("https://apps.example", 403),
])
def test_origins(start, raw, origin, status):
    wsd = start(ALLOWED_ORIGINS="https://chat.example.org,https://*.apps.example")
    add = [("Origin", origin)] if origin else []
    assert raw(wsd).handshake(add=add).status == status


def test_many_handshakes_at_once(start):
    """All are in flight before the first answer is read."""
    wsd = start(MAX_CONNECTIONS=500)
    clients = [Raw(wsd.port) for _ in range(400)]
    try:
        for n, c in enumerate(clients):
            c.send(c.request(f"/ws/chat/m{n}"))
        assert [c.read_response().status for c in clients] == [101] * 400
        for n, c in enumerate(clients):
            assert c.read_json()["connectionId"] == f"m{n}"
            c.send_text(message())
        assert all(c.read_json()["count"] == 1 for c in clients)
    finally:
        for c in clients:
            c.sock.close()
