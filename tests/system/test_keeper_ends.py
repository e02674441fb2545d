# SPDX-License-Identifier: MIT
"""How a keeper and its server end, each by itself or both: doc/crash.md."""

import os
import shutil
import signal
from pathlib import Path

import pytest

import process
from clients import CLOSE, close_payload, frame, message, wait_open
from faults import deadly, unusable
from instances import wait_for
from test_keeper import crash, keep, resume, settle, told, unsanitized  # noqa: F401  (the fixture)
from test_restart import taken_up
from test_watchdog import LIMIT_US, WALL, hold, threads

pytestmark = unsanitized


# ---------------------------------------------------------------- too many crashes


def test_more_crashes_than_allowed(keep, raw):  # noqa: F811
    wsd = keep(CRASH_LIMIT=2)
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(6)]
    for c in people[:3]:
        c.ask(message())
    for _ in range(2):
        assert told(crash(wsd)) == (6, 0)
    wsd.send_server(signal.SIGKILL)
    for c in people:
        assert c.read_close() == 1012
        c.read_end()
    assert wsd.wait_exit() == 1
    assert told(wsd.crashes()[-1]) == (0, 6)
    assert wsd.logged("CRASH_LIMIT")


def test_no_crash_is_allowed(keep, raw):  # noqa: F811
    wsd = keep(CRASH_LIMIT=0)
    c = raw(wsd).open()
    settle(wsd)
    wsd.send_server(signal.SIGKILL)
    assert c.read_close() == 1012
    assert wsd.wait_exit() == 1


def test_killed_while_it_took_its_leave(keep, raw):  # noqa: F811
    """There is nobody to go on, and no end to wait for."""
    wsd = keep(CRASH_LIMIT=0)
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(4)]
    settle(wsd)
    kill_in_turn(wsd, 2)
    for c in people:
        c.read_end()
    assert wsd.wait_exit() in (-signal.SIGKILL, 1)


# ---------------------------------------------------------------- before it is ready


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_killed_before_it_was_ready(keep, tmp_path, number):  # noqa: F811
    """As without a keeper; the service manager is to see it. Nobody writes what it would read."""
    os.mkfifo(tmp_path / "token")
    wsd = keep(wait=False, ADMIN_TOKEN=None, ADMIN_TOKEN_FILE=tmp_path / "token")
    while not wsd.server:
        assert wsd.status is None
    wsd.send_server(number)
    assert wsd.wait_exit() == -number
    assert wsd.readies() == 0 and "it had not served yet" in wsd.text()


def kill_in_turn(wsd, times, threads_of_it=1):
    """Each server as soon as it is there and has so many threads."""
    last = 0
    for _ in range(times):
        while wsd.status is None:
            server = wsd.server
            if server not in (0, last) and threads_now(server) >= threads_of_it:
                os.kill(server, signal.SIGKILL)
                last = server
                break


def threads_now(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("threads_of_it", [1, 2, 4, 5])
def test_killed_while_it_took_over(keep, raw, threads_of_it):  # noqa: F811
    """The records are as they were, or newer: the next one does the same again."""
    wsd = keep()
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(20)]
    for c in people[:10]:
        c.ask(message())
    gone = raw(wsd).open("/ws/chat/gone")
    gone.ask(message())
    gone.sock.close()
    wait_open(wsd, 20)
    settle(wsd)
    kill_in_turn(wsd, 8, threads_of_it)
    wait_open(wsd, 20)
    for n, c in enumerate(people):
        assert c.ask(message())["count"] == (2 if n < 10 else 1)
    resume(raw, wsd, "/ws/chat/gone", gone, 1)


# ---------------------------------------------------------------- what it was started with


@pytest.mark.parametrize("before", ["trap '' CHLD", "trap '' TERM", "trap '' USR2", "exec 0<&-", "exec 0<&- 1>&-"])
def test_what_is_inherited(keep, raw, before):  # noqa: F811
    wsd = keep(before=f"ulimit -c 0; {before}", DRAIN_TIMEOUT=200)
    c = raw(wsd).open()
    for n in range(2):
        assert told(crash(wsd)) == (1, 0)
        assert c.ask(message())["count"] == n + 1
    wsd.stop()


def test_signals_that_came_blocked(keep, raw):  # noqa: F811
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGABRT, signal.SIGCHLD})
    try:
        wsd = keep()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    c = raw(wsd).open()
    assert told(crash(wsd, signal.SIGABRT)) == (1, 0)
    assert c.ask(message())["count"] == 1
    wsd.stop()


def test_soft_limit_of_descriptors(keep, raw):  # noqa: F811
    """The server raises its own. The keeper opens files as well, its program's libraries when it is executed again."""
    wsd = keep(before="ulimit -c 0; ulimit -Sn 64")
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(100)]
    for n in range(2):
        assert told(crash(wsd, signal.SIGSEGV)) == (100, 0)
        for c in people:
            assert c.ask(message())["count"] == n + 1


def test_sockets_of_its_own(keep, raw):  # noqa: F811
    port, admin = process.free_port(), process.free_port()
    wsd = keep(sockets=[], HOST="127.0.0.1", PORT=port, ADMIN_PORT=admin)
    c = raw(port).open()
    for n in range(2):
        wsd.addresses = [("admin", ("127.0.0.1", admin))]
        assert told(crash(wsd)) == (1, 0)
        assert c.ask(message())["count"] == n + 1
        raw(port).open(f"/ws/chat/n{n}").sock.close()
        wait_open(wsd, 1)
    assert not wsd.logged("is not used")  # nobody has passed any in, and no setting is in vain


# ---------------------------------------------------------------- messages that kill


@pytest.mark.skipif(unusable() is not None, reason=f"{unusable()}")
def test_message_that_kills(keep, faults, raw):  # noqa: F811
    """Whoever sends it is closed each time, and it is read by no other server; all others live, until there were too many."""
    faults.kill(signal.SIGSEGV)
    wsd = keep(CRASH_LIMIT=3, environment=faults.environment)
    others = [raw(wsd).open(f"/ws/chat/{n}") for n in range(10)]
    for n in range(3):
        killer = raw(wsd).open(f"/ws/chat/killer{n}")
        settle(wsd)
        line = wsd.taken_up_after(lambda: killer.send(deadly()))
        assert told(line) == (10, 1) and int(line["WS_SIGNAL"]) == signal.SIGSEGV
        assert killer.read_close() == 1012
        for c in others:
            assert c.ask(message())["count"] == n + 1
    killer = raw(wsd).open("/ws/chat/killer")
    killer.send(deadly())
    assert [c.read_close() for c in [killer, *others]] == [1012] * 11
    assert wsd.wait_exit() == 1


# ---------------------------------------------------------------- core dumps


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_core_dump(keep, raw, tmp_path, number):  # noqa: F811
    """The next server does not wait for it, and nothing is left of those that wrote one. The keeper, which looks for it, opens a
    file although the server has taken all numbers up to its limit."""
    wsd = keep(before=f"cd {tmp_path}; ulimit -c unlimited; ulimit -Sn 64")
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(100)]
    for n in range(4):
        line = crash(wsd, number)
        assert told(line) == (100, 0) and int(line["WS_DURATION_MS"]) < 2000
        for c in people:
            assert c.ask(message())["count"] == n + 1
    c.send(frame(CLOSE, close_payload(1000)))
    assert c.read_close() == 1000
    c.read_end()
    wsd.stop()


def test_word_of_its_end_comes_late(keep, raw):  # noqa: F811
    """The keeper sees the server's end before it hears that it is about to end. (It was ended by what it had not heard.)"""
    wsd = keep()
    c, server = raw(wsd).open(), wsd.server
    settle(wsd)

    def kill_unseen():
        os.kill(wsd.pid, signal.SIGSTOP)
        os.kill(server, signal.SIGSEGV)
        wait_for(lambda: Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[0] == "Z", "end")
        os.kill(wsd.pid, signal.SIGCONT)

    assert told(wsd.taken_up_after(kill_unseen)) == (1, 0)
    assert c.ask(message())["count"] == 1


# ---------------------------------------------------------------- ends that are none of a signal's


def test_bad_configuration(keep):  # noqa: F811
    wsd = keep(wait=False, MAX_CONNECTIONS="many")
    assert wsd.wait_exit() == 78


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("who", ["keeper", "server", "both"])
def test_orderly_stop(keep, raw, number, who):  # noqa: F811
    """kill(1) tells one of them, the service manager all processes of the service: it is one stop."""
    wsd = keep()
    c = raw(wsd).open()
    settle(wsd)
    wsd.freeze()  # so that both come before it acts on any
    if who != "server":
        wsd.send_signal(number)
    if who != "keeper":
        wsd.send_server(number)
    wsd.send_server(signal.SIGCONT)
    assert c.read_json()["reason"] == "shutdown"
    assert c.read_close() == 1001
    assert wsd.wait_exit() == 0
    assert len(wsd.logged("draining")) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_while_the_server_has_just_been_killed(keep, raw, number):  # noqa: F811
    """The next one has it from the keeper."""
    wsd = keep()
    c = raw(wsd).open()
    settle(wsd)
    wsd.freeze()
    wsd.send_signal(number)
    wsd.send_server(signal.SIGKILL)
    assert c.read_json()["reason"] == "shutdown"
    assert wsd.wait_exit() == 0
    assert [told(line) for line in wsd.crashes()] == [(1, 0)]


@pytest.mark.parametrize("who", ["keeper", "server", "both"])
def test_restart(keep, unit, raw, who):  # noqa: F811
    wsd = keep(unit=unit, PARKING="on")
    c = raw(wsd).open()
    c.ask(message())
    settle(wsd)
    wsd.freeze()
    if who != "server":
        wsd.send_signal(signal.SIGUSR2)
    if who != "keeper":
        wsd.send_server(signal.SIGUSR2)
    wsd.send_server(signal.SIGCONT)
    assert wsd.wait_exit() == 0
    assert len(wsd.logged("parked")) == 1
    wsd = keep(unit=unit, PARKING="on")
    assert taken_up(wsd) == (1, 0)
    assert c.ask(message())["count"] == 2
    assert told(crash(wsd)) == (1, 0)
    assert c.ask(message())["count"] == 3


def test_restart_while_the_server_has_just_been_killed(keep, unit, raw):  # noqa: F811
    wsd = keep(unit=unit, PARKING="on")
    c = raw(wsd).open()
    c.ask(message())
    settle(wsd)
    wsd.freeze()
    wsd.send_signal(signal.SIGUSR2)
    wsd.send_server(signal.SIGKILL)
    assert wsd.wait_exit() == 0
    wsd = keep(unit=unit, PARKING="on")
    assert taken_up(wsd) == (1, 0)
    assert c.ask(message())["count"] == 2


# ---------------------------------------------------------------- the keeper's own end


def test_keeper_is_killed(keep, unit, raw):  # noqa: F811
    """The server leaves its connections in the lot."""
    wsd = keep(unit=unit, PARKING="on")
    c = raw(wsd).open()
    c.ask(message())
    wsd.send_signal(signal.SIGKILL)
    assert wsd.wait_exit() == -signal.SIGKILL  # and its log has ended: the server is gone, too
    assert wsd.logged("parked")
    wsd = keep(unit=unit, PARKING="on")
    assert taken_up(wsd) == (1, 0)
    assert c.ask(message())["count"] == 2


def test_keeper_is_killed_and_there_is_no_lot(keep, raw):  # noqa: F811
    wsd = keep()
    c = raw(wsd).open()
    settle(wsd)
    wsd.send_signal(signal.SIGKILL)
    assert c.read_close() in (1001, 1012)
    assert wsd.wait_exit() == -signal.SIGKILL


def test_keeper_is_killed_after_a_crash(keep, unit, raw):  # noqa: F811
    wsd = keep(unit=unit, PARKING="on")
    c = raw(wsd).open()
    crash(wsd)
    wsd.send_signal(signal.SIGKILL)
    assert wsd.wait_exit() == -signal.SIGKILL
    wsd = keep(unit=unit, PARKING="on")
    assert taken_up(wsd) == (1, 0)
    assert c.ask(message())["count"] == 1


# ---------------------------------------------------------------- files that have gone meanwhile


@pytest.mark.parametrize("replaced", [False, True])
def test_program_file(keep, raw, tmp_path, monkeypatch, replaced):  # noqa: F811
    program = tmp_path / "wsd"
    shutil.copy(process.WSD, program)
    monkeypatch.setattr(process, "WSD", program)
    wsd = keep()
    c = raw(wsd).open()
    program.unlink()
    if replaced:
        program.write_text("#!/bin/false\n")
        program.chmod(0o755)
    for n in range(2):
        assert told(crash(wsd)) == (1, 0)
        assert c.ask(message())["count"] == n + 1
    assert not wsd.logged("could not be executed")


# ---------------------------------------------------------------- a server that does not move on


def test_stopped_server(keep, raw):  # noqa: F811
    """It is the keeper that counts then."""
    wsd = keep(watchdog_us=LIMIT_US)
    c = raw(wsd).open()
    c.ask(message())
    for n in range(2):
        settle(wsd)
        line = wsd.taken_up_after(lambda: wsd.send_server(signal.SIGSTOP))
        assert told(line) == (1, 0) and "its watchdog" in line["message"]
        assert c.ask(message())["count"] == n + 2


def test_server_that_is_stopped_while_it_takes_over(keep, raw):  # noqa: F811
    wsd = keep(watchdog_us=LIMIT_US)
    c, first = raw(wsd).open(), wsd.server
    settle(wsd)

    def kill_and_stop():
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: wsd.server not in (0, first) and wsd.server, "next server")
        os.kill(second, signal.SIGSTOP)

    assert told(wsd.taken_up_after(kill_and_stop))[0] == 1
    assert c.ask(message())["count"] == 1


@pytest.mark.parametrize("name", ["worker-0", "worker-1", "wsd"])
def test_loop_that_is_stuck(keep, raw, name):  # noqa: F811
    wsd = keep(watchdog_us=LIMIT_US)
    people = [raw(wsd).open(f"/ws/chat/c{n}") for n in range(4)]
    for c in people:
        c.ask(message())
    settle(wsd)
    tid, = [tid for tid in threads(wsd.server, name) if name != "wsd" or tid == wsd.server]

    def until_it_ends():
        hold(tid)
        while os.WIFSTOPPED(os.waitpid(tid, WALL)[1]):
            pass

    line = wsd.taken_up_after(until_it_ends)
    assert told(line) == (4, 0) and "its watchdog" in line["message"]
    assert int(line["WS_SIGNAL"]) == signal.SIGABRT
    assert wsd.logged("is stuck")
    for c in people:
        assert c.ask(message())["count"] == 2
    wait_open(wsd, 4)
