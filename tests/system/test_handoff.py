# SPDX-License-Identifier: MIT
"""A handoff: the connections of one instance go on in another one that runs beside it, whatever happens to either."""

import os
import signal
import socket
import struct
import tempfile
from pathlib import Path

import pytest

import metrics
from clients import PING, PONG, TEXT, Raw, frame, http, message, wait_open
from crowd import HABITS
from handoffs import (BYE, DONE, HELLO, NO, OFFER, REFUSED, SESSION, SESSIONS, TAKEN, WELCOME, Peer, field, hello,
                      sealed, session_of, state_of)
from instances import wait_for
from process import Unit, listener


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
    assert wait_for(lambda: instance.over("blue"), "end of the handoff")["moved"] == 2
    assert c.ask(message())["count"] == 2


# ---------------------------------------------------------------- what cannot move


def told_to_come_back(c):
    goodbye = c.read_json()
    assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"]) == ("goodbye", "restart", True)
    assert c.read_close() == 1012
    c.sock.close()


def test_half_a_message_is_not_moved(pair, raw):
    blue = pair.running["blue"]
    c, other = raw(blue).open("/ws/chat/stuck"), raw(blue).open("/ws/chat/other")
    c.send(frame(TEXT, message("x" * 100)[:50], fin=False))
    before = metrics.read(blue)
    pair.begin("blue", "green")
    told_to_come_back(c)
    state = wait_for(lambda: pair.over("blue"), "end of the handoff")
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
    state = wait_for(lambda: pair.over("blue"), "end of the handoff")
    assert (state["state"], state["moved"], state["refused"]) == ("done", 0, 1)
    name = 'websocket_connections_unmovable_total{reason="refused"}'
    assert metrics.gained(before, metrics.read(blue))[name] == 1
    assert theirs.ask(message())["count"] == 1


def test_unix_clients_are_not_moved(instance, start, raw):
    instance("green")
    with tempfile.TemporaryDirectory(prefix="wsd-") as folder:
        unit = instance.units["blue"] = Unit([("public", listener("unix", folder, "public"))])
        (Path(instance.directory) / "blue").mkdir()
        unit.sockets += [("admin", listener()), ("admin", listener("unix", f"{instance.directory}/blue", "admin"))]
        blue = instance("blue")
        c = raw(blue.address()).open()
        before = metrics.read(blue)
        instance.begin("blue", "green")
        told_to_come_back(c)
        state = wait_for(lambda: instance.over("blue"), "end of the handoff")
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
    state = people.pump(lambda: instance.over("blue"), "end of the handoff")
    assert (state["state"], state["moved"]) == ("done", 4)
    people.check_goes_on()


# ---------------------------------------------------------------- one side dies

MOMENTS = [0, 1, 5, 20, 60, 100, 150, 190]


def moved(instance, name):
    return instance.state(name)["moved"]


@pytest.mark.parametrize("seen", MOMENTS)
def test_receiver_dies(pair, crowd, seen):
    """What it had taken is gone with it; everything else goes on where it was."""
    blue, green = pair.running["blue"], pair.running["green"]
    people = crowd(blue, 200)
    people.pump_answers(200)
    pair.begin("blue", "green")
    goal = people.answered + seen
    people.pump(lambda: people.answered >= goal, "answers")
    os.kill(green.pid, signal.SIGKILL)
    state = people.pump(lambda: pair.over("blue"), "end of the handoff")
    people.pump(lambda: green.status is not None, "exit")
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
    blue, green = pair.running["blue"], pair.running["green"]
    people = crowd(blue, 200)
    people.pump_answers(200)
    pair.begin("blue", "green")
    goal = people.answered + seen
    people.pump(lambda: people.answered >= goal, "answers")
    os.kill(blue.pid, signal.SIGKILL)
    people.pump(lambda: blue.status is not None, "exit")
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
    people = crowd(pair.running["blue"], 100)
    people.pump_answers(100)
    pair.begin("blue", "green")
    pair.running[who].send_signal(signal.SIGTERM)
    people.pump(lambda: pair.running[who].status is not None, "exit")
    people.pump_answers()
    for one in people.all:
        assert one.whole or (one.goodbye and one.code in (1001, 1012) and not one.wrong), people.broken()[:5]
    pair.running[who].stop()


# ---------------------------------------------------------------- a hostile peer

def fds_of(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


@pytest.fixture
def green(instance):
    """A receiver that must hold as many descriptors after a scenario as before, and still take over connections."""
    daemon = instance("green")
    http(daemon.admin_port, "/health")
    before = fds_of(daemon)
    daemon.peer = lambda: Peer(instance.socket("green"))
    yield daemon
    wait_open(daemon, 0)
    wait_for(lambda: fds_of(daemon) <= before, f"{before} descriptors again; {os.listdir(f'/proc/{daemon.pid}/fd')}")
    wait_for(lambda: _greets(daemon), "welcome for the next one")


def _greets(daemon):
    peer = daemon.peer()
    fd = sealed(1)
    try:
        peer.say(HELLO, 0, hello(), [fd])
        answer = peer.hear()
        return answer and answer[0] == WELCOME
    except BrokenPipeError:
        return False
    finally:
        os.close(fd)
        peer.sock.close()


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 8, b"\xff" * 8, b"GET / HTTP/1.1\r\n\r\n", b"\1" + b"\0" * 7,
                                  b"\1" + b"\0" * 7 + hello()[:-1], b"\x04" + b"\0" * 7, os.urandom(60000)],
                         ids=["nothing", "a byte", "zeros", "ones", "http", "bare", "cut", "offer first", "noise"])
def test_garbage_ends_the_link(green, data):
    peer = green.peer()
    peer.sock.send(data)
    answer = peer.hear()
    assert answer is None or answer[0] == NO
    assert answer is None or peer.hear() is None
    peer.sock.close()


@pytest.mark.parametrize("body", [hello(3, 4), hello(0, 0), hello(3, 2), hello(magic=b"wsdfoo")],
                         ids=["newer", "older", "empty range", "magic"])
def test_unknown_version_is_refused(green, body):
    peer = green.peer()
    fd = sealed(4)
    peer.say(HELLO, 0, body, [fd])
    os.close(fd)
    assert peer.hear()[0] == NO
    assert peer.hear() is None


def arbiters():
    pipe = os.pipe()
    os.close(pipe[1])
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        plain = os.dup(file.fileno())
    return {"none": [], "pipe": [pipe[0]], "file": [plain], "unsealed": [sealed(4, 0)], "empty": [sealed(0)],
            "too large": [sealed(2000000)], "growing only": [sealed(4, 0x4)]}


@pytest.mark.parametrize("what", ["none", "pipe", "file", "unsealed", "empty", "too large", "growing only"])
def test_arbiter_that_is_not_one(green, what):
    fds = arbiters()
    peer = green.peer()
    peer.say(HELLO, 0, hello(), fds[what])
    for each in fds.values():
        for fd in each:
            os.close(fd)
    assert peer.hear()[0] == NO
    assert peer.hear() is None


def tcp_pair():
    with listener() as one:
        far = socket.create_connection(one.getsockname())
        near, _ = one.accept()
    return near, far


def not_connections():
    read, write = os.pipe()
    left, right = socket.socketpair()
    return {"pipe": read, "pipe's end": write, "unconnected": socket.socket(), "listening": listener(),
            "unix": left, "pair": right, "datagram": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "memfd": sealed(1)}


@pytest.mark.parametrize("what", ["none", *not_connections()])
def test_offer_of_something_else_is_refused(green, what):
    peer = green.peer().greet()
    one = not_connections().get(what)
    peer.say(OFFER, 3, state_of(), [] if one is None else [one if isinstance(one, int) else one.fileno()])
    kind, index, why = peer.hear()
    assert (kind, index, why) == (REFUSED, 3, b"not a connected TCP socket")
    peer.sock.close()


BAD_STATES = {
    "empty": b"", "noise": b"\xff" * 100, "no id": field(2, b"t" * 16), "no token": field(1, b"guest"),
    "cut": state_of()[:-1], "bad id": state_of("a/b"), "long id": state_of("x" * 129),
    "count below the start": state_of("guest", field(3, b"\1"), field(4, b"\2")),
    "age beyond all": state_of("guest", field(5, b"\xff" * 8)),
    "long number": state_of("guest", field(3, b"\1" * 9)),
}


@pytest.mark.parametrize("what", BAD_STATES)
def test_malformed_state_is_refused(green, what):
    near, far = tcp_pair()
    peer = green.peer().greet()
    peer.say(OFFER, 1, BAD_STATES[what], [near.fileno()])
    assert peer.hear() == (REFUSED, 1, b"malformed state")
    for each in (near, far, peer.sock):
        each.close()


def test_index_out_of_range_is_not_taken(green):
    """Who cannot win the arbiter's word does not get it; the sender's side is untouched."""
    near, far = tcp_pair()
    peer = green.peer().greet(words=4)
    for index in (4, 5, 0xffffffff):
        peer.say(OFFER, index, state_of(), [near.fileno()])
    peer.say(DONE)
    assert peer.hear()[0] == BYE
    for each in (near, far, peer.sock):
        each.close()


def test_an_index_is_taken_once(green):
    near, far = tcp_pair()
    peer = green.peer().greet(words=1)
    peer.say(OFFER, 0, state_of("first"), [near.fileno()])
    assert peer.hear()[:2] == (TAKEN, 0)
    peer.say(OFFER, 0, state_of("second"), [near.fileno()])
    peer.say(DONE)
    assert peer.hear()[0] == BYE
    wait_open(green, 1)
    for each in (near, far, peer.sock):
        each.close()


def test_surplus_descriptors_are_closed(green):
    near, far = tcp_pair()
    peer = green.peer().greet()
    peer.say(OFFER, 0, state_of(), [near.fileno()] * 3)
    assert peer.hear() is None
    peer = wait_for(lambda: _try_greet(green), "welcome")
    peer.say(SESSIONS, 0, b"", [near.fileno()] * 2)
    peer.say(DONE, 0, b"", [near.fileno()])
    assert peer.hear()[0] == BYE
    for each in (near, far, peer.sock):
        each.close()


def _try_greet(green):
    peer = green.peer()
    try:
        return peer.greet()
    except (AssertionError, TypeError, BrokenPipeError):
        peer.sock.close()
        return None


@pytest.mark.parametrize("what", ["pipe", "empty", "longer than it is"])
def test_long_state_from_elsewhere(green, what):
    near, far = tcp_pair()
    state = sealed(0, 0) if what != "pipe" else os.pipe()[0]
    if what == "longer than it is":
        os.write(state, state_of("guest", field(14, b"x" * 10))[:-5])
    peer = green.peer().greet()
    peer.say(OFFER, 0, b"", [near.fileno(), state])
    assert peer.hear() == (REFUSED, 0, b"malformed state")
    os.close(state)
    for each in (near, far, peer.sock):
        each.close()


@pytest.mark.parametrize("body", [b"x", b"\xff" * 4, struct.pack("<I", 3) + b"xxx",
                                  struct.pack("<I", 0xffffffff) + b"\1" * 100], ids=str)
def test_malformed_sessions_are_skipped(green, body):
    peer = green.peer().greet()
    peer.say(SESSIONS, 0, body)
    peer.say(DONE)
    assert peer.hear()[0] == BYE
    peer.sock.close()


@pytest.mark.parametrize("body", [b"", b"x", b"\xff" * 4, struct.pack("<I", 3) + b"xxx", session_of("a/b", 1),
                                  session_of("guest", 1)[:-1]], ids=["nothing", "x", "ones", "noise", "bad id", "cut"])
def test_malformed_session_is_refused(green, body):
    peer = green.peer().greet()
    fd = sealed(1)
    peer.say(SESSION, 3, body, [fd, fd])
    os.close(fd)
    assert peer.hear() == (REFUSED, 3, b"malformed session")
    peer.sock.close()


def resumed(daemon, name, token):
    """Its count; None: it is not known. The connection says goodbye for good."""
    with Raw(daemon.port) as c:
        greeting = c.open(f"/ws/chat/{name}?session={token.hex()}").greeting
        c.send_text('{"type":"disconnect"}')
        assert c.read_json()["type"] == "goodbye"
        return greeting["count"] if greeting["resumed"] else None


def test_taken_session_can_be_resumed(green):
    peer = green.peer().greet()
    peer.say(SESSION, 2, session_of("guest", 7))
    assert peer.hear() == (TAKEN, 2, b"")
    peer.say(SESSION, 2, session_of("other", 8))  # the word has been taken
    peer.say(SESSION, 99, session_of("third", 9))  # there is no such word
    peer.say(DONE)
    assert peer.hear()[0] == BYE
    peer.sock.close()
    assert [resumed(green, name, b"t" * 16) for name in ("guest", "other", "third")] == [7, None, None]


def test_taken_session_replaces_an_older_one(green):
    peer = green.peer().greet()
    peer.say(SESSIONS, 0, session_of("guest", 50, b"o" * 16))
    peer.say(SESSION, 0, session_of("guest", 7))
    assert peer.hear() == (TAKEN, 0, b"")
    peer.sock.close()
    assert resumed(green, "guest", b"t" * 16) == 7


def test_listed_session_that_is_known(green):
    """It may have come with an earlier handoff that broke off, and have gone on where it was."""
    peer = green.peer().greet()
    for one in (session_of("same", 5), session_of("same", 9), session_of("same", 8),
                session_of("another", 5), session_of("another", 9, b"o" * 16)):
        peer.say(SESSIONS, 0, one)
    peer.say(DONE)
    assert peer.hear()[0] == BYE
    peer.sock.close()
    assert resumed(green, "same", b"t" * 16) == 9
    assert resumed(green, "another", b"t" * 16) == 5


@pytest.mark.parametrize("kind", [0, HELLO, WELCOME, TAKEN, BYE, 200])
def test_message_out_of_place_ends_the_link(green, kind):
    peer = green.peer().greet()
    fd = sealed(1)
    peer.say(kind, 0, hello(), [fd])
    os.close(fd)
    assert peer.hear() is None


def test_second_link_is_told_to_wait(green):
    first = green.peer().greet()
    second = green.peer()
    assert second.hear()[::2] == (NO, b"another handoff is under way")
    assert second.hear() is None
    first.say(DONE)
    assert first.hear()[0] == BYE
    first.sock.close()


def test_taken_connection_is_served(green):
    """The form of what travels, from outside: an older or newer version may differ in unknown fields only."""
    near, far = tcp_pair()
    peer = green.peer().greet()
    peer.say(OFFER, 2, state_of("guest", field(3, b"\7"), field(200, b"from the future")), [near.fileno()])
    near.close()
    assert peer.hear() == (TAKEN, 2, b"")
    peer.sock.close()
    with Raw.of(far) as c:
        assert c.ask(message())["count"] == 8


def test_who_says_nothing_does_not_keep_others_away(green):
    silent = green.peer()
    other = wait_for(lambda: _try_greet(green), "welcome for another")
    assert silent.hear() is None
    silent.sock.close()
    other.say(DONE)
    assert other.hear()[0] == BYE
    other.sock.close()
