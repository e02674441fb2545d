# SPDX-License-Identifier: MIT
"""A restart keeps the connections, and whoever comes while nobody serves waits and is not refused."""

from clients import message
from crowd import Crowd
from host import STARTED, UNIT_FAILED


def test_restart_keeps_connections(host):
    host.systemctl("start", "ws@blue")
    clients = [host.living(f"c{n}") for n in range(20)]
    for client in clients:
        assert client.ask(message())["count"] == 1
    for count in (2, 3):
        host.systemctl("restart", "ws@blue.service")
        for client in clients:
            assert client.ask(message())["count"] == count
    assert host.show("ws@blue.service", "Result") == "success"
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}")) == 3


def test_without_parking_clients_are_asked_back(host):
    host.set(PARKING="off")
    host.systemctl("start", "ws@blue")
    alice = host.living("alice")
    host.systemctl("restart", "ws@blue.service")
    goodbye = alice.recv()
    assert (goodbye["reason"], goodbye["reconnect"]) == ("restart", True)
    assert alice.wait_closed() == 1012


def test_connections_wait_during_a_restart(host):
    """Connects follow each other without a pause over three restarts with slow starts: they wait, and are let in."""
    host.set(RATE_LIMIT_CONNECT=0)
    host.write("/etc/systemd/system/ws@blue.service.d/slow.conf",
               "[Service]\nExecStartPre=/usr/bin/sleep 1\nExecPaths=/usr/bin/sleep\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "ws@blue")
    with Crowd(host) as crowd:
        for _ in range(3):
            host.systemctl("restart", "ws@blue.service")
    crowd.check(restarts=3)
    assert max(crowd.let_in) > 0.9, "nobody had to wait, so nothing was tested"
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}")) == 4


def test_restarts_that_follow_each_other_at_once(host):
    """The next one's signal comes before the process has begun, or while it does: no failure, and nobody is lost."""
    host.systemctl("start", "ws@blue")
    clients = [host.living(f"c{n}") for n in range(20)]
    host.sh("for n in $(seq 40); do systemctl restart --no-block ws@blue.service; done; systemctl restart ws@blue.service")
    for client in clients:
        assert client.ask(message())["count"] == 1
    assert not host.journal(f"MESSAGE_ID={UNIT_FAILED}")
    assert host.show("ws@blue.service", "Result") == "success"


def test_a_signal_before_the_program_is_loaded(host):
    """What no program can prevent: this one has the signal at its default for good."""
    host.write("/etc/systemd/system/ws@blue.service.d/early.conf",
               "[Service]\nType=exec\nWatchdogSec=0\nExecStart=\nExecStart=/usr/bin/sleep infinity\nExecPaths=/usr/bin/sleep\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "ws@blue")
    host.systemctl("restart", "ws@blue.service")
    assert not host.journal(f"MESSAGE_ID={UNIT_FAILED}")
    assert host.show("ws@blue.service", "Result") == "success"
