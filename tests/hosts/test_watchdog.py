# SPDX-License-Identifier: MIT
"""One stuck worker is enough for the watchdog. The worker is stuck for real: the kernel holds this one thread (ptrace) while
all others run. A pause of all is no hang.

WSD_FREEZES=N: so many pauses of 15 to 60 s with the unit as it is, instead of a few short ones."""

import contextlib
import ctypes
import os
import pathlib
import signal
import time

import pytest

import metrics
from clients import message
from host import CRASHED, LIBC, STARTED, UNIT_FAILED, Host

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000

STUCK = "e295e809dc3d4d3e8005374cbd20bff1"  # MESSAGE_IDs of wsd
STOOD_STILL = "539b13fa57024d33b8ed5bc253688657"

FREEZES = int(os.environ.get("WSD_FREEZES", 0))


def short_watchdog(host):
    host.write("/etc/systemd/system/ws@blue.service.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    host.systemctl("daemon-reload")


def ptrace(request, tid):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    LIBC.ptrace.restype = ctypes.c_long
    assert LIBC.ptrace(request, tid, None, None) == 0, os.strerror(ctypes.get_errno())


@pytest.mark.parametrize("keeper", ["on", "off"])
def test_a_stuck_worker_is_ended_and_comes_back(host, keeper):
    """With a keeper, nobody notices but that answers take that long."""
    host.set(WORKERS=2, KEEPER=keeper)
    short_watchdog(host)
    host.systemctl("start", "ws@blue")
    clients = [host.living(f"c{n}") for n in range(10)]
    main = host.main_pid()
    task = pathlib.Path(f"/proc/{host.server_pid()}/task")
    workers = [int(tid.name) for tid in task.iterdir() if (tid / "comm").read_text().startswith("worker")]
    assert len(workers) == 2
    ptrace(PTRACE_SEIZE, workers[0])
    ptrace(PTRACE_INTERRUPT, workers[0])
    while os.WIFSTOPPED(os.waitpid(workers[0], WALL)[1]):
        pass  # held; the wait that comes back with its end lets the process go, too
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=2)
    said, = host.journal("-u", "ws@blue", f"MESSAGE_ID={STUCK}")
    assert said["MESSAGE"].startswith("worker ") and "is stuck" in said["MESSAGE"] and said["PRIORITY"] == "2"
    if keeper == "on":
        crashed, = host.journal("-u", "ws@blue", f"MESSAGE_ID={CRASHED}")
        assert "its watchdog" in crashed["MESSAGE"] and crashed["WS_SIGNAL"] == "6"
        assert (crashed["WS_CONNECTIONS"], crashed["WS_CLOSED"]) == ("10", "0")
        assert host.main_pid() == main and host.show("ws@blue.service", "NRestarts") == "0"
        for client in clients:
            assert client.ask(message())["count"] == 1
    else:
        failed, = host.journal(f"MESSAGE_ID={UNIT_FAILED}", "UNIT=ws@blue.service")
        assert failed["UNIT_RESULT"] in ("core-dump", "signal")  # by itself; with what is left of it, as the machine has it
    figures = metrics.parse(host.http("/metrics").body.decode())
    assert figures['wsd_crashes_total{cause="watchdog"}'] == 1
    assert figures['wsd_crashes_total{cause="other"}'] == 0
    assert host.client("alice").ask(message())["count"] == 1


def test_a_busy_one_is_left_alone(host):
    """Load is no reason: a second of it, with the watchdog at its shortest."""
    host.set(RATE_LIMIT_CONNECT=0, RATE_LIMIT_MESSAGE=0)
    short_watchdog(host)
    host.systemctl("start", "ws@blue")
    host.run("wsload", "-c", "50", "-i", "16", "-d", "5s", "--progress", "off", "ws://127.0.0.1:3001")
    assert host.show("ws@blue.service", "NRestarts") == "0"


@contextlib.contextmanager
def service_frozen(host):
    host.systemctl("freeze", "ws@blue")
    try:
        yield
    finally:
        host.systemctl("thaw", "ws@blue")


@contextlib.contextmanager
def process_stopped(host):
    """Here systemd's timer runs on and would run out for certain; in the others it depends on who wakes up first."""
    """All of it: of a server that is stopped alone, its keeper thinks that it hangs."""
    pids = host.main_pid(), host.server_pid()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


PAUSES = {"machine": Host.frozen, "service": service_frozen, "process": process_stopped}


def reload(host):
    host.systemctl("daemon-reload")


def reexec(host):
    host.systemctl("daemon-reexec")


@pytest.mark.parametrize("before", [None, reload, reexec], ids=["", "reload", "reexec"])
@pytest.mark.parametrize("what", PAUSES)
def test_a_pause_is_no_hang(host, what, before, figure):
    """Snapshots, frozen containers: whoever wakes up first, nobody is ended. (Of eight pauses on Debian 13 three ended it, and with
    it all connections.) What systemd was told survives its reload and its own restart."""
    if not FREEZES:
        short_watchdog(host)
    host.systemctl("start", "ws@blue")
    clients = [host.living(f"c{n}") for n in range(10)]
    if before:
        before(host)
    lengths = [15 + 45 * n / max(FREEZES - 1, 1) for n in range(FREEZES)] or [3, 4, 3]
    pid = host.main_pid()
    for count, seconds in enumerate(lengths):
        with PAUSES[what](host):
            time.sleep(seconds)  # it is time itself that is to pass
        for client in clients:
            assert client.ask(message())["count"] == count + 1
        # before the next, which would be one with this if nothing ran in between
        host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STOOD_STILL}", count=count + 1)
    assert host.main_pid() == pid
    assert host.show("ws@blue.service", "NRestarts") == "0"
    if FREEZES:
        figure(f"pauses of the {what} that wsd survived with all connections", f"{FREEZES} of {FREEZES}, of 15 to 60 s")
