# SPDX-License-Identifier: MIT
"""epoll_ctl(2) that fails: the user has all of fs.epoll.max_user_watches in use, or the kernel has no memory. libuv would end the
process for it; wsd asks first. doc/faults.md."""

import errno
import os
import signal

import pytest

import metrics
from clients import Closed, Raw, http, message
from faults import Walk, switches, unusable
from instances import wait_for
from test_faults_memory import asks, may_close, whole_life

pytestmark = pytest.mark.skipif(unusable() is not None, reason=unusable() or "")

ERRORS = pytest.mark.parametrize("error", [errno.ENOSPC, errno.ENOMEM], ids=errno.errorcode.get)
FOREVER = pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])


@pytest.fixture
def walk(faulty, faults):
    one = Walk(faulty(), faults)
    yield one
    one.close()


@may_close
def life(address):
    """Without pings and a closing handshake, for which libwebsockets takes the socket out of epoll and lets libuv put it in."""
    with Raw(address) as c:
        response = c.handshake("/ws/chat/fault")
        assert response.status in (101, 503)
        if response.status == 101:
            assert c.read_json()["type"] == "connection_established"
            assert c.ask(message(id=1))["id"] == 1


@ERRORS
@FOREVER
def test_life(walk, error, forever):
    before = metrics.read(walk.daemon)
    walk.run(["epoll"], lambda _: life(walk.daemon.port), error=error, forever=forever)
    assert metrics.gained(before, metrics.read(walk.daemon))["websocket_connections_opened_total"] > 0


@ERRORS
@FOREVER
@pytest.mark.parametrize("side", ["public", "admin"])
def test_http_request(walk, error, forever, side):
    walk.run(["epoll"], lambda _: asks(walk.daemon.address(side), "GET", "/health"), error=error, forever=forever)


def asked_before_it_was_accepted(walk):
    """A client whose request is there as soon as the connection is accepted, so that nobody has to wait for it."""
    os.kill(walk.daemon.pid, signal.SIGSTOP)
    try:
        os.waitid(os.P_PID, walk.daemon.pid, os.WSTOPPED | os.WNOWAIT)
        c = Raw(walk.daemon.port)
        c.send(c.request("/ws/chat/fault"))
    finally:
        os.kill(walk.daemon.pid, signal.SIGCONT)
    return c


@ERRORS
def test_client_who_need_not_be_waited_for(walk, error):
    """It is the worker that has to watch first, for libwebsockets, which does not survive that this fails."""
    before = metrics.read(walk.daemon)
    walk.faults.arm("epoll", first=1, every=1, error=error)
    with asked_before_it_was_accepted(walk) as c:
        with pytest.raises((Closed, ConnectionResetError)):
            c.read_response()
    assert walk.faults.disarm() > 0
    walk.settled(0)
    assert metrics.gained(before, metrics.read(walk.daemon))['websocket_handshakes_refused_total{reason="internal"}'] == 1


@ERRORS
def test_no_more_watches_for_a_while(walk, error):
    """Who is there already is served; whoever comes is turned away until there are some again."""
    walk.faults.arm("epoll", first=1, every=1, error=error)
    for _ in range(5):
        try:
            with Raw(walk.daemon.port) as c:  # one before may still be on its way out, and have the id
                assert c.handshake("/ws/chat/fault").status == 409
        except (Closed, ConnectionError):
            pass
        with pytest.raises((Closed, ConnectionError)):
            http(walk.daemon.address("admin"), "/health")
        assert walk.bystander.ask(message())["type"] == "message_response"
    walk.faults.disarm()
    walk.settled(0)
    whole_life(walk.daemon.port)


@ERRORS
def test_accepting_goes_on(walk, error):
    """After accept(2) has failed the listeners are watched again, which fails, too, and is tried until it succeeds."""
    # else it may be about to call accept(2) once more, and take who comes next
    wait_for(lambda: switches(walk.daemon.pid), "rest")
    walk.faults.arm("accept", "epoll", first=1, every=1, error=error)
    with Raw(walk.daemon.port) as c:
        c.send(c.request("/ws/chat/fault"))
        wait_for(lambda: walk.faults.failed >= 4, "fourth failure")
        walk.faults.disarm()
        assert c.read_response().status == 101
    walk.settled(0)
