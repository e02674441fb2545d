# SPDX-License-Identifier: MIT
"""A crash: systemd starts the service again, the sockets stay, and a loop of crashes does not take them down."""

import metrics
from clients import message
from host import STARTED, UNIT_FAILED


def test_it_comes_back_after_a_crash(host):
    host.systemctl("start", "ws@blue")
    alice = host.client("alice")
    host.systemctl("kill", "--kill-who=main", "--signal=SEGV", "ws@blue.service")
    alice.read_end()
    again = host.client("alice")  # waits in the queue until it serves again
    assert again.ask(message())["count"] == 1
    assert host.show("ws@blue.service", "NRestarts") == "1"
    figures = metrics.parse(host.http("/metrics").body.decode())
    assert figures['wsd_crashes_total{cause="other"}'] == 1
    assert figures['wsd_crashes_total{cause="watchdog"}'] == 0


def test_a_crash_loop_leaves_the_sockets_up(host):
    """Ten crashes, faster than systemd's usual limit of starts would allow."""
    host.systemctl("start", "ws@blue")
    for n in range(10):
        host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=n + 1)
        host.systemctl("kill", "--kill-who=main", "--signal=KILL", "ws@blue.service")
    assert host.client("alice").ask(message())["count"] == 1
    assert host.show("ws@blue.socket", "Result") == "success"
    assert len(host.journal(f"MESSAGE_ID={UNIT_FAILED}", "UNIT=ws@blue.service")) >= 10


def test_power_cut(host):
    """After the machine itself went down at once, what was enabled serves again."""
    host.systemctl("enable", "ws@blue")
    host.systemctl("start", "ws@blue")
    host.client("alice")
    host.crash()
    host.start()
    assert host.client("alice").ask(message())["count"] == 1
