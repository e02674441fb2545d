# SPDX-License-Identifier: MIT
"""A throw-away Debian machine: systemd booted by systemd-nspawn on an overlay, with a network of its own that has nothing but a
loopback device. Whatever it mounts and runs goes with the mount and process namespaces that `run` puts all tests in."""

import contextlib
import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from clients import Client, Raw, connect, http

PATIENCE = 60  # seconds; for anything that is waited for
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

STARTED = "93188b8a66ce4c78913f469b3124790b"  # MESSAGE_IDs of wsd
OPENED = "cc08a14ebe594bcbbf38a4235988aeea"
STOPPED = "d270eff4089d4db085e12a681bf62d73"
PARKED = "d0be43ed66734fc181280d1ce75aaedf"
TAKEN_UP = "daca7a12d76d48c9a79847e04b868c11"
CRASHED = "78774809b8eb4d1eb78dd471548a3781"
BAD_CONFIG = "c7f035c9347f4aeebbc75a70bd12e94f"
CLOSED = "63b2626312d445aba125e378bd21bf3b"
UNIT_FAILED = "d9b373ed55a64feb8242e02dbe79a49c"  # systemd's own, of its catalog

PORTS = {"blue": 3001, "green": 3002}
ADMIN_PORTS = {"blue": 3101, "green": 3102}


def cgroup_roots():
    for place in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"):
        if os.access(place + "/cgroup.procs", os.W_OK):
            yield pathlib.Path(place)


class Host:
    def __init__(self, name, work, layers):
        """layers: directories below the one that is written, uppermost first."""
        self.name, self.work, self.layers = name, pathlib.Path(work), [str(layer) for layer in layers]
        self.root, self.upper = self.work / "root", self.work / "upper"
        self.nspawn = self.leader = None
        for place in (self.root, self.upper, self.work / "overlay"):
            place.mkdir(parents=True)
        options = f"lowerdir={':'.join(self.layers)},upperdir={self.upper},workdir={self.work / 'overlay'}"
        subprocess.run(["mount", "-t", "overlay", "wsd-host", "-o", options, self.root], check=True)
        mask = self.root / "etc/systemd/system/rsyslog.service"  # it is there for the scenarios that ship the log, and no other
        if not mask.is_symlink():
            mask.symlink_to("/dev/null")

    # ------------------------------------------------------------ power

    def start(self):
        """Boots; returns once its systemd has reached the default target."""
        self.nspawn = self.leader = None
        for group in self._cgroups():
            group.mkdir(parents=True, exist_ok=True)

        def into_cgroups():  # nspawn makes its own below the one it is started in
            for group in self._cgroups():
                (group / "cgroup.procs").write_text("0")

        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, open(self.work / "console", "wb") as console:
            notices.bind(f"\0wsd-host-{self.name}")
            notices.settimeout(PATIENCE)
            environment = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1", NOTIFY_SOCKET=f"@wsd-host-{self.name}")
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--notify-ready=yes",
                 f"--directory={self.root}", f"--machine={self.name}", "--private-network", "--console=pipe",
                 "--link-journal=no", "--suppress-sync=yes", "--settings=no", "--resolv-conf=off", "--timezone=off",
                 # a network of its own is its own to rule: IPAddressDeny= and the like take effect only with these
                 "--capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment, preexec_fn=into_cgroups,
                start_new_session=True)
            threading.Thread(target=self._wake, args=(self.nspawn, f"\0wsd-host-{self.name}"), daemon=True).start()
            while True:
                said = notices.recv(4096).decode().split("\n")
                assert "ENDED" not in said, (self.work / "console").read_text()
                for line in said:
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self.leader = int(line.split("=")[1])
                if "READY=1" in said and self.leader:
                    return

    @staticmethod
    def _wake(nspawn, address):
        """Ends a start that waits for a machine that is gone."""
        nspawn.wait()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"ENDED", address)

    def stop(self):
        """An orderly end; the disk is kept."""
        self.nspawn.send_signal(signal.SIGTERM)
        self._ended()

    def crash(self):
        os.kill(self.leader, signal.SIGKILL)
        self._ended()

    def _ended(self):
        self.nspawn.wait(PATIENCE)
        self.leader = None
        # all that ran in it is gone with its first process
        for group in self._cgroups():
            for place, _, _ in os.walk(group, topdown=False):
                os.rmdir(place)

    def _cgroups(self):
        """Its own in each hierarchy, below one that `run` removes."""
        return [root / self.work.parent.name / self.name for root in cgroup_roots()]

    def remove(self):
        if self.leader:
            self.crash()
        subprocess.run(["umount", self.root], check=True)
        shutil.rmtree(self.work)

    @contextlib.contextmanager
    def frozen(self):
        """The whole machine stands still meanwhile, its first process too, and finds that time has passed."""
        group = next(group for group in self._cgroups() if (group / "cgroup.freeze").exists())
        (group / "cgroup.freeze").write_text("1")
        with open(group / "cgroup.events", "rb", buffering=0) as events:
            changed = select.poll()
            changed.register(events, select.POLLPRI)
            while b"frozen 1" not in events.read(4096):
                changed.poll(PATIENCE * 1000)
                events.seek(0)
        try:
            yield
        finally:
            (group / "cgroup.freeze").write_text("0")

    # ------------------------------------------------------------ commands

    def popen(self, *command, **how):
        return subprocess.Popen(
            ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
             "TERM=dumb", "DEBIAN_FRONTEND=noninteractive", "nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-p", "-C", "-n",
             f"-r/proc/{self.leader}/root", f"-w/proc/{self.leader}/root", "--", *map(str, command)],
            text=True, start_new_session=True, **how)

    @staticmethod
    def _end(process):
        """nsenter's child too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()

    def run(self, *command, check=True):
        """Runs a command as root and returns what it printed, both streams in one, and .status."""
        process = self.popen(*command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            self._end(process)
        assert not check or process.returncode == 0, f"{' '.join(map(str, command))}: status {process.returncode}\n{out}"
        said = Said(out)
        said.status = process.returncode
        return said

    def sh(self, script, check=True):
        return self.run("sh", "-euc", script, check=check)

    def systemctl(self, *words, check=True):
        return self.run("systemctl", *words, check=check)

    def show(self, unit, what):
        return self.systemctl("show", "-P", what, unit).strip()

    def forget_journal(self):
        for place in (self.root / "var/log/journal").glob("*"):
            shutil.rmtree(place)

    def write(self, path, text):
        """A file on its disk (not below /run or /tmp)."""
        at = self.root / path.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)

    def set(self, instance="blue", **variables):
        """Settings of an instance."""
        self.write(f"/etc/ws/{instance}.env", "".join(f"{name}={value}\n" for name, value in variables.items()))

    def install(self, *packages, options=()):
        """As an operator does, from files; what they depend on is on the machine, so that no network is needed."""
        place = self.root / "var/tmp/packages"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        names = []
        for package in packages:
            shutil.copy(package, place)
            names.append(f"/var/tmp/packages/{os.path.basename(package)}")
        said = self.run("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", "--no-install-recommends", *options,
                        "install", *names)
        shutil.rmtree(place)
        return said

    # ------------------------------------------------------------ journal

    def journal(self, *matches):
        """Entries so far, oldest first."""
        self.run("journalctl", "--sync")
        return [json.loads(line) for line in self.run("journalctl", "--no-pager", "-o", "json", *matches).splitlines()
                if line.startswith("{")]

    def wait_journal(self, *matches, count=1):
        """Waits until the journal has so many entries; returns them."""
        found = []
        follow = self.popen("journalctl", "--no-pager", "-o", "json", "-f", "-n", "all", *matches, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE)
        limit = time.monotonic() + PATIENCE
        try:
            with open(follow.stdout.fileno(), "rb", buffering=0, closefd=False) as stream:
                rest = b""
                while len(found) < count:
                    readable, _, _ = select.select([stream], [], [], max(0, limit - time.monotonic()))
                    assert readable, f"only {len(found)} of {count} entries came: {matches}\n{self.tail()}"
                    data = stream.read(65536)
                    assert data, "journalctl ended"
                    *lines, rest = (rest + data).split(b"\n")
                    found += [json.loads(line) for line in lines if line.startswith(b"{")]
            return found
        finally:
            self._end(follow)

    def tail(self):
        return self.run("journalctl", "--no-pager", "-n", "40", "-u", "ws*", check=False)

    # ------------------------------------------------------------ network

    @contextlib.contextmanager
    def network(self):
        """Sockets that are made meanwhile, by this thread, are in the machine's network, and stay there."""
        with open("/proc/thread-self/ns/net") as here, open(f"/proc/{self.leader}/ns/net") as there:
            assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert LIBC.setns(here.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def raw(self, instance="blue"):
        with self.network():
            return Raw(PORTS[instance])

    def client(self, name, instance="blue", query=""):
        """A client that has been greeted."""
        return self.raw(instance).open(f"/ws/chat/{name}{query}")

    def living(self, name, instance="blue", port=None, query=""):
        """A client that answers pings by itself, as browsers do; a restart keeps only those."""
        port = port or PORTS[instance]
        with self.network():
            sock = connect(port)
        return Client(port, f"/ws/chat/{name}{query}", sock=sock)

    def http(self, path, instance="blue"):
        with self.network():
            return http(ADMIN_PORTS[instance], path)

    # ------------------------------------------------------------ processes

    def main_pid(self, unit="ws@blue.service"):
        """Of a service, as this machine's own /proc counts."""
        inner = self.show(unit, "MainPID")
        assert inner != "0", self.tail()
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                status = (place / "status").read_text()
                pids = status.split("\nNSpid:")[1].split("\n")[0].split()
                if len(pids) > 1 and pids[-1] == inner and \
                        os.readlink(place / "ns/pid") == os.readlink(f"/proc/{self.leader}/ns/pid"):
                    return int(place.name)
        raise AssertionError(f"process {inner} is not to be found")

    def server_pid(self, unit="ws@blue.service"):
        """The process that serves: the main process, or the last child of it if that is a keeper."""
        main = self.main_pid(unit)
        children = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return int(children[-1]) if children else main


class Said(str):
    status = 0
