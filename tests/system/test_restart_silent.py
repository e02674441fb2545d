# SPDX-License-Identifier: MIT
"""Clients that are silent in the middle of something keep a restart from nobody else: they are dealt with before, while
everybody is served, and their closing is not waited for."""

import json
import signal
from pathlib import Path

import pytest

import metrics
from clients import CLOSE, CONTINUATION, PING, TEXT, close_payload, frame, http, message, wait_open
from crowd import HABITS
from handoffs import OFFER, Peer
from instances import wait_for
from process import listener
from silent import DEAF, STUCK, UNHEARD, half_closed
from test_restart import taken_up


@pytest.fixture
def silent(raw):
    """silent(daemon, how): one that has been greeted, at /ws/chat/silent, and has fallen silent."""
    def opener(daemon, how):
        c = raw(daemon, receive_buffer=4096 if how in DEAF else None).open("/ws/chat/silent")
        {**STUCK, **DEAF}[how](c)
        return c

    return opener


def begin_restart(wsd):
    wsd.send_signal(signal.SIGUSR2)
    wsd.wait_notice("STOPPING=1")


def hurry(wsd):
    """A second signal: nobody is served from now on, and without a grace it ends at once."""
    wsd.send_signal(signal.SIGUSR2)


def told(c):
    """It was, though it reads that long after the process has ended: nothing of it is lost."""
    frames = []
    while not frames or frames[-1][0] != CLOSE:
        frames.append(c.read_frame())
    said = [json.loads(payload) for opcode, payload in frames if opcode == TEXT]
    assert [(each["type"], each.get("reason")) for each in said] == [("goodbye", "restart")]
    assert frames[-1][1] == close_payload(1012)
    assert not c.read_end()


@pytest.mark.parametrize("how", [*STUCK, *DEAF])
def test_others_are_served_as_long_as_the_silent_one_may_stay(start, unit, crowd, raw, silent, how):
    """Until it has gone there is no next process, so that whoever stood still would get no answer."""
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 6, habits=("talk", "idle"))
    people.pump_answers()
    c = silent(wsd, how)
    begin_restart(wsd)
    raw(wsd).open("/ws/chat/newcomer").ask(message())
    assert http(wsd.address("admin"), "/readyz").status == 200
    people.pump_answers()
    people.pump(lambda: wsd.status is not None, "exit")
    assert wsd.wait_exit() == 0
    line = wsd.logged("parked")[0]
    assert (line["WS_CONNECTIONS"], line["WS_CLOSED"]) == (7, 1)
    if how in STUCK:
        told(c)
    wsd = start(unit=unit, PARKING="on")
    assert taken_up(wsd) == (7, 0)
    people.check_goes_on()
    again = raw(wsd).open("/ws/chat/silent?session=" + c.greeting["session"])
    assert again.greeting["resumed"] is True


def test_all_of_them_at_once(start, unit, crowd, raw):
    wsd = start(unit=unit, PARKING="on")
    people = crowd(wsd, 12, habits=HABITS)
    people.pump_answers()
    stuck = {how: raw(wsd).open(f"/ws/chat/s{n}") for n, how in enumerate(STUCK)}
    for how, c in stuck.items():
        STUCK[how](c)
    half_closed(raw(wsd).open("/ws/chat/half-closed"))
    unheard = {how: raw(wsd) for how in UNHEARD}
    for how, c in unheard.items():
        UNHEARD[how](c)
    begin_restart(wsd)
    people.pump_answers()
    people.pump(lambda: wsd.status is not None, "exit")
    assert wsd.wait_exit() == 0
    for c in stuck.values():
        told(c)
    wsd = start(unit=unit, PARKING="on")
    assert taken_up(wsd) == (12, 0)
    people.check_goes_on()
    c = unheard["half a handshake"]
    c.send(c.request()[60:])
    assert c.read_response().status == 101


@pytest.mark.parametrize("how", STUCK)
def test_who_does_not_close_is_not_waited_for(start, unit, raw, silent, how):
    """Who is told when all stand still: nobody serves the others until this process has ended."""
    wsd = start(unit=unit, PARKING="on", PARKING_GRACE=0)
    other = raw(wsd).open("/ws/chat/other")
    c = silent(wsd, how)
    begin_restart(wsd)
    hurry(wsd)
    assert wsd.wait_exit() == 0
    other.send_text(message())
    assert wsd.logged("closed", WS_CONNECTION_ID="silent")[0]["WS_CLOSE_CODE"] == 1012
    told(c)
    c.sock.close()
    start(unit=unit, PARKING="on")
    assert other.read_json()["count"] == 1


def test_goodbye_outlives_what_was_not_read(start, unit, raw):
    """A socket that is closed with something unread in it sends a reset, which overtakes what was sent before."""
    wsd = start(unit=unit, PARKING="on", PARKING_GRACE=0, MAX_MESSAGE_BYTES=1 << 20)
    c = raw(wsd).open("/ws/chat/silent")
    c.send(frame(TEXT, "x" * 100, length=1 << 19))
    begin_restart(wsd)
    for _ in range(20):
        c.send(b"x" * 1000)
    hurry(wsd)
    assert wsd.wait_exit() == 0
    told(c)


@pytest.mark.parametrize("what", ["frame", "message"])
def test_what_ends_within_the_grace_is_moved(start, unit, raw, what):
    """PARKING_GRACE is how long others wait for a message that has begun."""
    text = message("x" * 100)
    whole = frame(TEXT, text) if what == "frame" else frame(TEXT, text[:50], fin=False) + frame(CONTINUATION, text[50:])
    wsd = start(unit=unit, PARKING="on")
    other, c = raw(wsd).open("/ws/chat/other"), raw(wsd).open("/ws/chat/slow")
    c.send(whole[:-10])
    begin_restart(wsd)
    hurry(wsd)
    wait_for(lambda: http(wsd.address("admin"), "/readyz").status == 503, "standing still")
    other.send_text(message())
    c.send(whole[-10:])
    assert wsd.wait_exit() == 0
    assert wsd.logged("parked")[0]["WS_CONNECTIONS"] == 2
    start(unit=unit, PARKING="on")
    assert other.read_json()["count"] == 1
    assert [c.read_json()["count"], c.ask(message())["count"]] == [1, 2]


def test_stop_while_a_restart_waits(start, unit, raw, silent):
    """It is a stop for everybody then."""
    wsd = start(unit=unit, PARKING="on")
    other, c = raw(wsd).open("/ws/chat/other"), silent(wsd, "half a frame")
    begin_restart(wsd)
    wsd.send_signal(signal.SIGTERM)
    for each in (other, c):
        assert each.read_json()["reason"] == "shutdown"
        assert each.read_close() == 1001
        each.sock.close()
    assert wsd.wait_exit() == 0
    assert not wsd.logged("parked")


def test_operators_orders_are_refused_while_a_restart_waits(instance, silent):
    blue = instance("blue", PARKING="on")
    silent(blue, "half a frame")
    begin_restart(blue)
    for path, body in (("drain", None), ("accept", {"accept": False}), ("handoff", {"to": "green"})):
        assert instance.api("blue", "POST", f"/api/v1/{path}", body).status == 409
    assert blue.wait_exit() == 0


def test_without_a_lot_the_silent_one_is_left_behind(start, unit, crowd, silent):
    """Those who come back wait for the next process, and that for the end of this one."""
    wsd = start(unit=unit, PARKING="off")
    people = crowd(wsd, 4, habits=("talk",))
    c = silent(wsd, "half a frame")
    wsd.send_signal(signal.SIGUSR2)
    people.pump(lambda: wsd.status is not None, "exit")
    assert {(one.goodbye, one.code) for one in people.all} == {("restart", 1012)}
    assert wsd.logged("1 connections are dropped")
    told(c)


@pytest.mark.parametrize("how", STUCK)
def test_handoff_leaves_nobody_waiting_for_the_silent_one(pair, crowd, silent, how):
    """The others have moved, and are served over there, while it may still go on."""
    blue, green = pair.running["blue"], pair.running["green"]
    people = crowd(blue, 6, habits=("talk", "idle"))
    c = silent(blue, how)
    pair.begin("blue", "green")
    people.pump(lambda: metrics.read(green)['websocket_connections_moved_total{direction="in"}'] == 6, "the others over there")
    people.pump_answers()
    assert not blue.logged("closed", WS_CONNECTION_ID="silent")
    told(c)
    c.sock.close()
    assert pair.wait_over("blue", people)["moved"] == 6
    people.check_goes_on()
    wait_open(green, 6)


def test_restart_that_follows_a_handoff_which_has_not_found_out(instance, silent):
    """The handoff's ping was not answered, so that nobody knows where the client's bytes end."""
    blue = instance("blue", PARKING="on", PARKING_GRACE=0)
    c = silent(blue, "half a header")
    Path(instance.directory, "green").mkdir()
    with listener("seqpacket", f"{instance.directory}/green", "handoff") as sock:
        instance.begin("blue", "green")
        peer = Peer.accept(sock)
        assert c.read_frame()[0] == PING
        begin_restart(blue)
        hurry(blue)
        assert blue.wait_exit() == 0
        peer.sock.close()
    assert blue.logged("parked")[0]["WS_CONNECTIONS"] == 0
    told(c)


def test_receiver_that_falls_silent(instance, crowd):
    """Those that were offered to it are served again, long before it is given up for good."""
    blue = instance("blue")
    people = crowd(blue, 6, habits=("talk", "idle"))
    people.pump_answers()
    Path(instance.directory, "green").mkdir()
    with listener("seqpacket", f"{instance.directory}/green", "handoff") as sock:
        instance.begin("blue", "green")
        peer = Peer.accept(sock)
        while peer.hear()[0] != OFFER:
            pass
        people.pump_answers()
        state = instance.wait_over("blue", people)
        assert (state["state"], state["kept"]) == ("failed", 6)
        peer.sock.close()
    people.check_goes_on()
