# SPDX-License-Identifier: MIT
"""A restart that no client notices: the connections wait in the parking lot for the next process."""

import json
import signal
import socket
import threading

import pytest

import metrics
from clients import CONTINUATION, PING, PONG, TEXT, frame, message, wait_open
from crowd import HABITS
from process import PATIENCE


def park(wsd, people=None):
    """Ends the process by SIGUSR2, while the crowd talks on; the log line about it."""
    wsd.send_signal(signal.SIGUSR2)
    if people:
        people.pump(lambda: wsd.status is not None, "exit")
    assert wsd.wait_exit() == 0, wsd.text()
    return wsd.logged("parked")[0]


def taken_up(wsd):
    line = wsd.wait_log("took up")
    return int(line["WS_CONNECTIONS"]), int(line["WS_LOST"])


def restart(start, unit, wsd, people=None, **settings):
    park(wsd, people)
    return start(unit=unit, PARKING="on", **settings)


def test_idle_and_talking_connections_go_on(start, unit, crowd):
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 48, habits=HABITS)
    people.pump_answers()
    assert park(wsd, people)["WS_CONNECTIONS"] == 48, people.broken()
    wsd = start(unit=unit, PARKING="on")
    assert taken_up(wsd) == (48, 0)
    people.check_goes_on()
    wait_open(wsd, 48)
    assert metrics.read(wsd)['websocket_connections_moved_total{direction="in"}'] == 48


def test_restarts_in_a_row(start, unit, crowd):
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 24, habits=HABITS)
    for _ in range(4):
        people.pump_answers()
        wsd = restart(start, unit, wsd, people)
        assert taken_up(wsd) == (24, 0)
    people.check_goes_on()


def test_restart_without_clients(start, unit, raw):
    wsd = restart(start, unit, start(unit=unit, PARKING="on"))
    raw(wsd).open()


def test_who_comes_meanwhile_waits(start, unit, raw):
    """The listener stays, and with it the queue of those who connect."""
    wsd = start(unit=unit, PARKING="on")
    park(wsd)
    early = raw(wsd)
    early.send(early.request())
    start(unit=unit, PARKING="on")
    assert early.read_response().status == 101


def test_heartbeats_go_on(start, unit, raw):
    wsd = start(unit=unit, PARKING="on", HEARTBEAT_INTERVAL=300)
    c = raw(wsd).open()
    restart(start, unit, wsd, HEARTBEAT_INTERVAL=300)
    for _ in range(3):
        while c.read_json(skip_heartbeats=False)["type"] != "heartbeat":
            pass
        opcode, payload = c.read_frame()
        assert opcode == PING
        c.send(frame(PONG, payload))


def test_silent_peer_is_closed_by_the_next_process(start, unit, raw):
    """The clock of CONNECTION_TIMEOUT goes on, too."""
    wsd = start(unit=unit, PARKING="on", CONNECTION_TIMEOUT=2000, HEARTBEAT_INTERVAL=60000)
    c = raw(wsd).open()
    restart(start, unit, wsd, CONNECTION_TIMEOUT=2000, HEARTBEAT_INTERVAL=60000)
    assert c.read_json()["reason"] == "timeout"
    assert c.read_close() == 1001


def test_token_is_valid_after_the_move(start, unit, raw):
    wsd = start(unit=unit, PARKING="on")
    old = raw(wsd).open("/ws/chat/bob")
    old.ask(message())
    wsd = restart(start, unit, wsd)
    assert raw(wsd).handshake("/ws/chat/bob").status == 409
    new = raw(wsd).open("/ws/chat/bob?session=" + old.greeting["session"])
    assert old.read_json()["reason"] == "replaced"
    assert (new.greeting["resumed"], new.greeting["count"]) == (True, 1)


def test_connection_that_closes_after_the_move_can_be_resumed(start, unit, raw):
    wsd = start(unit=unit, PARKING="on")
    old = raw(wsd).open("/ws/chat/bob")
    old.ask(message())
    wsd = restart(start, unit, wsd)
    assert old.ask(message())["count"] == 2
    old.sock.close()
    wait_open(wsd, 0)
    new = raw(wsd).open("/ws/chat/bob?session=" + old.greeting["session"])
    assert (new.greeting["resumed"], new.greeting["count"]) == (True, 2)


def test_session_closed_before_can_be_resumed_after(start, unit, raw):
    wsd = start(unit=unit, PARKING="on")
    old = raw(wsd).open("/ws/chat/bob")
    old.ask(message())
    old.sock.close()
    wait_open(wsd, 0)
    wsd = restart(start, unit, wsd)
    wsd = restart(start, unit, wsd)
    new = raw(wsd).open("/ws/chat/bob?session=" + old.greeting["session"])
    assert (new.greeting["resumed"], new.greeting["count"]) == (True, 1)


@pytest.mark.parametrize("why, status", [("admin port in use", 1), ("bad configuration", 78)])
def test_successor_that_cannot_start_leaves_the_lot(start, unit, crowd, why, status):
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 12, habits=HABITS)
    people.pump_answers()
    park(wsd, people)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        if status == 78:
            failing = start(wait=False, unit=unit, PARKING="on", MAX_CONNECTIONS="many")
        else:
            admin = unit.sockets.pop()
            failing = start(wait=False, unit=unit, PARKING="on", ADMIN_PORT=busy.getsockname()[1])
            unit.sockets.append(admin)
        people.pump(lambda: failing.status is not None, "exit")
        assert failing.status == status, failing.text()
    wsd = start(unit=unit, PARKING="on")
    assert taken_up(wsd) == (12, 0)
    people.check_goes_on()


def test_fewer_connections_allowed_than_parked(start, unit, crowd, raw):
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 12, habits=HABITS)
    wsd = restart(start, unit, wsd, people, MAX_CONNECTIONS=5)
    assert taken_up(wsd) == (12, 0)
    people.check_goes_on()
    assert raw(wsd).handshake().status == 503


@pytest.mark.parametrize("before, after", [(1, 4), (4, 1)])
def test_other_number_of_workers(start, unit, crowd, before, after):
    wsd = start(unit=unit, PARKING="on", WORKERS=before)
    people = crowd(wsd, 24, habits=HABITS)
    people.pump_answers()
    wsd = restart(start, unit, wsd, people, WORKERS=after)
    assert taken_up(wsd) == (24, 0)
    people.check_goes_on()


@pytest.mark.parametrize("how", ["reset", "end"])
def test_peer_that_closes_while_parked(start, unit, raw, how):
    wsd = start(unit=unit, PARKING="on")
    stays, goes = raw(wsd).open("/ws/chat/stays"), raw(wsd).open("/ws/chat/goes")
    park(wsd)
    if how == "reset":
        goes.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    goes.sock.close()
    wsd = start(unit=unit, PARKING="on")
    assert sum(taken_up(wsd)) == 2
    wait_open(wsd, 1)
    assert stays.ask(message())["count"] == 1
    assert raw(wsd).handshake("/ws/chat/stays").status == 409
    raw(wsd).open("/ws/chat/goes")


def test_what_is_said_while_parked_is_answered(start, unit, raw):
    wsd = start(unit=unit, PARKING="on")
    c = raw(wsd).open()
    park(wsd)
    for n in range(50):
        c.send_text(message(n, id=n))
    start(unit=unit, PARKING="on")
    for n in range(50):
        answer = c.read_json()
        assert (answer["count"], answer["id"]) == (n + 1, n)


LONG_ID = "i" * 100

STUCK = {
    "half a frame": frame(TEXT, message("x" * 100))[:40],
    "a frame's first byte": frame(TEXT, message())[:1],
    "half a message": frame(TEXT, message("x" * 100)[:50], fin=False),
}


@pytest.mark.parametrize("what", STUCK)
def test_client_in_the_middle_of_something_is_told_to_come_back(start, unit, raw, what):
    wsd = start(unit=unit, PARKING="on")
    c, other = raw(wsd).open("/ws/chat/stuck"), raw(wsd).open("/ws/chat/other")
    assert other.ask(message())["count"] == 1
    c.send(STUCK[what])
    wsd.send_signal(signal.SIGUSR2)
    goodbye = c.read_json()
    assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"]) == ("goodbye", "restart", True)
    assert c.read_close() == 1012
    c.sock.close()
    assert wsd.wait_exit() == 0
    assert wsd.logged("parked")[0]["WS_CONNECTIONS"] == 1
    wsd = start(unit=unit, PARKING="on")
    assert taken_up(wsd) == (1, 0)
    assert other.ask(message())["count"] == 2
    again = raw(wsd).open("/ws/chat/stuck?session=" + c.greeting["session"])
    assert again.greeting["resumed"] is True


def test_message_that_ends_in_time_is_moved(start, unit, raw):
    wsd = start(unit=unit, PARKING="on")
    c = raw(wsd).open()
    text = message("x" * 100)
    c.send(frame(TEXT, text[:50], fin=False))
    c.send(frame(PING, b"here"))
    assert c.read_frame() == (PONG, b"here")
    wsd.send_signal(signal.SIGUSR2)
    wsd.wait_notice("STOPPING=1")
    c.send(frame(CONTINUATION, text[50:]))
    assert c.read_json()["count"] == 1
    opcode, payload = c.read_frame() if wsd.status is None and not wsd.logged("parked") else (None, None)
    if opcode == PING:
        c.send(frame(PONG, payload))
    assert wsd.wait_exit() == 0
    start(unit=unit, PARKING="on")
    assert c.ask(message())["count"] == 2


def unread(wsd, c):
    """Asks, without reading, until answers wait in wsd; how many it asked for."""
    n = 0
    while metrics.read(wsd)["websocket_connections_paused"] == 0:
        c.send(b"".join(frame(TEXT, message(1, id=f"{n + i}{LONG_ID}")) for i in range(1, 21)))
        n += 20
    return n


def test_frames_that_wait_for_a_slow_client_move_along(start, unit, raw):
    """It must read on, since half a frame cannot move; what comes is whole and in order."""
    wsd = start(unit=unit, PARKING="on")
    c = raw(wsd, receive_buffer=4096).open()
    n = unread(wsd, c)
    wsd.send_signal(signal.SIGUSR2)
    successor = []
    next_one = threading.Thread(target=lambda: wsd.wait_exit() == 0 and successor.append(start(unit=unit, PARKING="on")))
    next_one.start()
    for i in range(1, n + 1):
        opcode, payload = c.read_frame()
        while opcode == PING:
            c.send(frame(PONG, payload))
            opcode, payload = c.read_frame()
        answer = json.loads(payload)
        assert (answer.get("count"), answer["id"]) == (i, f"{i}{LONG_ID}"), answer
    answer_pings(wsd, c)
    next_one.join()
    assert taken_up(successor[0]) == (1, 0)
    assert c.ask(message())["count"] == n + 1


def answer_pings(wsd, c):
    """Until the process has ended."""
    c.sock.settimeout(0.05)
    while wsd.status is None:
        try:
            opcode, payload = c.read_frame()
            assert opcode == PING, payload
            c.send(frame(PONG, payload))
        except TimeoutError:
            pass
    c.sock.settimeout(PATIENCE)


def test_client_that_reads_nothing_is_not_moved(start, unit, raw):
    wsd = start(unit=unit, PARKING="on")
    c = raw(wsd, receive_buffer=4096).open()
    unread(wsd, c)
    assert park(wsd)["WS_CONNECTIONS"] == 0
    wsd = start(unit=unit, PARKING="on")
    assert raw(wsd).open("/ws/chat/raw?session=" + c.greeting["session"]).greeting["resumed"] is True


@pytest.mark.parametrize("parking", ["off", "auto"])
def test_without_a_lot_clients_are_told_to_come_back(start, unit, crowd, parking):
    wsd = start(unit=unit, PARKING=parking)
    people = crowd(wsd, 4, habits=("idle",))
    wsd.send_signal(signal.SIGUSR2)
    people.pump(lambda: all(one.ended for one in people.all), "end of all")
    assert {(one.goodbye, one.code) for one in people.all} == {("restart", 1012)}
    assert wsd.wait_exit() == 0
    assert not unit.store


def test_stop_parks_nobody(start, unit, crowd):
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 4, habits=("idle",))
    wsd.send_signal(signal.SIGTERM)
    people.pump(lambda: all(one.ended for one in people.all), "end of all")
    assert {(one.goodbye, one.code) for one in people.all} == {("shutdown", 1001)}
    assert wsd.wait_exit() == 0
    wsd = start(unit=unit, PARKING="on")
    assert not wsd.logged("took up")


def test_connections_of_one_address_are_counted_on(start, unit, raw):
    """Else each restart, and each deploy, would let everyone have as many connections again."""
    settings = dict(MAX_CONNECTIONS_PER_IP="2")
    client, other = ([("X-Forwarded-For", address)] for address in ("203.0.113.1", "203.0.113.2"))
    wsd = start(unit=unit, PARKING="on", **settings)
    old = [raw(wsd).open(f"/ws/chat/c{n}", add=client) for n in range(2)]
    own = [raw(wsd).open(f"/ws/chat/own{n}") for n in range(3)]  # a proxy's own are not counted
    wsd = restart(start, unit, wsd, **settings)
    assert raw(wsd).handshake("/ws/chat/more", add=client).status == 429
    raw(wsd).open("/ws/chat/other", add=other)
    raw(wsd).open("/ws/chat/own3")
    old[0].sock.close()
    wait_open(wsd, 6)
    raw(wsd).open("/ws/chat/more", add=client)
    assert raw(wsd).handshake("/ws/chat/yet-more", add=client).status == 429
    for one in old[1:] + own:
        one.ask(message())
