# SPDX-License-Identifier: MIT
"""A peer on handoff.sock that breaks the rules of a handoff, or keeps them by hand: wsd loses no descriptor, takes nothing that
is not one, and the next handoff finds it ready."""

import os
import socket
import struct
import tempfile

import pytest

from clients import Raw, http, message, wait_open
from handoffs import (BYE, DONE, HELLO, NO, OFFER, REFUSED, SESSION, SESSIONS, TAKEN, WELCOME, Peer, field, hello,
                      sealed, session_of, state_of)
from instances import wait_for
from process import listener


def fds_of(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


@pytest.fixture
def green(instance):
    """A receiver that must hold as many descriptors after a scenario as before, and still take over connections."""
    daemon = instance("green")
    http(daemon.admin_port, "/health")
    before = fds_of(daemon)
    peers = []

    def peer():
        peers.append(Peer(instance.socket("green")))
        return peers[-1]

    daemon.peer = peer
    yield daemon
    for each in peers:
        each.sock.close()
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


@pytest.mark.parametrize("body", [hello(4, 5), hello(0, 0), hello(4, 3), hello(magic=b"wsdfoo")],
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


@pytest.fixture
def tcp():
    """The two ends of a connection."""
    with listener() as one:
        far = socket.create_connection(one.getsockname())
        near, _ = one.accept()
    with near, far:
        yield near, far


@pytest.fixture
def near(tcp):
    """One end of a connection."""
    return tcp[0]


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


BAD_STATES = {
    "empty": b"", "noise": b"\xff" * 100, "no id": field(2, b"t" * 16), "no token": field(1, b"guest"),
    "cut": state_of()[:-1], "bad id": state_of("a/b"), "long id": state_of("x" * 129),
    "count below the start": state_of("guest", field(3, b"\1"), field(4, b"\2")),
    "age beyond all": state_of("guest", field(5, b"\xff" * 8)),
    "long number": state_of("guest", field(3, b"\1" * 9)),
}


@pytest.mark.parametrize("what", BAD_STATES)
def test_malformed_state_is_refused(green, near, what):
    peer = green.peer().greet()
    peer.say(OFFER, 1, BAD_STATES[what], [near.fileno()])
    assert peer.hear() == (REFUSED, 1, b"malformed state")


def test_index_out_of_range_is_not_taken(green, near):
    """Who cannot win the arbiter's word does not get it; the sender's side is untouched."""
    peer = green.peer().greet(words=4)
    for index in (4, 5, 0xffffffff):
        peer.say(OFFER, index, state_of(), [near.fileno()])
    peer.finish()


def test_an_index_is_taken_once(green, near):
    peer = green.peer().greet(words=1)
    peer.say(OFFER, 0, state_of("first"), [near.fileno()])
    assert peer.hear()[:2] == (TAKEN, 0)
    peer.say(OFFER, 0, state_of("second"), [near.fileno()])
    peer.finish()
    wait_open(green, 1)


def test_surplus_descriptors_are_closed(green, near):
    peer = green.peer().greet()
    peer.say(OFFER, 0, state_of(), [near.fileno()] * 3)
    assert peer.hear() is None
    peer = wait_for(lambda: _try_greet(green), "welcome")
    peer.say(SESSIONS, 0, b"", [near.fileno()] * 2)
    peer.say(DONE, 0, b"", [near.fileno()])
    assert peer.hear()[0] == BYE


def _try_greet(green):
    peer = green.peer()
    try:
        return peer.greet()
    except (AssertionError, TypeError, BrokenPipeError):
        peer.sock.close()
        return None


@pytest.mark.parametrize("what", ["pipe", "empty", "longer than it is"])
def test_long_state_from_elsewhere(green, near, what):
    state = sealed(0, 0) if what != "pipe" else os.pipe()[0]
    if what == "longer than it is":
        os.write(state, state_of("guest", field(14, b"x" * 10))[:-5])
    peer = green.peer().greet()
    peer.say(OFFER, 0, b"", [near.fileno(), state])
    assert peer.hear() == (REFUSED, 0, b"malformed state")
    os.close(state)


@pytest.mark.parametrize("body", [b"x", b"\xff" * 4, struct.pack("<I", 3) + b"xxx",
                                  struct.pack("<I", 0xffffffff) + b"\1" * 100], ids=str)
def test_malformed_sessions_are_skipped(green, body):
    peer = green.peer().greet()
    peer.say(SESSIONS, 0, body)
    peer.finish()


@pytest.mark.parametrize("body", [b"", b"x", b"\xff" * 4, struct.pack("<I", 3) + b"xxx", session_of("a/b", 1),
                                  session_of("guest", 1)[:-1]], ids=["nothing", "x", "ones", "noise", "bad id", "cut"])
def test_malformed_session_is_refused(green, body):
    peer = green.peer().greet()
    fd = sealed(1)
    peer.say(SESSION, 3, body, [fd, fd])
    os.close(fd)
    assert peer.hear() == (REFUSED, 3, b"malformed session")


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
    peer.finish()
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
    peer.finish()
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
    first.finish()


def test_what_must_not_be_skipped_is_refused(green, tcp):
    """From tag 128 on a connection cannot go on without what an unknown field says."""
    near, far = tcp
    peer = green.peer().greet()
    peer.say(OFFER, 2, state_of("guest", field(200, b"from the future")), [near.fileno()])
    near.close()
    assert peer.hear() == (REFUSED, 2, b"its state needs a newer version")
    peer.finish()
    far.close()


def test_taken_connection_is_served(green, tcp):
    """The form of what travels, from outside: an older or newer version may differ in unknown fields only."""
    near, far = tcp
    peer = green.peer().greet()
    peer.say(OFFER, 2, state_of("guest", field(3, b"\7"), field(100, b"from the future")), [near.fileno()])
    near.close()
    assert peer.hear() == (TAKEN, 2, b"")
    peer.sock.close()
    with Raw.of(far) as c:
        assert c.ask(message())["count"] == 8


def test_connection_that_needs_a_newer_version_is_refused(green, near):
    """Fields from 128 on are such that it must not go on without them."""
    peer = green.peer().greet()
    peer.say(OFFER, 1, state_of("guest", field(200, b"from the future")), [near.fileno()])
    assert peer.hear() == (REFUSED, 1, b"its state needs a newer version")


def test_who_says_nothing_does_not_keep_others_away(green):
    silent = green.peer()
    other = wait_for(lambda: _try_greet(green), "welcome for another")
    assert silent.hear() is None
    silent.sock.close()
    other.finish()
