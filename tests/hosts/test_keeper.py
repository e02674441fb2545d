# SPDX-License-Identifier: MIT
"""What serves crashes, under the unit as it is: its keeper goes on, systemd has nothing to do, and clients notice nothing. What
the keeper does in each of its states is shown by tests/system/test_keeper.py."""

import contextlib
import json
import os
import pathlib
import signal
import time

import pytest

import metrics
from clients import TEXT, Closed, frame, message
from host import BAD_CONFIG, CRASHED, STARTED, STOPPED, TAKEN_UP
from packages import later
from proxied import Proxied, start_nginx

CLIENTS = 20
SIGNALS = [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT]


class Blue:
    """An instance with clients; .crash() ends what serves, and .check() that nobody has noticed."""

    def __init__(self, host, **settings):
        self.host, self.count, self.crashes = host, 0, 0
        if settings:
            host.set(**settings)
        host.systemctl("start", "ws@blue")
        self.clients = [host.living(f"c{n}") for n in range(CLIENTS)]
        self.main = host.main_pid()
        self.starts = len(host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}"))
        self.ask()

    def started(self):
        return len(self.host.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}"))

    def ask(self):
        self.count += 1
        for client in self.clients:
            assert client.ask(message())["count"] == self.count

    def crash(self, signo=signal.SIGKILL):
        """Returns what the next server says about it, once that serves."""
        os.kill(self.host.server_pid(), signo)
        return self.taken_up()

    def taken_up(self):
        self.crashes += 1
        self.starts += 1
        self.host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=self.starts)
        return self.host.journal("-u", "ws@blue", f"MESSAGE_ID={CRASHED}")[-1]

    def check(self):
        self.ask()
        host = self.host
        assert host.show("ws@blue.service", "NRestarts") == "0" and host.main_pid() == self.main
        assert host.show("ws@blue.service", "ActiveState") == "active"
        assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={CRASHED}")) == self.crashes


@pytest.fixture
def blue(host):
    return Blue(host)


@pytest.mark.parametrize("signo", SIGNALS, ids=lambda signo: signo.name)
def test_nobody_is_lost(blue, signo):
    """Twice, since the second server is one that has taken over. All that shows it to an operator does."""
    host = blue.host
    for _ in range(2):
        said = blue.crash(signo)
        assert (said["WS_SIGNAL"], said["WS_CONNECTIONS"], said["WS_CLOSED"]) == (str(int(signo)), str(CLIENTS), "0")
        assert said["PRIORITY"] == "3" and said["_SYSTEMD_UNIT"] == "ws@blue.service"
        blue.check()
    assert "The WebSocket server blue crashed, and serves on" in host.sh(f"journalctl --no-pager -x MESSAGE_ID={CRASHED}")
    figures = metrics.parse(host.http("/metrics").body.decode())
    assert figures[f'wsd_crashes_survived_total{{signal="{signo.name}"}}'] == 2
    assert figures['wsd_crashes_total{cause="other"}'] == 2
    assert figures['wsd_crash_connections_total{result="kept"}'] == 2 * CLIENTS
    assert figures['wsd_crash_connections_total{result="closed"}'] == 0
    shown = json.loads(host.run("wsctl", "status", "--json"))["instances"]["blue"]
    assert (shown["state"], shown["connections"], shown["crashes"]["survived"]) == ("serving", CLIENTS, 2)
    assert (shown["crashes"]["kept"], shown["crashes"]["closed"], shown["crashes"]["lastSignal"]) == (2 * CLIENTS, 0, signo)
    assert f"blue: crashes survived: 2, the last by signal {int(signo)} (" in host.run("wsctl", "status")
    inner = host.http("/health").json["pid"]
    while f", as pid {inner}; crashes survived: 2, the last by signal {int(signo)} at " not in host.show(
            "ws@blue.service", "StatusText"):
        pass  # told each second
    assert {host.run("cat", f"/proc/{pid}/comm").strip() for pid in (inner, host.show("ws@blue.service", "MainPID"))} == {"wsd"}


@contextlib.contextmanager
def memory_limit(host, room):
    """So many bytes more than it has now, for what runs in the unit, in whichever hierarchy has the memory."""
    if "memory" in host.sh("cat /sys/fs/cgroup/system.slice/cgroup.controllers"):
        now = int(host.show("ws@blue.service", "MemoryCurrent"))
        host.systemctl("set-property", "--runtime", "ws@blue.service", f"MemoryMax={now + room}", "MemorySwapMax=0")
        yield
        return
    root = pathlib.Path("/sys/fs/cgroup/memory")
    if not os.access(root / "cgroup.procs", os.W_OK):
        pytest.skip("no memory controller")
    group = root / host.work.parent.name / host.name
    group.mkdir(parents=True)
    pids = host.main_pid(), host.server_pid()
    for pid in pids:
        (group / "cgroup.procs").write_text(str(pid))
    used = sum(int((pathlib.Path("/proc") / str(pid) / "statm").read_text().split()[1]) for pid in pids) * os.sysconf("SC_PAGESIZE")
    (group / "memory.limit_in_bytes").write_text(str(used + room))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for pid in (group / "cgroup.procs").read_text().split():
                (root / "cgroup.procs").write_text(pid)
        os.rmdir(group)


def test_memory_is_exhausted(host):
    """By clients who begin long messages and don't end them: they are closed, all others stay."""
    blue = Blue(host, MAX_MESSAGE_BYTES=16777216)
    score = {pid: int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in (blue.main, host.server_pid())}
    assert score[host.server_pid()] == score[blue.main] + 100
    greedy = [host.client(f"greedy-{n}") for n in range(10)]
    with memory_limit(host, 64 << 20):
        before = host.server_pid()
        for client in greedy:
            with contextlib.suppress(OSError):
                client.send(frame(TEXT, b"x" * (15 << 20), length=16 << 20))
            if host.server_pid() != before:
                break
        said = blue.taken_up()
    assert said["WS_SIGNAL"] == "9" and int(said["WS_CLOSED"]) >= 1
    assert int(said["WS_CONNECTIONS"]) + int(said["WS_CLOSED"]) == CLIENTS + len(greedy)
    blue.check()
    assert host.show("ws@blue.service", "Result") == "success"


def test_a_core_dump(host):
    """While it is written, the next server serves already; where it goes is for the machine to say."""
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    if pattern.startswith(("|", "/")):
        pytest.skip("core dumps go elsewhere: " + pattern)
    host.write("/etc/systemd/system/ws@blue.service.d/core.conf", "[Service]\nWorkingDirectory=/tmp\nLimitCORE=infinity\n")
    host.systemctl("daemon-reload")
    blue = Blue(host)
    blue.crash(signal.SIGSEGV)
    blue.check()
    while "core" not in host.sh("ls /tmp/systemd-private-*-ws@blue.service-*/tmp"):
        pass


def test_coredumpctl_finds_it(blue):
    host = blue.host
    if host.run("coredumpctl", "--version", check=False).status != 0 or \
            "systemd-coredump" not in pathlib.Path("/proc/sys/kernel/core_pattern").read_text():
        pytest.skip("no systemd-coredump")
    blue.crash(signal.SIGSEGV)
    blue.check()
    while host.run("coredumpctl", "info", "ws@blue.service", check=False).status != 0:
        pass


def test_a_server_that_is_stopped(host):
    """SIGSTOP alone of what serves is a hang: its keeper ends it, after one and a half times WatchdogSec=."""
    host.write("/etc/systemd/system/ws@blue.service.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    host.systemctl("daemon-reload")
    blue = Blue(host)
    said = blue.crash(signal.SIGSTOP)
    assert "its watchdog" in said["MESSAGE"] and said["WS_SIGNAL"] == "9"
    blue.check()
    assert metrics.parse(host.http("/metrics").body.decode())['wsd_crashes_total{cause="watchdog"}'] == 1


def test_restart_after_a_crash(blue):
    """As ever: parked, and taken up by another main process. Then that one's server crashes."""
    host = blue.host
    for n in range(2):
        blue.crash()
        blue.check()
        host.systemctl("restart", "ws@blue.service")
        assert host.main_pid() != blue.main
        blue.main, blue.starts = host.main_pid(), blue.starts + 1
        taken = host.journal("-u", "ws@blue", f"MESSAGE_ID={TAKEN_UP}")
        assert len(taken) == n + 1 and taken[-1]["WS_CONNECTIONS"] == str(CLIENTS)
        blue.check()
    assert host.show("ws@blue.service", "Result") == "success"
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STOPPED}")) == 2


def check_goodbye(clients, reason, code):
    """One of them, and then the end."""
    for client in clients:
        goodbye = client.recv()
        assert (goodbye["type"], goodbye["reason"]) == ("goodbye", reason)
        assert client.wait_closed() == code


@pytest.mark.parametrize("crashes", [0, 1])
@pytest.mark.parametrize("words", [("stop",), ("kill", "--signal=TERM"), ("kill", "--kill-who=main", "--signal=TERM")],
                         ids=["stop", "kill", "kill-main"])
def test_one_orderly_end(blue, words, crashes):
    """By whichever way the signal comes, and whether one or both of the processes get it."""
    host = blue.host
    for _ in range(crashes):
        blue.crash()
    blue.check()
    host.systemctl(*words, "ws@blue.service")
    check_goodbye(blue.clients, "shutdown", 1001)
    while host.show("ws@blue.service", "ActiveState") not in ("inactive", "failed"):
        pass
    assert host.show("ws@blue.service", "Result") == "success"
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STOPPED}")) == 1
    assert blue.started() == blue.starts


def test_a_crash_while_it_stops(host):
    """The next server goes on with the stop, and says goodbye to nobody who has heard it."""
    blue = Blue(host, DRAIN_TIMEOUT=20000)
    silent = host.client("silent")
    host.systemctl("stop", "--no-block", "ws@blue.service", "ws@blue.socket", "ws-admin@blue.socket", "ws-handoff@blue.socket")
    check_goodbye(blue.clients, "shutdown", 1001)
    assert silent.read_json()["type"] == "goodbye"
    os.kill(host.server_pid(), signal.SIGSEGV)
    silent.buffer = b""
    assert b"goodbye" not in silent.read_end()
    while host.show("ws@blue.service", "ActiveState") == "deactivating":
        pass
    assert host.show("ws@blue.service", "Result") == "success"
    assert host.run("systemctl", "list-jobs", "--no-legend").strip() in ("", "No jobs running.")


def test_reload_of_systemd_after_a_crash(blue):
    """It still takes what the server, which is not the process that it has started, tells it."""
    host = blue.host
    for verb in ("daemon-reload", "daemon-reexec"):
        blue.crash(signal.SIGSEGV)
        host.systemctl(verb)
        blue.check()
        pid = host.http("/health").json["pid"]
        while f"as pid {pid};" not in host.show("ws@blue.service", "StatusText"):
            pass


@pytest.mark.parametrize("who", ["service", "machine"])
def test_a_pause_after_a_crash(host, who):
    """Longer than WatchdogSec=: neither the keeper nor systemd ends anybody."""
    host.write("/etc/systemd/system/ws@blue.service.d/watchdog.conf", "[Service]\nWatchdogSec=2\n")
    host.systemctl("daemon-reload")
    blue = Blue(host)
    blue.crash()
    server = host.server_pid()
    for _ in range(2):
        if who == "machine":
            with host.frozen():
                time.sleep(5)  # it is time itself that is to pass
        else:
            host.systemctl("freeze", "ws@blue")
            time.sleep(5)
            host.systemctl("thaw", "ws@blue")
        blue.check()
    assert host.server_pid() == server


def test_configuration_that_is_nonsense_meanwhile(blue):
    """A crash takes up what the service was started with; a restart says what is wrong, and the connections wait."""
    host = blue.host
    host.set(HEARTBEAT_INTERVAL="soon")
    blue.crash()
    blue.check()
    assert not host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}")
    assert host.systemctl("restart", "ws@blue", check=False).status != 0
    said = host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}")
    assert said and "HEARTBEAT_INTERVAL" in said[0]["MESSAGE"]
    host.set()
    host.systemctl("restart", "ws@blue")
    blue.ask()


def program(host):
    return os.readlink(f"/proc/{host.server_pid()}/exe").removesuffix(" (deleted)")


def test_package_that_was_just_replaced(blue, release, tmp_path):
    """Nor does it need the file at all."""
    host = blue.host
    before = program(host)
    host.write("/etc/ws/ws.env", "ON_UPGRADE=none\n")
    host.install(later(release.packages["wsd"], tmp_path))
    blue.crash()
    blue.check()
    assert program(host) == before
    host.sh("mv /usr/lib/wsd/programs /usr/lib/wsd/programs.away; cp /usr/bin/false /usr/sbin/wsd")
    blue.crash()
    blue.check()
    assert program(host).endswith("/wsd")


def test_deploy_after_a_crash(machine):
    host = machine(kind="proxy-tree")
    start_nginx(host)
    proxied = Proxied(host)
    for to, source in (("green", "blue"), ("blue", "green")):
        starts = len(host.journal("-u", f"ws@{source}", f"MESSAGE_ID={STARTED}"))
        os.kill(host.server_pid(f"ws@{source}.service"), signal.SIGSEGV)
        host.wait_journal("-u", f"ws@{source}", f"MESSAGE_ID={STARTED}", count=starts + 1)
        assert proxied.deploy(to)["outcome"] == "done"
        proxied.check_serves(to)


@pytest.mark.parametrize("crashes", [0, 1])
def test_the_keeper_is_killed(blue, crashes):
    """What it kept is parked, or told to come back; and systemd starts another one at once."""
    host = blue.host
    for _ in range(crashes):
        blue.crash()
    blue.check()
    os.kill(blue.main, signal.SIGKILL)
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=blue.starts + 1)
    assert host.main_pid() != blue.main
    blue.ask()


def test_crash_limit(host):
    """One crash too many: everybody is told to come back, and systemd starts all of it anew."""
    blue = Blue(host, CRASH_LIMIT=1)
    blue.crash()
    blue.check()
    os.kill(host.server_pid(), signal.SIGKILL)
    for client in blue.clients:
        assert client.wait_closed() == 1012
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=blue.starts + 1)
    assert host.main_pid() != blue.main
    assert host.client("alice").ask(message())["count"] == 1


def test_off(host):
    """An operator's choice, for all instances: what serves is the main process, as it ever was."""
    host.write("/etc/ws/ws.env", "KEEPER=off\n")
    host.systemctl("start", "ws@blue")
    assert host.server_pid() == host.main_pid()
    alice = host.client("alice")
    os.kill(host.main_pid(), signal.SIGKILL)
    with contextlib.suppress(Closed):
        alice.read_end()
    assert host.client("alice").ask(message())["count"] == 1
    assert "as pid" not in host.show("ws@blue.service", "StatusText")
