# SPDX-License-Identifier: MIT
"""What clients can do to a server, in small: each attack runs against the real daemon, which must keep what it spends on it
within a bound (memory, descriptors, counters) and go on answering others. loadtest/bench/abuse has the same in large."""

import contextlib
import os
import socket
import time

import pytest

from clients import BINARY, CONTINUATION, PING, TEXT, Closed, Raw, connect, frame, http, message, wait_open
from metrics import gained, read
from process import PATIENCE, SCALE, sanitized

MB = 1 << 20
SLACK = (400 if sanitized() else 40) * MB  # what a process may grow by all the same; sanitizers keep freed memory for long

RESET = b"\x01\0\0\0\0\0\0\0"  # struct linger: close(2) resets


def resident(daemon):
    with open(f"/proc/{daemon.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


class Bystander:
    """Another client, who is answered before, during and after; and the bounds of what the attack may cost."""

    def __init__(self, daemon):
        self.daemon, self.n = daemon, 0
        self.raw = Raw(daemon.port).open("/ws/chat/bystander")
        self.answered()
        self.memory, self.fds, self.samples = resident(daemon), descriptors(daemon), read(daemon)

    def answered(self, times=10):
        for _ in range(times):
            self.n += 1
            assert self.raw.ask(message(id=self.n))["count"] == self.n

    def check(self, *, fds=0):
        """In the middle of it: all the rest is served."""
        self.answered()
        assert http(self.daemon.port, "/healthz").status == 200
        with Raw(self.daemon.port) as newcomer:
            newcomer.open(f"/ws/chat/newcomer{self.n}")
            assert newcomer.ask(message())["count"] == 1
        assert resident(self.daemon) - self.memory < SLACK
        assert descriptors(self.daemon) - self.fds <= fds + 20

    def over(self):
        """Afterwards nothing is left of it but in the counters; what they have gained."""
        deadline = time.monotonic() + PATIENCE
        while descriptors(self.daemon) - self.fds > 20:  # the server finds out by and by who has gone
            self.answered()
            assert time.monotonic() < deadline
        self.check()
        wait_open(self.daemon, 1)
        while any((after := read(self.daemon))[name] for name in ("websocket_handshakes_pending",
                                                                  "websocket_send_queue_bytes")):
            assert time.monotonic() < deadline, after  # of the newcomer's, and of plain requests that have just ended
        assert after["websocket_connections_active"] == 1
        self.raw.sock.close()
        return gained(self.samples, after)


def refused(changes, reason):
    return changes.get(f'websocket_handshakes_refused_total{{reason="{reason}"}}', 0)


def close_all(sockets):
    for sock in sockets:
        sock.close()


def send_until_closed(sock, burst, most):
    """Sends burst again and again, without reading, until the server has closed or `most` bytes are away; how many were.
    A server that takes nothing more for a while, as who is not read from may not be, is one who bounds."""
    sock.settimeout(2)
    sent = 0
    try:
        while sent < most:
            sent += sock.send(burst[sent % len(burst):])
    except (ConnectionError, TimeoutError):
        pass
    return sent


# ------------------------------------------------------------ handshakes


def test_slow_handshakes(wsd):
    """Byte by byte: none is waited for longer than its time, and nobody else is held up."""
    by = Bystander(wsd)
    slow = [Raw(wsd.port) for _ in range(50)]
    head = slow[0].request()
    for n in range(0, 40):
        for one in slow:
            one.send(head[n:n + 1])
    by.check(fds=50)
    answers = [one.read_response() for one in slow]
    assert {answer.status for answer in answers} == {408}
    close_all(one.sock for one in slow)
    assert refused(by.over(), "timeout") == 50


def test_idle_handshakes_beyond_the_bound(start):
    """Who says nothing is put out when others want the place: the bound on them holds, and newcomers come in."""
    wsd = start(MAX_CONNECTIONS=200)  # 100 may wait
    by = Bystander(wsd)
    silent = []
    for n in range(1000):
        silent.append(connect(wsd.port))
        if n % 250 == 0:
            assert read(wsd)["websocket_handshakes_pending"] <= 100
    by.check(fds=100)
    assert read(wsd)["websocket_handshakes_pending"] <= 100
    close_all(silent)
    assert refused(by.over(), "too_many_pending") > 0


@pytest.mark.parametrize("how", ["many fields", "long field", "long target", "no end of the line"])
def test_header_floods(wsd, how):
    """More than a head may have is answered with 431 or 400 as soon as it is too much, not when it ends."""
    by = Bystander(wsd)
    piece = {"many fields": b"GET /ws/chat/x HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 40000,
             "long field": b"GET /ws/chat/x HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 300000,
             "long target": b"GET /ws/chat/" + b"x" * 300000,
             "no end of the line": b"x" * 300000}[how]
    for _ in range(20):
        with Raw(wsd.port) as c:
            c.sock.settimeout(PATIENCE)
            try:
                c.send(piece)
            except ConnectionError:
                pass
            end = c.read_end()
            assert end[:13] in (b"HTTP/1.1 431 ", b"HTTP/1.1 400 ", b"HTTP/1.1 501 ", b"")
    changes = by.over()
    assert refused(changes, "bad_request") == 20


@pytest.mark.parametrize("side", ["port", "admin_port"])
def test_slow_bodies(wsd, side):
    """A body that does not come, or comes in drops, holds up nobody, and what has come of it is not kept."""
    by = Bystander(wsd)
    slow = [Raw(getattr(wsd, side)) for _ in range(20)]
    for one in slow:
        one.send(b"POST /api/v1/log-level HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
    for _ in range(5):
        for one in slow:
            try:
                one.send(b" ")
            except ConnectionError:
                pass
    by.check(fds=20)
    close_all(one.sock for one in slow)
    by.over()


def ask_until(daemon, source, status):
    """Asks for a plain page from this address until the answer has this status, and returns that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = http(("127.0.0.1", daemon.port), "/healthz", source=source)
        if answer.status == status:
            return answer
        assert time.monotonic() < deadline, answer.status


def test_plain_connections_of_one_address(start):
    """Who takes all places for plain requests that one can get keeps nobody else out, and is told why there are no more."""
    wsd = start(TRUSTED_PROXIES="192.0.2.0/24")
    by = Bystander(wsd)
    held = [Raw(("127.0.0.1", wsd.port), source="127.0.0.2") for _ in range(32)]
    for one in held:
        one.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
    answer = ask_until(wsd, "127.0.0.2", 429)
    assert answer.headers["retry-after"] == "1"
    assert answer.json["error"] == {"code": "too_many_connections", "message": "too many connections from this address"}
    with Raw(("127.0.0.1", wsd.port), source="127.0.0.2") as websocket:
        websocket.open("/ws/chat/same-address")
    by.check(fds=32)
    close_all(one.sock for one in held)
    ask_until(wsd, "127.0.0.2", 200)
    assert by.over()['http_connections_refused_total{side="public",reason="client"}'] >= 1


def test_connect_and_close_churn(wsd):
    """Ended in every way and at every stage, a thousand times: no descriptor, seat or session's worth of memory stays."""
    by = Bystander(wsd)
    for n in range(1000):
        c = Raw(wsd.port)
        if n % 4 == 1:
            c.send(c.request(f"/ws/chat/churn{n}")[:n % 150])
        elif n % 4 >= 2:
            c.open(f"/ws/chat/churn{n}")
        if n % 8 >= 4:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        c.sock.close()
    changes = by.over()
    assert changes["websocket_connections_opened_total"] >= 500
    opened = changes["websocket_connections_opened_total"]
    assert sum(v for k, v in changes.items() if k.startswith("websocket_connections_closed_total")) == opened


def test_half_open_peers(start, raw):
    """Who has gone without a word, or only ever stops, is found by its silence."""
    wsd = start(HEARTBEAT_INTERVAL=200, CONNECTION_TIMEOUT=1000)
    silent = [raw(wsd) for _ in range(30)]
    for n, one in enumerate(silent):
        one.open(f"/ws/chat/silent{n}")  # and reads, and answers no ping
    other = raw(wsd).open("/ws/chat/other")
    deadline = time.monotonic() + PATIENCE
    n = 0
    while read(wsd)["websocket_connections_active"] > 1:
        n += 1
        assert other.ask(message())["count"] == n
        assert time.monotonic() < deadline
    assert read(wsd)['websocket_errors_total{code="timeout"}'] >= 30


# ------------------------------------------------------------ clients that are connected


@pytest.mark.parametrize("burst", [frame(TEXT, message("x", id="i" * 128)) * 100, frame(TEXT, "x") * 500,
                                   frame(PING, b"x" * 125) * 100], ids=["messages", "errors", "pings"])
def test_clients_that_never_read(start, burst):
    """Their queues are bounded, together with what the kernel holds; those who want more are closed."""
    wsd = start(SEND_QUEUE_BYTES=65536)
    by = Bystander(wsd)
    deaf = [Raw(wsd.port, receive_buffer=4096) for _ in range(5)]
    for n, one in enumerate(deaf):
        one.open(f"/ws/chat/deaf{n}")
        send_until_closed(one.sock, burst, 3 * MB)
        assert read(wsd)["websocket_send_queue_bytes"] <= 5 * (65536 + 32768)
    by.check(fds=5)
    close_all(one.sock for one in deaf)
    by.over()


def test_deaf_client_that_has_said_its_last_costs_no_cpu(start, raw):
    """The end of its stream stays readable while what it is owed cannot be written."""
    wsd = start()
    with Raw(wsd.port, receive_buffer=4096) as deaf:
        deaf.open("/ws/chat/deaf")
        deaf.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(100):
                deaf.sock.send(frame(TEXT, message()) * 50)
        deaf.sock.shutdown(socket.SHUT_WR)
        other = raw(wsd).open("/ws/chat/other")
        other.ask(message())
        before = wsd.cpu_seconds()
        other.sock.settimeout(4)  # nothing may come; meanwhile it must not spin
        with pytest.raises(socket.timeout):
            other.sock.recv(1)
        assert wsd.cpu_seconds() - before < 0.4 * SCALE


def test_ping_flood(start):
    """Pongs that are owed do not pile up: one at a time."""
    wsd = start(WORKERS=1)
    by = Bystander(wsd)
    with Raw(wsd.port) as c:
        c.open("/ws/chat/pings")
        for _ in range(50):
            c.send(frame(PING, b"p" * 125) * 200)
        by.check(fds=1)
        assert read(wsd)["websocket_send_queue_bytes"] == 0
        c.send(frame(TEXT, message()))
        while c.read_frame()[0] != TEXT:
            pass
    by.over()


@pytest.mark.parametrize("pings", [False, True], ids=["alone", "with pings between"])
def test_one_byte_fragments(start, pings):
    """A message of 64 KiB in frames of one byte is a message; one byte more is too large, and no more memory is spent."""
    wsd = start(WORKERS=1, MAX_MESSAGE_BYTES=65536)
    by = Bystander(wsd)
    text = message("x" * (65536 - len(message(""))))
    assert len(text) == 65536
    between = frame(PING, "p") if pings else b""
    with Raw(wsd.port) as c:
        c.open("/ws/chat/bytes")
        c.send(frame(TEXT, text[0], fin=False))
        for at in range(1, 65535, 1000):
            c.send(b"".join(frame(CONTINUATION, char, fin=False) + (between if n % 500 == 0 else b"")
                            for n, char in enumerate(text[at:min(at + 1000, 65535)])))
            if at % 16000 == 1:
                by.answered()
        c.send(frame(CONTINUATION, text[-1]))
        while (answer := c.read_frame())[0] != TEXT:
            pass
        assert b'"count":1' in answer[1]
        c.send(frame(TEXT, text, fin=False) + frame(CONTINUATION, "x", fin=False))
        assert c.read_close() == 1009
    by.over()


def test_fragments_count_as_messages(start):
    """A thousand as one: who sends nothing but small ones is held by the rate of messages."""
    wsd = start(WORKERS=1, RATE_LIMIT_MESSAGE="1/20", MAX_MESSAGE_BYTES=65536)
    with Raw(wsd.port) as c:
        c.open("/ws/chat/small")
        c.send(frame(TEXT, '"', fin=False) + frame(CONTINUATION, "x", fin=False) * 18000 + frame(CONTINUATION, '"'))
        assert c.read_json()["code"] == "invalid_json"
        send_until_closed(c.sock, frame(TEXT, '"', fin=False) + frame(CONTINUATION, "x", fin=False) * 60000, 400000)
        error = c.read_json()
        assert (error["code"], error["message"]) == ("rate_limited", "too many fragments")
        assert c.read_json()["reason"] == "rate limit"
        assert c.read_close() == 1008


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_empty_fragments_without_end(start, opcode):
    """A message that never ends and never grows meets no other limit: after a thousand such frames it has one of its own."""
    wsd = start(WORKERS=1, RATE_LIMIT_MESSAGE="100/200")
    by = Bystander(wsd)
    with Raw(wsd.port) as c:
        c.open("/ws/chat/empty")
        sent = send_until_closed(c.sock, frame(opcode, fin=False) + frame(CONTINUATION, fin=False) * 100000, 600000)
        assert sent > 6000
        error = c.read_json()
        assert (error["type"], error["code"]) == ("error", "rate_limited")
        assert c.read_json()["reason"] == "rate limit"
        assert c.read_close() == 1008
    assert by.over()['websocket_errors_total{code="rate_limited"}'] == 1


def test_many_half_messages(start):
    """Only what has come of a message is worth memory, whatever its frame announces."""
    wsd = start(MAX_MESSAGE_BYTES=16 * MB)
    by = Bystander(wsd)
    half = [Raw(wsd.port) for _ in range(100)]
    for n, one in enumerate(half):
        one.open(f"/ws/chat/half{n}")
        one.send(frame(TEXT, "x" * 100, length=16 * MB - 1, form=64))
    by.check(fds=100)
    close_all(one.sock for one in half)
    by.over()


def test_compression_bombs(wsd):
    """Compression is offered, never taken up: what is said to be compressed ends the connection unread."""
    import zlib
    by = Bystander(wsd)
    pack = zlib.compressobj(wbits=-15)
    bomb = pack.compress(b"x" * 20 * MB) + pack.flush(zlib.Z_SYNC_FLUSH)
    for n in range(10):
        with Raw(wsd.port) as c:
            assert c.handshake(f"/ws/chat/bomb{n}", add=[("Sec-WebSocket-Extensions", "permessage-deflate")]).status == 101
            c.read_json()
            c.send(frame(TEXT, bomb[:60000], rsv=4))
            try:
                assert c.read_close() == 1002
            except Closed:
                pass
    changes = by.over()
    assert changes['websocket_connections_closed_total{code="1002"}'] == 10
    assert changes["websocket_received_bytes_total"] < MB


# ------------------------------------------------------------ rates


def test_message_flood_is_refused_and_then_closed(start):
    """Over its rate a client is told so, and closed if it keeps on; what it got through is what the bucket held."""
    wsd = start(RATE_LIMIT_MESSAGE="1/20")
    by = Bystander(wsd)
    with Raw(wsd.port) as c:
        c.open("/ws/chat/flood")
        c.send(frame(TEXT, message()) * 500)
        types = []
        while not types or types[-1] != "goodbye":
            types.append(c.read_json()["type"])
        assert c.read_close() == 1008
    assert types.count("message_response") >= 20 and types.count("error") >= 20
    by.raw.sock.close()


def test_flood_of_addresses(start):
    """More addresses than are kept, each new: their table is bounded, and a limit still holds for who comes again."""
    wsd = start(RATE_LIMIT_CONNECT="1/2", MAX_CONNECTIONS=2000)
    by = Bystander(wsd)
    for n in range(3000):
        with Raw(wsd.port) as c:
            c.send(c.request(f"/ws/chat/a{n}", add=[("X-Forwarded-For", f"2001:db8:{n // 256:x}:{n % 256:x}::1")]))
            if n % 100 == 0:
                c.read_response()
    again = []
    for n in range(4):
        with Raw(wsd.port) as c:
            again.append(c.handshake(f"/ws/chat/g{n}", add=[("X-Forwarded-For", "203.0.113.9")]).status)
    assert again[0] == 101 and 429 in again
    assert resident(wsd) - by.memory < SLACK
    by.answered()
    by.raw.sock.close()
