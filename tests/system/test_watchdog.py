# SPDX-License-Identifier: MIT
"""A loop that is stuck ends the process, so that it is started again; a pause of all of it does not, and costs nobody their
connection."""

import ctypes
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from clients import http, message
from process import sanitized

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000

LIMIT_US = 2000000


def hold(tid):
    """The kernel holds this one thread, while all others run."""
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if LIBC.ptrace(request, tid, None, None) != 0:
            pytest.skip(f"ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(tid, WALL)


def threads(pid, name):
    return [int(tid.name) for tid in Path(f"/proc/{pid}/task").iterdir() if (tid / "comm").read_text().startswith(name)]


@pytest.mark.parametrize("name, told", [("worker-1", "worker 1"), ("wsd", "main")])
def test_a_loop_that_is_stuck(start, name, told):
    wsd = start(watchdog_us=LIMIT_US, before="ulimit -c 0")
    tid, = [tid for tid in threads(wsd.pid, name) if name != "wsd" or tid == wsd.pid]
    hold(tid)
    while name != "wsd" and os.WIFSTOPPED(os.waitpid(tid, WALL)[1]):
        pass  # the wait that comes back with its end lets the process go, too
    status = wsd.wait_exit()
    if sanitized() and status == -signal.SIGALRM:
        return  # without a word: a sanitizer's allocator has one lock for all threads, which the held one may have had
    assert status == -signal.SIGABRT
    line, = wsd.logged("is stuck")
    assert line["message"].startswith(f"{told} is stuck: nothing for ") and line["level"] == "crit"


def paused(wsd, seconds):
    """All of its threads, as by a snapshot of the machine or a frozen container."""
    wsd.send_signal(signal.SIGSTOP)
    time.sleep(seconds)  # it is time itself that is to pass
    wsd.send_signal(signal.SIGCONT)


def test_a_pause_is_no_hang(start, raw):
    wsd = start(watchdog_us=LIMIT_US, before="ulimit -c 0")
    c = raw(wsd).open()
    for count in range(3):
        paused(wsd, 2.5)
        assert c.ask(message())["count"] == count + 1
        # before the next, which would be one with this if nothing ran in between
        wsd.wait(lambda: len(wsd.logged("all stood still")) == count + 1, "word of the pause")
    assert not wsd.logged("stuck")
    assert all(int(line["WS_DURATION_MS"]) >= 2500 for line in wsd.logged("all stood still"))


def test_the_managers_own_timer_is_off(start):
    """It would run out in a pause; and only with a watchdog is there anything to turn off."""
    assert "WATCHDOG_USEC=0" in start(watchdog_us=LIMIT_US).wait_notice("^READY=1$").split("\n")
    assert "WATCHDOG" not in start().wait_notice("^READY=1$")


def test_nobody_is_silent_during_a_pause(start, raw):
    """Whoever was not asked for a sign of life has not failed to give it."""
    wsd = start(CONNECTION_TIMEOUT=1500, HEARTBEAT_INTERVAL=500)
    c = raw(wsd).open()
    paused(wsd, 2)
    assert c.read_json(skip_heartbeats=False)["type"] == "heartbeat"
    goodbye = c.read_json()  # a time of silence of its own after that is another thing
    assert (goodbye["type"], goodbye["reason"]) == ("goodbye", "timeout")


def test_a_manager_that_does_not_read(start, tmp_path):
    """Its socket is full for good (PID 1 has crashed, or hangs itself): clients are served."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as filler:
        manager.bind(str(tmp_path / "notify"))
        wsd = start(notify=False, wait=False, watchdog_us=LIMIT_US, before="ulimit -c 0",
                    environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        while b"READY=1" not in manager.recv(4096):
            pass
        try:
            while True:
                filler.sendto(b"x", str(tmp_path / "notify"))
        except BlockingIOError:
            pass
        until = time.monotonic() + 3  # it says something each second
        while time.monotonic() < until:
            assert http(wsd.port, "/healthz").status == 200
        wsd.stop()
