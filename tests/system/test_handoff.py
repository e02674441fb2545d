# SPDX-License-Identifier: MIT
"""A handoff: the connections of one instance go on in another one that runs beside it, whatever happens to either."""

import os
import signal
import tempfile

import pytest

import metrics
from clients import PING, PONG, TEXT, frame, http, message, wait_open
from crowd import HABITS
from handoffs import MOMENTS, interrupted, told_to_come_back
from process import listener


# ---------------------------------------------------------------- what works


def test_connections_go_on_elsewhere(pair, crowd):
    blue, green = pair.running["blue"], pair.running["green"]
    people = crowd(blue, 48, habits=HABITS)
    people.pump_answers()
    state = pair.hand_over("blue", "green", people)
    assert (state["state"], state["to"], state["connections"], state["moved"]) == ("done", "green", 48, 48), state
    assert (state["refused"], state["unmovable"], state["kept"]) == (0, 0, 0)
    people.check_goes_on()
    wait_open(blue, 0)
    wait_open(green, 48)
    assert metrics.read(blue)['websocket_connections_moved_total{direction="out"}'] == 48
    assert metrics.read(green)['websocket_connections_moved_total{direction="in"}'] == 48
    assert http(blue.admin_port, "/readyz").json["reason"] == "standby"
    blue.stop()
    people.check_goes_on()


def test_back_and_forth(pair, crowd):
    people = crowd(pair.running["blue"], 24, habits=HABITS)
    for turn in range(6):
        source, to = ("blue", "green") if turn % 2 == 0 else ("green", "blue")
        assert pair.api(to, "POST", "/api/v1/accept", {"accept": True}).status == 200
        people.pump_answers()
        state = pair.hand_over(source, to, people)
        assert (state["state"], state["moved"]) == ("done", 24), (state, people.broken())
    people.check_goes_on()


def test_handoff_of_nobody(pair):
    state = pair.hand_over("blue", "green")
    assert (state["state"], state["connections"], state["moved"]) == ("done", 0, 0)


def test_sessions_of_closed_connections_go_along(pair, raw):
    blue, green = pair.running["blue"], pair.running["green"]
    old = raw(blue).open("/ws/chat/bob")
    old.ask(message())
    old.sock.close()
    wait_open(blue, 0)
    assert pair.hand_over("blue", "green")["state"] == "done"
    new = raw(green).open("/ws/chat/bob?session=" + old.greeting["session"])
    assert (new.greeting["resumed"], new.greeting["count"]) == (True, 1)


def test_token_is_valid_on_the_other_side(pair, raw):
    old = raw(pair.running["blue"]).open("/ws/chat/bob")
    old.ask(message())
    assert pair.hand_over("blue", "green")["moved"] == 1
    new = raw(pair.running["green"]).open("/ws/chat/bob?session=" + old.greeting["session"])
    assert old.read_json()["reason"] == "replaced"
    assert (new.greeting["resumed"], new.greeting["count"]) == (True, 1)


def test_half_a_header_is_no_missing_mask(instance, raw):
    """Where half a frame has been read the count of bytes is set anew, a little wrong: no fault of the client's."""
    blue = instance("blue", WORKERS=1)
    instance("green")
    c, probe = raw(blue).open("/ws/chat/half"), raw(blue).open("/ws/chat/probe")
    data = frame(TEXT, message())
    c.send(data[:1])
    probe.ask(message())  # so that the byte before it has been read
    instance.begin("blue", "green")
    opcode, nonce = c.read_frame()
    assert opcode == PING
    c.send(data[1:] + frame(PONG, nonce))
    seen = {}
    while seen.keys() != {TEXT, PING}:
        opcode, seen[opcode] = c.read_frame()
    assert b'"count":1' in seen[TEXT]
    c.send(frame(PONG, seen[PING]))
    assert instance.wait_over("blue")["moved"] == 2
    assert c.ask(message())["count"] == 2


# ---------------------------------------------------------------- what cannot move


def test_half_a_message_is_not_moved(pair, raw):
    blue = pair.running["blue"]
    c, other = raw(blue).open("/ws/chat/stuck"), raw(blue).open("/ws/chat/other")
    c.send(frame(TEXT, message("x" * 100)[:50], fin=False))
    before = metrics.read(blue)
    pair.begin("blue", "green")
    told_to_come_back(c)
    state = pair.wait_over("blue")
    assert (state["state"], state["moved"], state["unmovable"]) == ("done", 1, 1)
    name = 'websocket_connections_unmovable_total{reason="no_boundary"}'
    assert metrics.gained(before, metrics.read(blue))[name] == 1
    assert other.ask(message())["count"] == 1
    new = raw(pair.running["green"]).open("/ws/chat/stuck?session=" + c.greeting["session"])
    assert new.greeting["resumed"] is True


def test_id_in_use_over_there_is_refused(pair, raw):
    blue, green = pair.running["blue"], pair.running["green"]
    mine, theirs = raw(blue).open("/ws/chat/bob"), raw(green).open("/ws/chat/bob")
    before = metrics.read(blue)
    pair.begin("blue", "green")
    told_to_come_back(mine)
    state = pair.wait_over("blue")
    assert (state["state"], state["moved"], state["refused"]) == ("done", 0, 1)
    name = 'websocket_connections_unmovable_total{reason="refused"}'
    assert metrics.gained(before, metrics.read(blue))[name] == 1
    assert theirs.ask(message())["count"] == 1


def test_unix_clients_are_not_moved(instance, start, raw):
    instance("green")
    with tempfile.TemporaryDirectory(prefix="wsd-") as folder:
        instance.make_sockets("blue", listener("unix", folder, "public"))
        blue = instance("blue")
        c = raw(blue.address()).open()
        before = metrics.read(blue)
        instance.begin("blue", "green")
        told_to_come_back(c)
        state = instance.wait_over("blue")
        assert (state["state"], state["moved"], state["unmovable"]) == ("done", 0, 1)
        name = 'websocket_connections_unmovable_total{reason="not_tcp"}'
        assert metrics.gained(before, metrics.read(blue))[name] == 1


# ---------------------------------------------------------------- what does not begin


def test_nobody_listens(instance, raw):
    blue = instance("blue")
    c = raw(blue).open()
    response = instance.api("blue", "POST", "/api/v1/handoff", {"to": "green"})
    assert (response.status, response.json["error"]["code"]) == (409, "unreachable")
    assert "No such file" in response.json["error"]["message"]
    assert c.ask(message())["count"] == 1
    assert http(blue.admin_port, "/readyz").status == 200


def test_second_handoff_while_one_runs(instance, crowd):
    """It is held up by a receiver that stands still."""
    blue = instance("blue")
    green = instance("green")
    people = crowd(blue, 4, habits=("talk",))
    os.kill(green.pid, signal.SIGSTOP)
    try:
        instance.begin("blue", "green")
        assert instance.api("blue", "POST", "/api/v1/handoff", {"to": "green"}).status == 409
        assert instance.state("blue")["state"] == "running"
    finally:
        os.kill(green.pid, signal.SIGCONT)
    state = instance.wait_over("blue", people)
    assert (state["state"], state["moved"]) == ("done", 4)
    people.check_goes_on()


# ---------------------------------------------------------------- one side dies


@pytest.mark.parametrize("seen", MOMENTS)
def test_receiver_dies(pair, crowd, seen):
    """What it had taken is gone with it; everything else goes on where it was."""
    blue = pair.running["blue"]
    people = interrupted(pair, crowd, "green", seen)
    state = pair.wait_over("blue", people)
    people.pump(lambda: sum(one.ended for one in people.all) >= state["moved"], "end of those that had moved")
    assert len(people.broken()) == state["moved"], (state, people.broken()[:5])
    assert state["moved"] + state["kept"] + state["refused"] <= 200
    people.pump_answers()
    people.settle()
    wait_open(blue, 200 - state["moved"])
    if state["state"] == "failed":
        assert http(blue.admin_port, "/readyz").status == 200
    else:
        assert state["moved"] == 200


@pytest.mark.parametrize("seen", MOMENTS)
def test_sender_dies(pair, crowd, seen):
    """What it had offered and the other side has taken goes on there; the rest ends with it."""
    green = pair.running["green"]
    people = interrupted(pair, crowd, "blue", seen)
    line = people.pump(lambda: next(iter(green.logged("took over")), None), "end of the link")
    taken = int(line["WS_CONNECTIONS"])
    people.pump(lambda: sum(one.ended for one in people.all) >= 200 - taken, "end of the rest")
    assert len(people.broken()) == 200 - taken, people.broken()[:5]
    assert not any(one.wrong for one in people.all)
    people.pump_answers()
    people.settle()
    wait_open(green, taken)
    assert pair.api("green", "GET", "/healthz").status == 200


@pytest.mark.parametrize("who", ["blue", "green"])
def test_stop_in_the_midst(pair, crowd, who):
    """SIGTERM during a handoff: each client either goes on or is told."""
    people = interrupted(pair, crowd, who, clients=100, by=signal.SIGTERM)
    people.pump_answers()
    for one in people.all:
        assert one.whole or (one.goodbye and one.code in (1001, 1012) and not one.wrong), people.broken()[:5]
    pair.running[who].stop()
