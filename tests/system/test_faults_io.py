# SPDX-License-Identifier: MIT
"""System calls that fail, write less than they were asked to, or tell another time, while wsd serves. doc/faults.md."""

import errno
import json
import os
import signal
import time
from datetime import datetime, timezone

import pytest

import metrics
from clients import PING, PONG, TEXT, Closed, Raw, ask_operator, frame, http, message
from faults import Walk, unusable
from instances import wait_for

pytestmark = pytest.mark.skipif(unusable() is not None, reason=unusable() or "")

YEAR_MS = 365 * 86400 * 1000
SHORT_OF = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]
NAMES = errno.errorcode.get


def text_of(c):
    """The next text message; Closed if the connection is given up."""
    opcode, payload = c.read_frame()
    if opcode == 8:
        raise Closed(payload)
    assert opcode == TEXT, (opcode, payload)
    return json.loads(payload)


# ---------------------------------------------------------------- accepting


@pytest.mark.parametrize("error", SHORT_OF, ids=NAMES)
def test_accept_fails_for_a_while(faulty, faults, raw, error):
    """Who comes then waits in the kernel's queue, and is served as soon as it can be."""
    wsd = faulty()
    before = metrics.read(wsd)
    faults.arm("accept", first=1, every=1, error=error)
    c = raw(wsd)
    c.send(c.request())
    wait_for(lambda: faults.failed >= 2, "second failure")  # it is tried again by itself
    faults.disarm()
    assert c.read_response().status == 101
    assert metrics.gained(before, metrics.read(wsd))["websocket_accept_failures_total"] >= 2
    assert wsd.logged("could not accept a connection")


@pytest.mark.parametrize("error", [errno.ECONNABORTED, errno.EINTR, errno.EPROTO, errno.ENETDOWN], ids=NAMES)
def test_connection_that_is_gone_before_it_is_accepted(faulty, faults, raw, error):
    wsd = faulty()
    faults.arm("accept", first=1, error=error)
    assert raw(wsd).handshake().status == 101
    assert faults.failed == 1
    assert not wsd.logged("could not accept a connection")


def one_life(address):
    with Raw(address) as c:
        try:
            response = c.handshake("/ws/chat/fault")
            if response.status == 503:
                return
            assert response.status == 101
            assert text_of(c)["type"] == "connection_established"
            c.send_text(message(id=1))
            assert text_of(c)["id"] == 1
        except Closed:
            pass


@pytest.mark.parametrize("kind, error", [("socket", errno.EMFILE), ("open", errno.EMFILE), ("eventfd", errno.EMFILE)])
def test_descriptors_run_out(faulty, faults, kind, error):
    """While clients come and operators ask. Those that need no new descriptor are served."""
    wsd = faulty()
    walk = Walk(wsd, faults)
    faults.arm(kind, first=1, every=1, error=error)
    one_life(wsd.port)
    for path in ("/health", "/metrics", "/api/v1/connections"):
        assert ask_operator(wsd.address("admin"), path).status == 200
    faults.disarm()
    walk.settled(0)
    walk.close()


# ---------------------------------------------------------------- reading and writing

ASKED = 40


def converse(c):
    """All kinds of frames, pipelined; what comes is whole and in order, or the connection ends."""
    big = "x" * 20000
    c.send(b"".join(frame(TEXT, message(big if i % 8 == 0 else i, id=i)) + (frame(PING, b"%d" % i) if i % 10 == 9 else b"")
                    for i in range(ASKED)))
    got = 0
    while got < ASKED:
        opcode, payload = c.read_frame()
        if opcode == PONG:
            assert int(payload) % 10 == 9
            continue
        if opcode == 8:
            raise Closed(payload)
        answer = json.loads(payload)
        assert (opcode, answer["id"], answer["count"]) == (TEXT, got, got + 1), (opcode, answer)
        got += 1


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("error", [errno.EAGAIN, errno.EINTR], ids=NAMES)
@pytest.mark.parametrize("kind", ["send", "receive"])
def test_calls_to_be_repeated(faulty, faults, raw, kind, error, every):
    """Nobody is closed for these; each second call fails, each third, or each fourth."""
    wsd = faulty()
    c = raw(wsd).open()
    faults.arm(kind, first=1, every=every + 1, error=error, thread="worker")
    converse(c)
    assert faults.failed > 0
    faults.disarm()


@pytest.mark.parametrize("error", [errno.ENOBUFS, errno.ENOMEM, errno.ECONNRESET, errno.EPIPE], ids=NAMES)
@pytest.mark.parametrize("kind", ["send", "receive"])
def test_each_call_fails_once(faulty, faults, kind, error):
    """The connection that it was for is closed, if it must be; never is there anything wrong in what came before."""
    wsd = faulty()
    walk = Walk(wsd, faults)

    def act(c):
        with c:
            try:
                converse(c)
            except (Closed, ConnectionError):
                pass

    walk.run([kind], act, prepare=lambda: Raw(wsd.port).open("/ws/chat/fault"), thread="worker", error=error)
    walk.close()


@pytest.mark.parametrize("most", [1, 7, 100])
def test_short_writes(faulty, faults, raw, most):
    """Of WebSockets. libmicrohttpd waits for the socket to have room again, as it would have after a real one."""
    wsd = faulty(SEND_QUEUE_BYTES=10000000)
    c = raw(wsd).open()
    faults.cut_writes(most)
    converse(c)
    faults.cut_writes(0)


# ---------------------------------------------------------------- clocks


def timestamp_ms(answer):
    then = datetime.strptime(answer["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return then.timestamp() * 1000


def stays(c, off_ms):
    """Answers come, with the time of day, once the daemon has looked at it again; nobody is told to go."""
    def near():
        answer = c.ask(message())
        assert answer["type"] == "message_response", answer
        return abs(timestamp_ms(answer) - time.time() * 1000 - off_ms) < 60000
    wait_for(near, f"timestamps {off_ms} ms off")


def test_time_of_day_jumps(faulty, faults, raw):
    wsd = faulty(CONNECTION_TIMEOUT=5000, HEARTBEAT_INTERVAL=1000, SESSION_TTL=60000)
    c, gone = raw(wsd).open("/ws/chat/a"), raw(wsd).open("/ws/chat/b")
    session = gone.greeting["session"]
    gone.sock.close()
    for off in (YEAR_MS, -YEAR_MS, 0):
        faults.clocks(real_ms=off)
        stays(c, off)
        again = raw(wsd).open(f"/ws/chat/b?session={session}")
        assert again.greeting["resumed"] is True
        again.sock.close()
        wait_for(lambda: ask_operator(wsd.admin_port, "/api/v1/connections").json["total"] == 1, "end of the second")
    assert http(wsd.admin_port, "/health").json["uptime"] < 3600
    assert not wsd.logged(WS_CLOSE_CODE=1001)


def test_rate_limits_do_not_follow_the_time_of_day(faulty, faults, raw):
    wsd = faulty(RATE_LIMIT_MESSAGE="1/3")
    c = raw(wsd).open()
    for _ in range(3):
        assert c.ask(message())["type"] == "message_response"
    for off in (YEAR_MS, -YEAR_MS):
        faults.clocks(real_ms=off)
        assert c.ask(message())["code"] == "rate_limited"


def test_monotonic_clock_jumps_ahead(faulty, faults, raw):
    """As it does for a process when its machine was stopped. How long a peer was silent is the kernel's to say, so nobody is
    closed for it."""
    wsd = faulty(CONNECTION_TIMEOUT=60000, HEARTBEAT_INTERVAL=10000)
    c = raw(wsd).open("/ws/chat/a")
    faults.clocks(mono_ms=3600 * 1000)
    assert c.read_json(skip_heartbeats=False)["type"] == "heartbeat"  # it has noticed
    assert c.ask(message())["count"] == 1
    assert raw(wsd).open("/ws/chat/a2").ask(message())["count"] == 1
    assert http(wsd.admin_port, "/health").json["uptime"] >= 3600
    assert not wsd.logged("closed")


def test_stopped_for_longer_than_the_timeout(faulty, raw):
    """SIGSTOP and SIGCONT: what the client said meanwhile lies in its socket, and counts."""
    wsd = faulty(CONNECTION_TIMEOUT=1000, HEARTBEAT_INTERVAL=500)
    c = raw(wsd).open()
    c.ask(message())
    os.kill(wsd.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        while time.monotonic() < began + 2.5:
            c.send_text(message(id="x"))
            wait_until(time.monotonic() + 0.5)
    finally:
        os.kill(wsd.pid, signal.SIGCONT)
    answer = c.read_json()
    assert answer["type"] == "message_response", answer
    assert http(wsd.admin_port, "/health").status == 200


def wait_until(when):
    """A second signal would not tell that time has passed: here time is what is tested."""
    while (left := when - time.monotonic()) > 0:
        time.sleep(left)
