# SPDX-License-Identifier: MIT
"""A crash of the main process: systemd starts the service again, the sockets stay, and a loop of crashes does not take them
down. Of the server that it keeps: test_keeper.py."""

import time

import metrics
from clients import message
from host import STARTED, UNIT_FAILED


def test_it_comes_back_after_a_crash(host):
    """At once: the pause of RestartSec= is for what does not start, and would outlast any patience here. Without a keeper."""
    host.set(KEEPER="off")
    host.write("/etc/systemd/system/ws@blue.service.d/patient.conf", "[Service]\nRestartSec=1h\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "ws@blue")
    alice = host.client("alice")
    host.systemctl("kill", "--kill-who=main", "--signal=SEGV", "ws@blue.service")
    alice.read_end()
    again = host.client("alice")  # waits in the queue until it serves again
    assert again.ask(message())["count"] == 1
    figures = metrics.parse(host.http("/metrics").body.decode())
    assert figures['wsd_crashes_total{cause="other"}'] == 1
    assert figures['wsd_crashes_total{cause="watchdog"}'] == 0


def test_a_crash_loop_leaves_the_sockets_up(host):
    """Seven crashes, faster than systemd's usual limit of starts would allow, and after five of them with pauses."""
    host.systemctl("start", "ws@blue")
    for n in range(7):
        host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=n + 1)
        host.systemctl("kill", "--kill-who=main", "--signal=KILL", "ws@blue.service")
    assert host.client("alice").ask(message())["count"] == 1
    assert host.show("ws@blue.socket", "Result") == "success"
    # what the last keeper had kept serves until it is parked
    host.wait_journal(f"MESSAGE_ID={UNIT_FAILED}", "UNIT=ws@blue.service", count=7)
    assert int(host.show("ws@blue.service", "NRestarts")) >= 1


def test_what_does_not_start_is_tried_with_pauses(host):
    """A program that ends at once, with whatever status; and then it is mended, and nobody was lost."""
    host.systemctl("start", "ws@blue")
    alice = host.living("alice")
    host.write("/etc/systemd/system/ws@blue.service.d/broken.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/false\n"
               "ExecPaths=/usr/bin/false\n")
    host.systemctl("daemon-reload")
    assert host.systemctl("restart", "ws@blue", check=False).status != 0
    since = time.monotonic()
    host.wait_journal(f"MESSAGE_ID={UNIT_FAILED}", "UNIT=ws@blue.service", count=3)
    assert time.monotonic() - since > 5
    assert "blue: it ended with status 1" in host.run("wsctl", "status")
    host.sh("rm /etc/systemd/system/ws@blue.service.d/broken.conf; systemctl daemon-reload; systemctl restart ws@blue")
    assert alice.ask(message())["count"] == 1


def test_a_stop_is_not_taken_back(host):
    """It crashes while it stops: that it had been up is no reason to start it again."""
    host.set(DRAIN_TIMEOUT=20000)
    host.systemctl("start", "ws@blue")
    silent = host.client("silent")
    host.systemctl("stop", "--no-block", "ws@blue.service", "ws@blue.socket", "ws-admin@blue.socket", "ws-handoff@blue.socket")
    assert silent.read_json()["type"] == "goodbye"
    host.systemctl("kill", "--signal=SEGV", "ws@blue.service")
    while host.show("ws@blue.service", "ActiveState") == "deactivating":
        pass
    assert host.show("ws@blue.service", "ActiveState") == "failed"
    assert host.run("systemctl", "list-jobs", "--no-legend").strip() in ("", "No jobs running.")


def test_power_cut(host):
    """After the machine itself went down at once, what was enabled serves again."""
    host.systemctl("enable", "ws@blue")
    host.systemctl("start", "ws@blue")
    host.client("alice")
    host.crash()
    host.start()
    assert host.client("alice").ask(message())["count"] == 1
