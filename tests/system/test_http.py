# SPDX-License-Identifier: MIT
"""Plain HTTP on the public port and on the admin side."""

import re
import socket

import pytest

from clients import Raw, connect, http
from metrics import gained, read
from process import PATIENCE, features, listener

BOTH = pytest.mark.parametrize("side", ["public", "admin"])


def is_guarded(response):
    """Security headers, on every answer."""
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"].upper() in ("DENY", "SAMEORIGIN")
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "content-security-policy" in response.headers
    assert re.fullmatch(r"[!-~]{1,128}", response.headers["x-request-id"])
    assert "server" not in response.headers and "strict-transport-security" not in response.headers


@BOTH
def test_page(wsd, side):
    response = http(wsd.address(side), "/")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.body.startswith(b"<!DOCTYPE html>")
    is_guarded(response)


@BOTH
def test_health(wsd, client, side):
    client(wsd)
    response = http(wsd.address(side), "/health")
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    is_guarded(response)
    health = response.json
    assert health["status"] in ("ok", "healthy", "up")
    assert (health["instance"], health["state"], health["connections"]) == ("test", "running", 1)
    assert health["uptime"] >= 0
    assert ("version" in health) == (side == "admin")  # not for the world to know
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", health["timestamp"])


@BOTH
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes(wsd, side, path):
    response = http(wsd.address(side), path)
    assert response.status == 200
    is_guarded(response)


@BOTH
@pytest.mark.parametrize("path", ["/nothing", "/health/", "/healthzz", "/../etc/passwd", "/%2e%2e/", "/favicon.ico"])
def test_unknown_path_is_404(wsd, side, path):
    response = http(wsd.address(side), path)
    assert response.status == 404
    is_guarded(response)


@BOTH
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_other_methods_are_405(wsd, side, method):
    response = http(wsd.address(side), "/health", method)
    assert response.status in (405, 501)
    assert "GET" in response.headers.get("allow", "") or response.status == 501
    is_guarded(response)


@BOTH
@pytest.mark.parametrize("path", ["/", "/health", "/healthz", "/readyz", "/nothing"])
def test_head_is_get_without_body(wsd, side, path):
    get, head = http(wsd.address(side), path), None
    with Raw(wsd.address(side)) as raw:
        raw.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = raw.read_response(body=False)
        assert raw.read_end() == b""
    assert head.status == get.status
    assert head.headers["content-type"] == get.headers["content-type"]
    is_guarded(head)


def test_operators_paths_are_not_public(wsd):
    for path in ("/metrics", "/api/v1/connections", "/api/v1/connections/x", "/api/v1/log-level"):
        assert http(wsd.port, path).status == 404


def test_chat_without_an_upgrade_is_426(wsd):
    response = http(wsd.port, "/ws/chat/x")
    assert response.status == 426
    assert response.headers["upgrade"].lower() == "websocket"
    is_guarded(response)


@pytest.mark.parametrize("how, status", [
    (dict(method="POST"), 405), (dict(path="/ws/chat/"), 400), (dict(drop=["Host"]), 400), (dict(drop=["Upgrade"]), 426)],
    ids=str)
def test_refusals_are_guarded_too(wsd, raw, how, status):
    response = raw(wsd).handshake(**how)
    assert response.status in (status, 404)
    is_guarded(response)


STS = "strict-transport-security"
TLS = [("X-Forwarded-Proto", "https")]


@BOTH
@pytest.mark.parametrize("path", ["/", "/health", "/nothing", "/ws/chat/x"])
def test_who_came_by_tls_is_told_to_stay_with_it(wsd, side, path):
    assert http(wsd.address(side), path, headers=TLS).headers[STS] == "max-age=31536000"
    assert http(wsd.address(side), path, headers=[("X-Forwarded-Proto", "WSS")]).headers[STS]
    for proto in ("http", "ws", "https, http", "httpsx", ""):
        assert STS not in http(wsd.address(side), path, headers=[("X-Forwarded-Proto", proto)]).headers


@BOTH
def test_only_trusted_proxies_can_say_that_it_was_tls(start, side):
    wsd = start(TRUSTED_PROXIES="192.0.2.0/24")
    for path in ("/health", "/ws/chat/x"):
        assert STS not in http(wsd.address(side), path, headers=TLS).headers
    wsd = start(HSTS_MAX_AGE=0)
    for path in ("/health", "/ws/chat/x"):
        assert STS not in http(wsd.address(side), path, headers=TLS).headers
    assert http(start(HSTS_MAX_AGE=60).address(side), "/health", headers=TLS).headers[STS] == "max-age=60"


def test_nothing_public_tells_what_serves(wsd, raw):
    version = features().split()[1]
    answers = [http(wsd.port, path) for path in ("/", "/health", "/healthz", "/readyz", "/nothing", "/ws/chat/x", "/client.js")]
    answers += [raw(wsd).handshake(), raw(wsd).handshake(method="POST"), http(wsd.port, "/health", "BREW")]
    assert answers[7].status == 101
    for answer in answers:
        assert "server" not in answer.headers and "x-powered-by" not in answer.headers
        for word in [version] + ["libwebsockets", "microhttpd", "lws"]:
            assert word not in " ".join(answer.headers.values()) and word.encode() not in answer.body


@BOTH
def test_request_id_is_taken_over_or_made(wsd, side):
    made = {http(wsd.address(side), "/health").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    response = http(wsd.address(side), "/health", headers=[("X-Request-Id", "abc-123")])
    assert response.headers["x-request-id"] == "abc-123"
    evil = "a\x7fb<script>" + "x" * 300
    assert http(wsd.address(side), "/health", headers=[("X-Request-Id", evil)]).headers["x-request-id"] != evil


@BOTH
@pytest.mark.parametrize("path", ["/health", "/nothing", "/ws/chat/!"], ids=["answer", "refusal", "front desk"])
def test_of_several_request_ids_the_last_is_taken(wsd, side, path):
    """It is the nearest proxy's."""
    response = http(wsd.address(side), path, headers=[("X-Request-Id", "first"), ("X-Request-Id", "last")])
    assert response.times("x-request-id") == 1
    assert response.headers["x-request-id"] == "last"


@BOTH
@pytest.mark.parametrize("path", ["/", "/client/app.js"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_not_modified_says_no_other_length_than_ok(wsd, raw, side, path, method):
    """RFC 9110, 8.6; and the list of tags may be in several lines (5.3)."""
    whole = http(wsd.address(side), path)
    for lines in (["*"], [whole.headers["etag"]], [whole.headers["etag"], '"y"'], ['"x"', whole.headers["etag"]]):
        c = raw(wsd.address(side))
        c.send("\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *(f"If-None-Match: {one}" for one in lines)]) + "\r\n\r\n")
        response = c.read_response(body=False)
        assert response.status == 304
        assert response.headers.get("content-length", str(len(whole.body))) == str(len(whole.body))
        assert c.read_end() == b""


@BOTH
def test_kept_alive(wsd, side):
    """Whether the server keeps the connection or not, it says so."""
    with Raw(wsd.address(side)) as raw:
        for _ in range(3):
            raw.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            response = raw.read_response()
            assert response.status == 200
            if response.headers.get("connection", "").lower() == "close":
                raw.read_end()
                break


@BOTH
def test_request_in_pieces(wsd, side):
    with Raw(wsd.address(side)) as raw:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            raw.send(bytes([byte]))
        assert raw.read_response().status == 200


@BOTH
def test_large_body_is_not_swallowed(wsd, side):
    """It is refused or dropped; the server goes on."""
    with Raw(wsd.address(side)) as raw:
        try:
            raw.send(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000000)
            assert raw.read_response().status in (405, 413)
        except OSError:
            pass
    assert http(wsd.address(side), "/healthz").status == 200


def test_upgrade_after_a_kept_alive_request_is_refused(wsd, raw):
    """An upgrade is judged as the first request of a connection only."""
    c = raw(wsd)
    c.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    response = c.read_response()
    if response.headers.get("connection", "").lower() == "close":
        return
    assert c.handshake().status in (400, 404, 426)


BAD_HEADS = [
    ("GET /health HTTP/1.1\r\n\r\n", 400),  # no Host
    ("GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    ("GET /health HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", 400),
    ("GET /health HTTP/1.1\nHost: x\n\n", 400),
    ("GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    ("BREW /health HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    ("POST /api/v1/accept HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400),
    ("POST /api/v1/accept HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST /api/v1/accept HTTP/1.1\r\nHost: x\r\nContent-Length:2 \r\n\r\n{}", 400),
    ("POST /api/v1/accept HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked \r\n\r\n0\r\n\r\n", 400),
    ("GET /?" + "a&" * 500 + " HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET /?" + "a&" * 3900 + " HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nCookie: " + "a;" * 450 + "\r\n\r\n", 431),
    ("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + "x" * 9000 + "\r\n\r\n", 431),
]


@pytest.mark.parametrize("kind", ["v4", "unix"])
@pytest.mark.parametrize("side", ["public", "admin"])
def test_bad_heads_are_refused_with_all_headers(start, raw, kind, side):
    """They never reach the HTTP library, which would answer in its own words."""
    wsd = start(public=(kind,), admin=(kind,))
    for head, status in BAD_HEADS:
        c = raw(wsd.address(side))
        c.send(head)
        response = c.read_response()
        assert response.status == status, head
        assert response.json["error"]["code"]
        is_guarded(response)
        assert c.read_end() == b""


def test_fullest_head_is_answered(wsd, raw):
    """All that the front desk lets through has room in the HTTP library, and in its answer."""
    head = ("GET /?" + "a&" * 99 + " HTTP/1.1\r\nHost: x\r\nCookie: " + "a;" * 199 + "\r\n" + "h:x\r\n" * 97 + "P: ").encode()
    for size in range(len(head) + 4, 8192, 97):
        c = raw(wsd.port)
        c.send(head + b"x" * (size - len(head) - 4) + b"\r\n\r\n")
        response = c.read_response()
        assert response.status == 200, size
        is_guarded(response)


@pytest.mark.parametrize("kind", ["v4", "unix"])
@pytest.mark.parametrize("how", [dict(), dict(drop=["Upgrade"]), dict(Sec_WebSocket_Version="8"), dict(method="POST"),
                                 dict(path="/ws")], ids=str)
def test_no_websocket_on_the_admin_side(start, raw, kind, how):
    wsd = start(admin=(kind,))
    response = raw(wsd.address("admin")).handshake(**how)
    assert response.status == 404
    is_guarded(response)
    assert "upgrade" not in response.headers
    assert http(wsd.address("admin"), "/health").json["connections"] == 0


def test_admin_heads_are_not_counted_as_handshakes(wsd, raw):
    before = read(wsd)
    c = raw(wsd.address("admin"))
    c.send("GET /health HTTP/1.1\r\n\r\n")
    assert c.read_response().status == 400
    silent = raw(wsd.address("admin"))
    change = gained(before, read(wsd))
    assert change.get('websocket_handshakes_refused_total{reason="bad_request"}', 0) == 0
    assert change['http_requests_total{path="other",code="400"}'] == 1
    assert read(wsd)["websocket_handshakes_pending"] == 0
    silent.sock.close()


@pytest.mark.parametrize("kind", ["v4", "unix"])
def test_admin_answers_while_others_say_nothing(start, kind):
    """More than wait for either side at most; the silent ones on the admin side make room within a second."""
    wsd = start(public=(kind,), admin=(kind,), MAX_CONNECTIONS=10)
    waiting = [connect(wsd.address()) for _ in range(100)]
    try:
        assert http(wsd.address("admin"), "/healthz").status == 200
        waiting += [connect(wsd.address("admin")) for _ in range(100)]
        assert http(wsd.address("admin"), "/healthz").status == 200
        assert http(wsd.address(), "/healthz").status == 200
    finally:
        for sock in waiting:
            sock.close()


@pytest.mark.parametrize("side", ["public", "admin"])
def test_half_a_request_on_a_unix_socket_costs_no_cpu(start, side):
    """SO_RCVLOWAT does not hold back such sockets' readability."""
    wsd = start(public=("unix",), admin=("unix",))
    with Raw(wsd.address(side)) as c:
        c.send("GET /healthz HTTP/1.1\r\nHo")
        before = wsd.cpu_seconds()
        c.sock.settimeout(0.5)  # nothing may come; meanwhile it must not spin
        with pytest.raises(socket.timeout):
            c.sock.recv(1)
        assert wsd.cpu_seconds() - before < 0.25
        c.sock.settimeout(PATIENCE)
        c.send("st: x\r\n\r\n")
        assert c.read_response().status == 200


@pytest.mark.parametrize("before", [b"GET /healthz HTT", b""], ids=["in the middle", "first"])
@pytest.mark.parametrize("kind", ["v4", "unix"])
@BOTH
def test_urgent_byte_in_a_request_is_refused_at_once(start, side, kind, before):
    """It stays readable, however often the server peeks at what comes before it."""
    wsd = start(public=(kind,), admin=(kind,))
    with Raw(wsd.address(side)) as c:
        if before:
            c.send(before)
        c.sock.send(b"P", socket.MSG_OOB)
        response = c.read_response()
        assert (response.status, response.json["error"]["code"]) == (400, "bad_request")
        assert "urgent" in response.json["error"]["message"]
        c.read_end()


def test_request_that_a_receive_buffer_cannot_hold_costs_no_cpu(start):
    """SO_RCVLOWAT cannot be more than such a buffer holds (ReceiveBuffer= of a socket unit, or memory that is short)."""
    tight = listener()
    tight.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    wsd = start(sockets=[("public", tight), ("admin", listener())])
    with Raw(wsd.address()) as c:
        before = wsd.cpu_seconds()
        c.send("GET /healthz HTTP/1.1\r\nX: ")
        for _ in range(70):
            c.send("x" * 100)
        assert c.read_response().status == 408  # after 10 s
        assert wsd.cpu_seconds() - before < 1
