# SPDX-License-Identifier: MIT
"""What wsd takes over from whoever starts it: signals that are ignored or blocked, descriptors that are closed; and what comes
before it has said a word."""

import os
import signal

import pytest

from clients import http, message
from process import ADMIN_TOKEN


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_standard_descriptors(start, raw, closed):
    """Nothing else gets their numbers, so that it serves and stops as ever. (It ended with SIGABRT.)"""
    wsd = start(before=f"exec {closed}", DRAIN_TIMEOUT=200)
    assert raw(wsd).open().ask(message())["count"] == 1
    http(wsd.admin_port, "/metrics")
    for number in range(3):
        assert "socket" not in os.readlink(f"/proc/{wsd.pid}/fd/{number}")
    wsd.stop()


def test_lines_without_a_standard_error_are_counted(start):
    """They are lost, and that is no secret."""
    wsd = start(before="exec 2>&-")
    while 'wsd_log_lines_dropped_total 0' in http(wsd.admin_port, "/metrics").body.decode():
        pass


# What shells, supervisors and container runtimes have been seen to leave behind.
@pytest.mark.parametrize("before", ["trap '' CHLD", "trap '' TERM", "trap '' USR2", "trap '' PIPE"])
def test_ignored_signals(start, raw, before):
    for number in (signal.SIGTERM, signal.SIGUSR2):
        wsd = start(before=before, DRAIN_TIMEOUT=200)
        raw(wsd).open()
        wsd.stop(number)


def test_blocked_signals(start):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGABRT, signal.SIGCHLD})
    try:
        wsd = start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    wsd.stop()


def test_an_ignored_interrupt_stays_ignored(start, raw):
    """wsd & in a script: Ctrl-C is for others."""
    wsd = start(before="trap '' INT")
    client = raw(wsd).open()
    wsd.send_signal(signal.SIGINT)
    wsd.send_signal(signal.SIGHUP)
    wsd.wait_log("signal 1 ignored")  # signals are read in the order of their numbers, so that the other would have been seen
    assert client.ask(message())["count"] == 1
    assert not wsd.logged("draining")


# ---------------------------------------------------------------- early


@pytest.fixture
def early(start, tmp_path):
    """early(): a process that has just begun to read its settings, and a function that lets it go on."""

    def starter(**how):
        secret = tmp_path / "secret"
        os.mkfifo(secret)
        wsd = start(wait=False, ADMIN_TOKEN=None, ADMIN_TOKEN_FILE=str(secret), **how)
        while True:
            try:
                gate = os.open(secret, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:  # nobody has the other end yet
                assert wsd.status is None, wsd.text()
                wsd.listen()

        def go_on():
            os.write(gate, ADMIN_TOKEN.encode())
            os.close(gate)

        return wsd, go_on

    return starter


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_comes_before_anything_is_ready(early, number):
    """The signal waits until it can be acted on. (It killed, and systemd called the restart a failure.)"""
    wsd, go_on = early()
    wsd.send_signal(number)
    go_on()
    assert wsd.wait_exit() == 0
    wsd.check_reports()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_other_signals_that_come_early(early, number):
    wsd, go_on = early()
    wsd.send_signal(number)
    go_on()
    wsd.wait_ready()
    wsd.wait_log(f"signal {number.value} ignored")


def test_who_does_not_serve_can_be_interrupted(early):
    """--check-config has nothing to bring to an end."""
    wsd, go_on = early(args=["--check-config"])
    wsd.send_signal(signal.SIGTERM)
    assert wsd.wait_exit() == -signal.SIGTERM
    with pytest.raises(BrokenPipeError):
        go_on()
