# SPDX-License-Identifier: MIT
"""One stuck worker is enough for the watchdog. The worker is stuck for real: the kernel holds this one thread (ptrace) while
all others run."""

import ctypes
import os
import pathlib

import metrics
from clients import message
from host import LIBC, STARTED, UNIT_FAILED

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000


def ptrace(request, tid):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    LIBC.ptrace.restype = ctypes.c_long
    assert LIBC.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())


def test_a_stuck_worker_is_ended_and_comes_back(host):
    host.set(WORKERS=2)
    host.write("/etc/systemd/system/ws@blue.service.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "ws@blue")
    task = pathlib.Path(f"/proc/{host.main_pid()}/task")
    workers = [int(tid.name) for tid in task.iterdir() if (tid / "comm").read_text().startswith("worker")]
    assert len(workers) == 2
    ptrace(PTRACE_SEIZE, workers[0])
    ptrace(PTRACE_INTERRUPT, workers[0])
    while os.WIFSTOPPED(os.waitpid(workers[0], WALL)[1]):
        pass  # held; the wait that comes back with its end lets the process go, too
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=2)
    said = host.journal("-u", "ws@blue", "PRIORITY=3")
    assert [line for line in said if line["MESSAGE"] == "worker 0 is stuck" or line["MESSAGE"] == "worker 1 is stuck"]
    failed, = host.journal(f"MESSAGE_ID={UNIT_FAILED}", "UNIT=ws@blue.service")
    assert failed["UNIT_RESULT"] == "watchdog"
    figures = metrics.parse(host.http("/metrics").body.decode())
    assert figures['wsd_crashes_total{cause="watchdog"}'] == 1
    assert figures['wsd_crashes_total{cause="other"}'] == 0
    assert host.client("alice").ask(message())["count"] == 1


def test_a_busy_one_is_left_alone(host):
    """Load is no reason: a second of it, with the watchdog at its shortest."""
    host.set(RATE_LIMIT_CONNECT=0, RATE_LIMIT_MESSAGE=0)
    host.write("/etc/systemd/system/ws@blue.service.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "ws@blue")
    host.run("wsload", "-c", "50", "-i", "16", "-d", "5s", "--progress", "off", "ws://127.0.0.1:3001")
    assert host.show("ws@blue.service", "NRestarts") == "0"
