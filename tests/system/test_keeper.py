# SPDX-License-Identifier: MIT
"""The server is killed, and its clients go on with the next one: doc/crash.md."""

import json
import os
import re
import signal
import socket
from datetime import datetime
from pathlib import Path

import pytest

import metrics
import silent
from clients import CLOSE, PING, PONG, TEXT, Closed, ask_operator, close_payload, frame, http, message, wait_open
from crowd import HABITS
from instances import wait_for
from process import sanitized
from test_limits import ask_without_reading
from test_watchdog import WALL, hold

unsanitized = pytest.mark.skipif(sanitized(), reason="a sanitizer's runtime handles fatal signals by itself")
pytestmark = unsanitized

SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)


@pytest.fixture
def keep(start):
    """keep(**settings): a wsd with a keeper, whose servers leave no core dumps."""
    return lambda **how: start(**{"KEEPER": "on", "CRASH_LIMIT": 15, "before": "ulimit -c 0", **how})


def settle(wsd):
    """Until nothing is under way: the workers are asked about all connections, and answer in a turn of its own. Twice, as a pong is
    noted in the turn after the one in which it was sent."""
    for _ in range(2):
        ask_operator(wsd.address("admin"), "/api/v1/connections?limit=1000")


def crash(wsd, number=signal.SIGKILL):
    settle(wsd)
    return wsd.crash(number)


def told(line):
    return int(line["WS_CONNECTIONS"]), int(line["WS_CLOSED"])


def resume(raw, wsd, path, c, count):
    """The session is there still, with this count."""
    again = raw(wsd).open(f"{path}?session={c.greeting['session']}")
    assert (again.greeting["resumed"], again.greeting["count"]) == (True, count)
    assert again.ask(message())["count"] == count + 1
    return again


# ---------------------------------------------------------------- who is kept


@pytest.mark.parametrize("number", SIGNALS)
def test_idle_connections_go_on(keep, raw, number):
    wsd = keep()
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(8)]
    for c in people[:4]:
        assert c.ask(message())["count"] == 1
    keeper, server = wsd.pid, wsd.server
    line = crash(wsd, number)
    assert told(line) == (8, 0) and int(line["WS_SIGNAL"]) == number
    assert wsd.pid == keeper and wsd.server not in (0, server)
    for i, c in enumerate(people):
        assert c.ask(message())["count"] == (2 if i < 4 else 1)
    wait_open(wsd, 8)


def test_talking_connections_go_on(keep, crowd):
    """Of those who talk without pause, the workers may have been at a message of some. They come back, with the count of the answers
    that they got; the others miss nothing, and are answered in order."""
    wsd = keep()
    people = crowd(wsd, 48, habits=HABITS, elsewhere=wsd.port, stubborn=True)
    closed = 0
    for n in range(6):
        people.pump_answers(100 + 20 * n)
        wsd.send_server(SIGNALS[n % 3])
        line = people.pump(lambda n=n: wsd.crashes()[n:], "word of the crash")[0]
        assert sum(told(line)) == 48
        closed += told(line)[1]
        people.pump(lambda n=closed: len(people.returned) >= n, "those who were closed")
        people.check_goes_on()
    assert len(people.returned) == closed
    assert all(one.code == 1012 and one.habit != "idle" for one in people.returned)
    assert closed <= 6 * 2 * 4  # far from all; how many is measured elsewhere


def test_ten_crashes_in_a_row(keep, raw):
    wsd = keep()
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(20)]
    for n in range(10):
        assert told(crash(wsd, SIGNALS[n % 3])) == (20, 0)
        for c in people[::2]:
            assert c.ask(message())["count"] == n + 1
    for c in people[1::2]:
        assert c.ask(message())["count"] == 1


def test_pinging_clients_go_on(keep, raw):
    wsd = keep()
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(10)]
    for n in range(3):
        for c in people:
            for i in range(n + 1):
                c.send(frame(PING, f"{n}.{i}"))
                assert c.read_frame() == (PONG, f"{n}.{i}".encode())
        assert told(crash(wsd)) == (10, 0)
    for c in people:
        c.send(frame(PING, b"after"))
        assert c.read_frame() == (PONG, b"after")
        assert c.ask(message())["count"] == 1


def test_pings_at_once(keep, raw):
    """Not each is answered."""
    wsd = keep()
    c = raw(wsd).open()
    for n in range(3):
        c.send(b"".join(frame(PING, "x" * i) for i in range(1, 4)))
        assert c.read_frame() == (PONG, b"x")
        assert told(crash(wsd)) == (1, 0)
    c.send_text(message())
    opcode, answer = c.read_frame()
    assert opcode == TEXT and json.loads(answer)["count"] == 1


@pytest.mark.parametrize("n", [3, 20, 300])
def test_ping_before_a_message_in_two_parts(keep, raw, n):
    """When its pong had left, what had been read was not the end of something; it is taken into account with the answer."""
    wsd = keep()
    c = raw(wsd).open()
    text = frame(TEXT, message("x" * 500))
    c.send(frame(PING, b"1") + text[:n])
    assert c.read_frame() == (PONG, b"1")
    settle(wsd)
    c.send(text[n:])
    assert c.read_json()["count"] == 1
    assert told(crash(wsd)) == (1, 0)
    assert c.ask(message())["count"] == 2


def test_what_is_said_meanwhile_is_answered(keep, raw):
    """It waits in the socket: nobody has read it."""
    wsd = keep()
    c = raw(wsd).open()
    c.ask(message())
    settle(wsd)
    wsd.freeze()
    for n in range(50):
        c.send_text(message(n, id=n))
    assert told(wsd.crash()) == (1, 0)
    for n in range(50):
        answer = c.read_json()
        assert (answer["count"], answer["id"]) == (n + 2, n)


# ---------------------------------------------------------------- who is not


@pytest.mark.parametrize("begun", ["fragment", "half a frame"])
def test_in_the_middle_of_a_message(keep, raw, begun):
    """It was read in part: whoever sent it is told, and comes back."""
    wsd = keep()
    c, other = raw(wsd).open("/ws/chat/c"), raw(wsd).open("/ws/chat/other")
    for n in range(3):
        c.ask(message())
    text = frame(TEXT, message("x" * 1000), fin=begun != "fragment")
    c.send(text if begun == "fragment" else text[:500])
    wait_unread(wsd, c)
    assert told(crash(wsd)) == (1, 1)
    assert c.read_close() == 1012
    c.read_end()
    assert other.ask(message())["count"] == 1
    resume(raw, wsd, "/ws/chat/c", c, 3)


@pytest.mark.parametrize("part", ["half a header", "half a mask", "half a ping", "a little of a long frame"])
def test_less_than_a_frame(keep, raw, part):
    """Of which the library shows nothing, or not much."""
    wsd = keep()
    c = raw(wsd).open("/ws/chat/c")
    c.ask(message())
    silent.STUCK[part](c)
    wait_unread(wsd, c)
    assert told(crash(wsd)) == (0, 1)
    assert c.read_close() == 1012
    resume(raw, wsd, "/ws/chat/c", c, 1)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_ping_before_the_beginning_of_a_message(keep, raw, n):
    """With the pong all that was read is counted, but who goes on would take the rest for a frame of its own."""
    wsd = keep()
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(PING, b"1") + frame(TEXT, message())[:n])
    assert c.read_frame() == (PONG, b"1")
    wait_unread(wsd, c)
    assert told(crash(wsd)) == (0, 1)
    c.read_end()
    resume(raw, wsd, "/ws/chat/c", c, 0)


def unread_bytes(wsd, c):
    """What is in the server's receive queue of this client, as the kernel tells."""
    port = f":{c.sock.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(port) and fields[1].endswith(f":{wsd.port:04X}"):
            return int(fields[4].split(":")[1], 16)
    return None


def wait_unread(wsd, c):
    """Until the server has taken all out of the socket; another's answer shows that its loops turn."""
    while unread_bytes(wsd, c):
        http(wsd.port, "/healthz")


def test_client_that_does_not_read(keep, raw):
    """Answers wait in the memory that is lost."""
    wsd = keep(WORKERS=1)
    c, other = raw(wsd, receive_buffer=4096).open("/ws/chat/c"), raw(wsd).open("/ws/chat/other")
    ask_without_reading(c)
    metrics.wait_paused(wsd, 1)
    assert told(crash(wsd)) == (1, 1)
    assert other.ask(message())["count"] == 1
    counts = [json.loads(payload)["count"] for opcode, payload in frames(c) if opcode == TEXT]
    assert counts == list(range(1, len(counts) + 1))
    again = raw(wsd).open(f"/ws/chat/c?session={c.greeting['session']}")
    assert again.greeting["resumed"] and again.greeting["count"] >= len(counts)  # each that was answered


def frames(c):
    """All that come whole before the end."""
    try:
        while True:
            yield c.read_frame()
    except Closed:
        pass


def test_half_closed_client(keep, raw):
    """Its FIN was read by nobody, as the server stood still."""
    wsd = keep()
    c, other = raw(wsd).open("/ws/chat/c"), raw(wsd).open("/ws/chat/other")
    c.ask(message())
    settle(wsd)
    wsd.freeze()
    c.sock.shutdown(socket.SHUT_WR)
    assert told(wsd.crash()) == (1, 1)
    c.read_end()
    assert other.ask(message())["count"] == 1
    resume(raw, wsd, "/ws/chat/c", c, 1)


def test_client_in_the_middle_of_closing(keep, raw):
    wsd = keep()
    c = raw(wsd).open("/ws/chat/c")
    c.ask(message())
    settle(wsd)
    wsd.freeze()
    c.send(frame(CLOSE, close_payload(1000)))
    assert told(wsd.crash()) == (1, 0)  # nobody has read that either
    assert c.read_close() == 1000
    c.read_end()
    resume(raw, wsd, "/ws/chat/c", c, 1)


def test_unix_socket_client(keep, raw):
    wsd = keep(public=("v4", "unix"))
    c, other = raw(wsd.address(number=1)).open("/ws/chat/c"), raw(wsd).open("/ws/chat/other")
    c.ask(message())
    assert told(crash(wsd)) == (1, 1)
    c.read_end()
    assert other.ask(message())["count"] == 1
    again = raw(wsd.address(number=1)).open(f"/ws/chat/c?session={c.greeting['session']}")
    assert (again.greeting["resumed"], again.greeting["count"]) == (True, 1)


# ---------------------------------------------------------------- who has no connection yet, or any more


def test_visitor_with_half_a_request(keep, raw):
    wsd = keep()
    v, mute = raw(wsd), raw(wsd)
    request = v.request()
    v.send(request[:40])
    while metrics.read(wsd)["websocket_handshakes_pending"] != 2:
        pass
    crash(wsd)
    v.send(request[40:])
    assert v.read_response().status == 101
    mute.open("/ws/chat/mute")


def test_visitor_that_has_asked_while_nobody_listened(keep, raw):
    wsd = keep()
    settle(wsd)
    wsd.freeze()
    v = raw(wsd)
    v.send(v.request())
    wsd.crash()
    assert v.read_response().status == 101


def test_plain_http_after_a_crash(keep, raw):
    """Requests that are under way are cut off, and all sockets listened on."""
    wsd = keep(admin=("v4", "unix"))
    c = raw(wsd)
    c.send("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
    wait_unread(wsd, c)
    crash(wsd)
    c.read_end()
    assert http(wsd.address("admin", 1), "/health").status == 200
    assert http(wsd.port, "/healthz").status == 200
    assert ask_operator(wsd.admin_port, "/api/v1/connections").json["total"] == 0


def test_sessions_of_closed_connections(keep, raw):
    wsd = keep()
    closed = []
    for n in range(5):
        c = raw(wsd).open(f"/ws/chat/c{n}")
        for _ in range(n):
            c.ask(message())
        c.sock.close()
        closed.append(c)
    wait_open(wsd, 0)
    crash(wsd)
    crash(wsd)
    for n, c in enumerate(closed):
        resume(raw, wsd, f"/ws/chat/c{n}", c, n)


def test_session_of_a_connection_that_has_just_closed(keep, raw):
    """The worker has closed it, and the front desk has not heard of it yet."""
    wsd = keep()
    c = raw(wsd).open("/ws/chat/c")
    c.ask(message())
    server = wsd.server
    hold(server)
    c.send(frame(CLOSE, close_payload(1000)))
    assert c.read_close() == 1000
    c.read_end()

    def kill():
        os.kill(server, signal.SIGKILL)
        while os.WIFSTOPPED(os.waitpid(server, WALL)[1]):
            pass

    assert told(wsd.taken_up_after(kill))[0] == 0  # its end comes before its descriptor is closed
    resume(raw, wsd, "/ws/chat/c", c, 1)


def test_token_of_a_kept_connection(keep, raw):
    """Its id is taken, its token replaces it, and when it has closed it can be resumed."""
    wsd = keep()
    old = raw(wsd).open("/ws/chat/bob")
    old.ask(message())
    crash(wsd)
    assert raw(wsd).handshake("/ws/chat/bob").status == 409
    new = resume(raw, wsd, "/ws/chat/bob", old, 1)
    assert old.read_json()["reason"] == "replaced"
    new.sock.close()
    wait_open(wsd, 0)
    resume(raw, wsd, "/ws/chat/bob", new, 2)


def test_limits_go_on(keep, raw):
    """As many as may be are there still, and each counts for its address."""
    wsd = keep(MAX_CONNECTIONS=12)
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(12)]
    assert told(crash(wsd)) == (12, 0)
    assert raw(wsd).handshake().status == 503
    people.pop().sock.close()
    wait_open(wsd, 11)
    raw(wsd).open()
    wsd = keep(MAX_CONNECTIONS_PER_IP=2, TRUSTED_PROXIES="192.0.2.1")
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(2)]
    assert told(crash(wsd)) == (2, 0)
    assert raw(wsd).handshake().status == 429
    people.pop().sock.close()
    wait_open(wsd, 1)
    raw(wsd).open()


def test_bucket_of_messages_goes_on(keep, raw):
    """It is empty, and a crash does not fill it: the close code is the next server's."""
    wsd = keep(RATE_LIMIT_MESSAGE="1/20")
    c = raw(wsd).open()
    answers = [c.ask(message()) for _ in range(20)]
    assert [one["count"] for one in answers] == list(range(1, 21))
    crash(wsd)
    kinds = [c.ask(message())["type"] for _ in range(20)]
    assert "error" in kinds  # a full one would take them all


def test_scores_of_memory(keep, raw):
    """If there is too little, the kernel ends the server, which has the higher score."""
    wsd = keep()
    c = raw(wsd).open()
    for n in range(2):
        score = {pid: int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii")) for pid in (wsd.pid, wsd.server)}
        assert score[wsd.server] == min(score[wsd.pid] + 100, 1000)
        crash(wsd)
        assert c.ask(message())["count"] == n + 1


# ---------------------------------------------------------------- what operators see


def clock_of(listed):
    return datetime.fromisoformat(listed["connectedAt"].replace("Z", "+00:00")).timestamp()


def test_list_of_connections(keep, raw):
    wsd = keep()
    people = {f"c{n}": raw(wsd).open(f"/ws/chat/c{n}") for n in range(4)}
    for n, c in enumerate(people.values()):
        for _ in range(n):
            c.ask(message())
    path = "/api/v1/connections?limit=10"
    before = {one["connectionId"]: one for one in ask_operator(wsd.admin_port, path).json["connections"]}
    crash(wsd)
    after = {one["connectionId"]: one for one in ask_operator(wsd.admin_port, path).json["connections"]}
    assert set(before) == set(after) == set(people)
    for n, name in enumerate(people):
        assert after[name]["messages"] == before[name]["messages"] == n
        assert all(after[name][key] == before[name][key] for key in ("client", "resumed"))
        assert abs(clock_of(after[name]) - clock_of(before[name])) < 0.1  # it is kept by another clock


def test_counters_go_on(keep, raw):
    wsd = keep()
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(3)]
    for c in people:
        c.ask(message())
    people[0].send(frame(TEXT, "x", fin=False))
    wait_unread(wsd, people[0])
    before = metrics.read(wsd)
    crash(wsd, signal.SIGSEGV)
    crash(wsd, signal.SIGKILL)
    wait_open(wsd, 2)
    settle(wsd)
    after = metrics.read(wsd)
    back = {name: (n, after.get(name)) for name, n in before.items()
            if re.search("_(total|count|bucket)", name) and not re.match("process_|websocket_connections_total", name)
            and after.get(name, -1) < n}
    assert not back
    gained = metrics.gained(before, after)
    assert gained['wsd_crashes_survived_total{signal="SIGSEGV"}'] == 1
    assert gained['wsd_crashes_survived_total{signal="SIGKILL"}'] == 1
    assert gained['wsd_crash_connections_total{result="kept"}'] == 4
    assert gained['wsd_crash_connections_total{result="closed"}'] == 1
    assert gained["websocket_connections_active"] == -1


# ---------------------------------------------------------------- clocks


def test_heartbeats_go_on(keep, raw):
    wsd = keep(HEARTBEAT_INTERVAL=300)
    c = raw(wsd).open()
    crash(wsd)
    for _ in range(3):
        while c.read_json(skip_heartbeats=False)["type"] != "heartbeat":
            pass
        opcode, payload = c.read_frame()
        assert opcode == PING
        c.send(frame(PONG, payload))


def test_silent_peer_is_closed_by_the_next_server(keep, raw):
    wsd = keep(CONNECTION_TIMEOUT=2000, HEARTBEAT_INTERVAL=60000)
    c = raw(wsd).open()
    crash(wsd)
    assert c.read_json()["reason"] == "timeout"
    assert c.read_close() == 1001


# ---------------------------------------------------------------- what is left behind


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_nothing_grows(keep, raw):
    """One table of descriptors for both: what a server leaves open would be open for good."""
    wsd = keep()
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(10)]
    counts = []
    for n in range(10):
        crash(wsd, SIGNALS[n % 3])
        for c in people:
            c.ask(message())
        http(wsd.port, "/healthz")
        counts.append(descriptors(wsd.server))
    assert max(counts[2:]) <= counts[1] + 2, counts  # the plain request's may be open still


def test_no_zombies(keep):
    wsd = keep()
    for n in range(3):
        crash(wsd, SIGNALS[n])
    children = Path(f"/proc/{wsd.pid}/task/{wsd.pid}/children")
    wait_for(lambda: children.read_text(encoding="ascii").split() == [str(wsd.server)], "end of the one before")
