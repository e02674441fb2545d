# SPDX-License-Identifier: MIT
"""The journal tells one client's story by fields, and explains messages."""

from clients import message
from host import CLOSED


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
