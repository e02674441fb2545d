# SPDX-License-Identifier: MIT
"""Memory, descriptors and system calls that fail while wsd serves: no crash, no leak, and nobody suffers but the one whom
the call was for. doc/faults.md has the table. WSD_FAULTS=all tries every call, a number so many of each kind."""

import errno
import json

import pytest

import metrics
from clients import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, Raw, ask_operator, frame, message
from faults import Walk, points, unusable
from instances import wait_for

pytestmark = pytest.mark.skipif(unusable() is not None, reason=unusable() or "")

FOREVER = pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])


@pytest.fixture
def walk(faulty, faults):
    """walk(**settings): a daemon with a bystander, and faults to come."""
    walks = []

    def starter(**settings):
        walks.append(Walk(faulty(**settings), faults))
        return walks[-1]

    yield starter
    for one in walks:
        one.close()


def may_close(what):
    """The connection that a fault was for may be closed, instead of being served."""
    def tolerant(*args):
        try:
            what(*args)
        except Closed as e:
            # or wsd has lost a part of what it read
            assert not e.args or int.from_bytes(e.args[0][:2], "big") != 1002, "a protocol error"
        except (ConnectionResetError, BrokenPipeError):
            pass
    return tolerant


# ---------------------------------------------------------------- WebSockets


def opened(walk, path="/ws/chat/fault", **how):
    """A client that is there before anything fails."""
    return lambda: Raw(walk.daemon.port, **how).open(path)


@may_close
def whole_life(address):
    with Raw(address) as c:
        response = c.handshake("/ws/chat/fault")
        if response.status == 503:
            return
        assert response.status == 101, response.status
        greeting = c.read_json()
        assert greeting["type"] == "connection_established", greeting
        answer = c.ask(message(id=1))
        assert (answer["type"], answer["id"]) == ("message_response", 1), answer
        c.send(frame(CLOSE, b"\x03\xe8"))
        assert c.read_close() == 1000
        c.read_end()


@FOREVER
def test_a_whole_life(walk, forever):
    w = walk()
    before = metrics.read(w.daemon)
    w.run(["memory"], lambda _: whole_life(w.daemon.port), forever=forever)
    gained = metrics.gained(before, metrics.read(w.daemon))
    assert gained['websocket_handshakes_refused_total{reason="internal"}'] > 0


def test_a_leak_is_found(walk):
    """The walks' own check: of all the memory that is freed in a whole life, and once it is over, one block is not."""
    w = walk(LOG_LEVEL="warn")  # a line that is never freed would be one that the log still has to write
    w.count(["memory"], lambda _: whole_life(w.daemon.port))
    w.faults.leak(1 << 31)
    whole_life(w.daemon.port)
    w.settled(0)
    frees = w.faults.leak(0)
    assert frees > 10, frees  # 50, but for those that come when the connection is over already
    for n in points(frees):
        before = w.faults.blocks_at_rest(w.daemon).makers()
        w.faults.leak(n)
        whole_life(w.daemon.port)
        w.settled(0)
        if w.faults.leak(0) < n:
            continue  # there are some more or less, by what comes together
        w.count(["memory"], lambda _: whole_life(w.daemon.port), times=1)
        wait_for(lambda: len(w.faults.blocks_at_rest(w.daemon).beyond(before)) == 1, f"leak of the block freed as {n} of {frees}")
    print(f"{frees} calls")


@may_close
def says_everything(c):
    with c:
        text = message("x" * 300, id=1)
        c.send(frame(TEXT, text[:5], fin=False) + frame(PING, b"p") + frame(CONTINUATION, text[5:]))
        pong(c, b"p")
        expect(c, "message_response", 1)
        c.send_text(message("x" * 60000, id=2))
        expect(c, "message_response", 2)
        for bad, code in ((frame(TEXT, "{"), "invalid_json"), (frame(TEXT, "{}"), "invalid_message"),
                          (frame(BINARY, b"x"), "unsupported"), (frame(TEXT, '{"type":"x"}'), "unknown_type")):
            c.send(bad)
            assert expect(c, "error")["code"] == code
        c.send_text('{"type":"ping","id":3}')
        expect(c, "pong", 3)
        c.send(frame(PING, b"q" * 125))
        pong(c, b"q" * 125)
        c.send_text(message("x" * 200000))
        assert expect(c, "error")["code"] == "too_large"
        assert c.read_close() == 1009
        c.sock.close()


def pong(c, payload):
    opcode, got = c.read_frame()
    if opcode == CLOSE:
        raise Closed(got)
    assert (opcode, got) == (PONG, payload)


def expect(c, kind, ident=None):
    """The next answer, or Closed if it is the goodbye of a connection that is given up."""
    opcode, payload = c.read_frame()
    if opcode == CLOSE:
        raise Closed(payload)
    assert opcode == TEXT, (opcode, payload)
    answer = json.loads(payload)
    assert answer["type"] == kind and (ident is None or answer["id"] == ident), answer
    return answer


@FOREVER
def test_messages_of_each_kind(walk, forever):
    w = walk()
    w.run(["memory"], says_everything, prepare=opened(w), forever=forever, thread="worker")


@may_close
def reads_late(c):
    """Asks without reading, so that answers wait in wsd; all come then, whole and in order. It asks all at once, so that wsd
    stops to read from it in the middle of what libwebsockets has read, and has to keep the rest."""
    with c:
        c.send(b"".join(frame(TEXT, message(1, id=f"{i}{'i' * 120}")) for i in range(MANY)))
        for n in range(MANY):
            answer = expect(c, "message_response")
            assert answer["id"] == f"{n}{'i' * 120}", answer


MANY = 2500  # answers: more than the kernel holds for a small receive buffer


@FOREVER
def test_queue_for_a_slow_client(walk, forever):
    w = walk(SEND_QUEUE_BYTES=10000000)
    w.run(["memory"], reads_late, prepare=opened(w, receive_buffer=4096), forever=forever, thread="worker")


SLOW = 'websocket_errors_total{code="slow_client"}'


@FOREVER
def test_goodbye_to_a_slow_client(walk, forever):
    w = walk(SEND_TIMEOUT=100)

    @may_close
    def is_too_slow(c):
        with c:
            before = metrics.read(w.daemon)[SLOW]
            for n in range(0, MANY, 50):
                c.send(b"".join(frame(TEXT, message(1, id=f"{i}{'i' * 120}")) for i in range(n, n + 50)))
            wait_for(lambda: has_gone(before), "goodbye")
            while True:
                c.read_frame()

    def has_gone(before):
        now = metrics.read(w.daemon)
        return now[SLOW] > before or now["websocket_connections_active"] < 2

    w.run(["memory"], is_too_slow, prepare=opened(w, receive_buffer=4096), forever=forever, thread="worker")


def test_heartbeats_and_short_messages_need_no_memory(walk):
    w = walk(HEARTBEAT_INTERVAL=100, LOG_LEVEL="warn")
    with opened(w)() as c:
        w.faults.arm("memory", first=1, every=1, error=errno.ENOMEM, thread="worker")
        for _ in range(2):
            expect(c, "heartbeat")
            opcode, payload = c.read_frame()
            assert opcode == PING
            c.send(frame(PONG, payload))
        assert w.bystander.ask(message())["count"] == 1
        assert w.faults.disarm() == 0


@may_close
def comes_back(c, address):
    """In the place of the connection that it still has. That one goes on, or its session is there to be taken up."""
    session = c.greeting["session"]
    with c:
        with Raw(address) as new:
            try:
                response = new.handshake("/ws/chat/fault?session=" + session)
            except Closed:
                response = None
            if response and response.status == 101:
                assert new.read_json()["resumed"] is True
                assert c.read_json()["reason"] == "replaced"
                return
        assert response is None or response.status == 503
        answer = c.ask(message())
        if answer["type"] == "message_response":
            return
        assert (answer["type"], answer["reason"]) == ("goodbye", "replaced")
        LEFT.append(session)


LEFT = []  # sessions whose connection went while its successor could not come


@FOREVER
def test_replacement(walk, forever):
    w = walk()

    def prepare():
        """Who was left without a connection comes back first."""
        path = "/ws/chat/fault" + (f"?session={LEFT.pop()}" if LEFT else "")
        c = Raw(w.daemon.port).open(path)
        assert c.greeting["resumed"] is ("?" in path)
        return c

    LEFT.clear()
    w.run(["memory"], lambda c: comes_back(c, w.daemon.port), prepare=prepare, forever=forever)


# ---------------------------------------------------------------- log


def test_lines_that_there_was_no_memory_for_are_counted(walk):
    """In /metrics, and in the log itself with the next line that gets through. All else is as always."""
    w = walk()
    before = metrics.read(w.daemon)
    with opened(w)() as c:
        w.faults.arm("memory", first=1, every=1, error=errno.ENOMEM, thread="worker")
        c.send(frame(CLOSE, b"\x03\xe8"))
        assert c.read_close() == 1000
        c.read_end()
        w.settled(0)
        assert w.faults.disarm() > 0
    dropped = metrics.gained(before, metrics.read(w.daemon))["wsd_log_lines_dropped_total"]
    assert dropped > 0
    with opened(w)():
        told = w.daemon.wait_log("log lines dropped")
    assert int(told["WS_DROPPED"]) == dropped
    assert not w.daemon.logged("closed", WS_CONNECTION_ID="fault", WS_CLOSE_CODE=1000)


# ---------------------------------------------------------------- HTTP

REQUESTS = [("GET", "/"), ("GET", "/health"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/none"),
            ("GET", "/api/v1/connections"), ("GET", "/api/v1/connections/bystander"),
            ("GET", "/api/v1/connections/nobody"), ("DELETE", "/api/v1/connections/nobody"),
            ("GET", "/api/v1/handoff"), ("POST", "/api/v1/handoff"), ("PUT", "/api/v1/log-level")]
BODIES = {"POST": b'{"to":"nobody"}', "PUT": b'{"level":"info"}'}


@may_close
def asks(address, method, path):
    body = BODIES.get(method, b"")
    response = ask_operator(address, path, method, [("Content-Type", "application/json")] if body else [], body=body)
    assert response.status < 500 or response.status == 503, (response.status, response.body)
    if response.headers["content-type"] == "application/json":
        assert response.json is not None


@FOREVER
@pytest.mark.parametrize("method, path", REQUESTS, ids=[f"{m} {p}" for m, p in REQUESTS])
def test_admin_request(walk, method, path, forever):
    w = walk()
    address = w.daemon.address("admin")
    w.run(["memory"], lambda _: asks(address, method, path), forever=forever)
