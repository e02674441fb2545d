# SPDX-License-Identifier: MIT
"""The journal tells one client's story by fields, and explains messages."""

import time

import metrics
from clients import message
from host import CLOSED, PATIENCE

LINES_DROPPED = "8fd9bf7691514c00861f3f3124a5057f"
JOURNALD = ("systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service")


def test_one_clients_story(host):
    host.systemctl("start", "ws@blue.socket")
    alice, bob = host.client("alice"), host.client("bob")
    for _ in range(3):
        alice.ask(message())
    bob.ask(message())
    alice.ask('{"type":"disconnect"}')
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={CLOSED}")
    opened, closed = host.journal("-u", "ws@blue", "WS_CONNECTION_ID=alice")
    assert opened["WS_CLIENT_ADDRESS"].startswith("127.0.0.1:")
    assert (opened["WS_INSTANCE"], opened["WS_RESUMED"], opened["PRIORITY"]) == ("blue", "0", "6")
    assert (closed["WS_MESSAGES"], closed["WS_CLOSE_CODE"], closed["WS_WORKER"]) == ("3", "1000", opened["WS_WORKER"])
    assert int(closed["WS_DURATION_MS"]) >= 0


def test_catalog_explains(host):
    host.systemctl("start", "ws@blue.socket")
    host.client("carol").sock.close()
    host.wait_journal(f"MESSAGE_ID={CLOSED}")
    said = host.run("journalctl", "--no-pager", "-x", f"MESSAGE_ID={CLOSED}")
    assert "The connection of carol from 127.0.0.1:" in said
    assert "1006: the network broke" in said


def test_busy_log_is_kept(host):
    """Many lines a second are not too many: the journal's default limit would drop most."""
    host.set(RATE_LIMIT_CONNECT=0)
    host.systemctl("start", "ws@blue.socket")
    host.run("wsload", "--connections", "3000", "--in-flight", "0", "--duration", "1ms", "--connect-parallel", "64", "--progress", "off",
             "ws://127.0.0.1:3001")
    host.systemctl("stop", "ws@blue.service")
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={CLOSED}")) == 3000


def test_journal_that_is_gone(host):
    """Clients are served all the same, and how many lines are missing is told when it is back."""
    host.systemctl("start", "ws@blue")
    pid = host.main_pid()
    host.systemctl("stop", *JOURNALD)
    host.sh("rm -f /run/systemd/journal/socket")
    for n in range(20):
        with host.raw() as raw:
            raw.open(f"/ws/chat/unseen-{n}")
            assert raw.ask(message())["count"] == 1
    host.systemctl("start", *JOURNALD)
    alice = host.client("alice")
    alice.ask('{"type":"disconnect"}')
    told = host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={LINES_DROPPED}")
    assert 1 <= int(told[0]["WS_DROPPED"]) <= 40
    assert host.main_pid() == pid


def test_journal_on_a_full_disk(host):
    """It keeps what fits, and wsd does not notice."""
    host.sh("systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service; "
            "mount -t tmpfs -o size=9M none /var/log/journal; "
            "systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service; "
            "journalctl --flush; dd if=/dev/zero of=/var/log/journal/full bs=64k 2>/dev/null || true")
    host.set(RATE_LIMIT_CONNECT=0, RATE_LIMIT_MESSAGE=0)
    host.systemctl("start", "ws@blue")
    host.run("wsload", "--connections", "500", "--in-flight", "1", "--duration", "1s", "--connect-parallel", "64", "--progress",
             "off", "--fail-if", "lost>0 closed>0", "ws://127.0.0.1:3001")
    assert host.client("alice").ask(message())["count"] == 1
    assert host.show("ws@blue.service", "NRestarts") == "0"


def test_a_start_without_the_journal(host):
    """systemd gives it /dev/null, and says nothing of why; what is lost is counted, and the rest is logged once it is back."""
    host.systemctl("stop", *JOURNALD)
    host.sh("rm -f /run/systemd/journal/socket /run/systemd/journal/stdout")
    host.systemctl("start", "ws@blue")
    until = time.monotonic() + PATIENCE
    while metrics.parse(host.http("/metrics").body.decode())["wsd_log_lines_dropped_total"] == 0:
        assert time.monotonic() < until, "no line is called lost"  # its first one is written in its own time
    host.systemctl("start", *JOURNALD)
    host.client("alice").ask('{"type":"disconnect"}')
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={CLOSED}")
    told = host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={LINES_DROPPED}")
    assert int(told[0]["WS_DROPPED"]) >= 1


def test_stop_while_the_journal_stands_still(host):
    """Its socket is full, and whoever writes there waits: the process ends all the same. (It stayed until SIGKILL.)"""
    host.set(RATE_LIMIT_CONNECT=0)
    host.systemctl("start", "ws@blue")
    alice = host.client("alice")
    host.systemctl("kill", "-s", "STOP", "systemd-journald")
    for n in range(3000):  # connections, of two lines each: more than the socket holds, even with the queue before it
        host.client(f"c{n}").sock.close()
        if n % 100 == 0 and metrics.parse(host.http("/metrics").body.decode())["wsd_log_lines_dropped_total"] > 0:
            break
    host.systemctl("stop", "ws@blue.service")
    assert alice.read_json()["type"] == "goodbye"
    host.systemctl("kill", "-s", "CONT", "systemd-journald")
    assert host.show("ws@blue.service", "Result") == "success"
