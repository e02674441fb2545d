# SPDX-License-Identifier: MIT
"""A bad configuration: the unit says why in one line, is tried again with pauses, keeps what connections there were, and is
easily mended."""

import time

import pytest

from clients import message
from host import BAD_CONFIG


def test_bad_value_is_one_clear_line(host):
    host.set(HEARTBEAT_INTERVAL="soon")
    assert host.systemctl("start", "ws@blue", check=False).status != 0
    assert host.show("ws@blue.service", "SubState") == "auto-restart"
    assert host.show("ws@blue.service", "ExecMainStatus") == "78"
    line, = host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}")
    assert "HEARTBEAT_INTERVAL" in line["MESSAGE"] and "soon" in line["MESSAGE"]
    assert line["PRIORITY"] == "2"
    status = host.systemctl("status", "ws@blue", check=False)
    assert len([shown for shown in status.splitlines() if line["MESSAGE"] in shown]) >= 1, status


def test_mended_and_started(host):
    host.set(MAX_CONNECTIONS="many")
    host.systemctl("start", "ws@blue", check=False)
    host.set(MAX_CONNECTIONS=100)
    host.systemctl("start", "ws@blue")
    assert host.client("alice").ask(message())["count"] == 1


def bad_starts(host):
    return len(host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}"))


def test_waiting_clients_do_not_start_it_more_often(host):
    """Nor does it close the socket that they wait at: they are let in once it is mended, which it sees by itself."""
    host.set(LOG_LEVEL="loud")
    host.systemctl("start", "ws@blue.socket")
    waiting = [host.raw() for _ in range(20)]
    since = time.monotonic()
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}", count=3)
    assert time.monotonic() - since > 5, "two pauses between three starts"
    assert host.show("ws@blue.socket", "ActiveState") == "active"
    host.set()
    assert waiting[0].open("/ws/chat/alice").ask(message())["count"] == 1
    for n, raw in enumerate(waiting[1:]):
        assert raw.open(f"/ws/chat/c{n}").ask(message())["count"] == 1


@pytest.mark.parametrize("mend", ["start", "restart", "nothing"])
def test_a_bad_restart_keeps_the_connections(host, mend):
    """Twice, since the second start has only what the first one left."""
    host.systemctl("start", "ws@blue")
    clients = [host.living(f"c{n}") for n in range(20)]
    for _ in range(2):
        host.set(HEARTBEAT_INTERVAL="soon")
        assert host.systemctl("restart", "ws@blue", check=False).status != 0
        host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}", count=bad_starts(host) + 1)
        assert host.systemctl("restart", "ws@blue", check=False).status != 0
        host.set()
        if mend != "nothing":
            host.systemctl(mend, "ws@blue")
        for client in clients:
            assert client.ask(message())["type"] == "message_response"
    assert host.show("ws@blue.service", "ActiveState") == "active"


def test_many_corrections_within_seconds(host):
    """No limit of starts ends them, of the service or its sockets."""
    host.systemctl("start", "ws@blue")
    alice = host.living("alice")
    for n in range(8):
        host.set(HEARTBEAT_INTERVAL="soon")
        assert host.systemctl("restart", "ws@blue", check=False).status != 0
        host.set()
        host.systemctl("restart", "ws@blue")
        assert alice.ask(message())["count"] == n + 1
    for unit in ("ws@blue.service", "ws@blue.socket", "ws-admin@blue.socket", "ws-handoff@blue.socket"):
        assert host.show(unit, "ActiveState") == "active", unit


def test_too_many_connections_for_the_limit_of_files(host):
    host.set(MAX_CONNECTIONS=100000)
    host.write("/etc/systemd/system/ws@blue.service.d/files.conf", "[Service]\nLimitNOFILE=5000\n")
    host.systemctl("daemon-reload")
    assert host.systemctl("start", "ws@blue", check=False).status != 0
    assert host.show("ws@blue.service", "ExecMainStatus") == "78"
    assert [line for line in host.journal("-u", "ws@blue") if "LimitNOFILE=" in line["MESSAGE"]]
    assert "LimitNOFILE=" in host.show("ws@blue.service", "StatusText")
    assert "blue: MAX_CONNECTIONS=100000 needs" in host.run("wsctl", "status")
