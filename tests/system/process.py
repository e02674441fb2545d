# SPDX-License-Identifier: MIT
"""Starts the real wsd as systemd would (passed sockets, notify socket, watchdog) and waits for what it says and does.

Every wait is for an event (a log line, a notification, the exit) and has one generous limit; nothing sleeps."""

import fcntl
import json
import os
import random
import re
import selectors
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WSD_BUILD_DIR") or TOP / "build").resolve()
WSD = BUILD / "src" / "wsd"
WRAPPER = shlex.split(os.environ.get("WSD_WRAPPER", ""))

ADMIN_TOKEN = "what-operators-know"

# What the tests' own settings are unless a scenario says otherwise: limits that would get in its way are off.
QUIET = {
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "info",
    "WORKERS": "2",
    "INSTANCE": "test",
    "RATE_LIMIT_CONNECT": "0",
    "RATE_LIMIT_MESSAGE": "0",
    "RATE_LIMIT_ADMIN": "0",
    "MAX_CONNECTIONS": "1000",
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "PARKING_GRACE": "10000",
}

PASSED_ON = ("PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
REPORTS = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|^==\d+== ", re.M)


def features():
    """What configure found, as the binary tells it."""
    return subprocess.run([WSD, "--version", "--verbose"], capture_output=True, text=True, check=True).stdout


def sanitized():
    return not re.search(r"^sanitizer +no$", features(), re.M)


SCALE = float(os.environ.get("WSD_TIME_SCALE") or (4 if sanitized() else 1))
PATIENCE = 20 * SCALE  # seconds that an event may take; reached only by a failure


def listener(kind="v4", directory=None, name="public"):
    """A listening socket as a socket unit would make it: v4, v6, unix or seqpacket (unix too)."""
    if kind in ("unix", "seqpacket"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if kind == "unix" else socket.SOCK_SEQPACKET)
        sock.bind(str(Path(directory) / f"{name}.sock"))
    elif kind == "v6":
        sock = socket.socket(socket.AF_INET6)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("::1", 0))
    else:
        sock = socket.socket(socket.AF_INET)
        sock.bind(("127.0.0.1", 0))
    sock.listen(4096)
    return sock


_claims = []


def claimed(port):
    """Whether this process has taken the port, among all that run tests: the name is its own until it ends."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0wsd-tests-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def free_port():
    """A port for a program that binds by itself. It is none of those that the kernel gives to clients, one of whom could have it
    before the program does."""
    clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(clients // 2, clients)
        with socket.socket() as sock:
            try:
                sock.bind(("0.0.0.0", port))
            except OSError:
                continue
            if claimed(port):
                return port


class Kept:
    """A descriptor in the store, or a copy of one on its way to a daemon."""

    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd

    def dup(self):
        return Kept(fcntl.fcntl(self.fd, fcntl.F_DUPFD_CLOEXEC, 100))

    def close(self):
        os.close(self.fd)


class Unit:
    """What systemd keeps of a service while its processes come and go: the listeners of its socket units, and the
    store of descriptors. `sockets` is a list of (name, socket)."""

    def __init__(self, sockets):
        self.sockets = sockets
        self.store = {}  # name: Kept

    def passed(self):
        """Copies for the next process."""
        return [(name, one.dup()) for name, one in self.sockets + list(self.store.items())]

    def keep(self, text, fds):
        """A datagram of the notify socket with what came beside it."""
        name = re.search(r"^FDNAME=(.+)$", text, re.M)
        if "FDSTORE=1" in text.split("\n") and name and len(fds) == 1:
            if name.group(1) in self.store:
                self.store[name.group(1)].close()
            self.store[name.group(1)] = Kept(fds[0])
        else:
            for fd in fds:
                os.close(fd)

    def close(self):
        for _, one in self.sockets + list(self.store.items()):
            one.close()


class Wsd:
    """One running daemon. `public` and `admin` are kinds of listeners to pass in; `sockets`, a list of (name, socket),
    passes exactly these instead; `sockets=[]` passes none; `unit` passes what it keeps, and keeps what it is given. `before`
    is what the shell does that is replaced by wsd."""

    def __init__(self, *, public=("v4",), admin=("v4",), sockets=None, args=(), notify=True, watchdog_us=None,
                 wait_ready=True, environment=None, before="", unit=None, **settings):
        self.dir = tempfile.TemporaryDirectory(prefix="wsd-")
        self.lines = []  # of stderr, as text
        self.notices = []  # datagrams of the notify socket, as text
        self.status = None
        self._changed = threading.Condition()
        self.unit = unit
        self._make_sockets(public, admin, unit.passed() if unit else sockets)
        env = {k: os.environ[k] for k in PASSED_ON if k in os.environ}
        env.update(QUIET)
        env.update({k: str(v) for k, v in settings.items() if v is not None})
        for name in [k for k, v in settings.items() if v is None]:
            env.pop(name, None)
        env.update(environment or {})
        self._notify = None
        if notify:
            self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._notify.bind(f"{self.dir.name}/notify")
            self._notify.setblocking(False)
            env["NOTIFY_SOCKET"] = f"{self.dir.name}/notify"
        if watchdog_us:
            env["WATCHDOG_USEC"] = str(watchdog_us)
        self._spawn(env, args, before)
        for _, sock in self.passed:
            sock.close()  # from here on they live by wsd alone
        if wait_ready:
            self.wait_ready()

    def _make_sockets(self, public, admin, sockets):
        if sockets is None:
            sockets = [("public", listener(kind, self.dir.name, f"public{i}")) for i, kind in enumerate(public)]
            sockets += [("admin", listener(kind, self.dir.name, f"admin{i}")) for i, kind in enumerate(admin)]
        self.passed = sockets
        self.addresses = [(name, sock.getsockname()) for name, sock in sockets if hasattr(sock, "getsockname")]

    def _spawn(self, env, args, before):
        """bash puts the sockets at 3, 4, ... and, being replaced by wsd, gives LISTEN_PID its own number."""
        high, moves = [], ""
        for i, (_, sock) in enumerate(self.passed):
            fd = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)
            high.append(fd)
            moves += f" {3 + i}<&{fd} {fd}<&-"
        script = f"{before}; " if before else ""
        if self.passed:
            env["LISTEN_FDS"] = str(len(self.passed))
            env["LISTEN_FDNAMES"] = ":".join(name for name, _ in self.passed)
            script += "LISTEN_PID=$$ "
        if env.get("WATCHDOG_USEC"):
            script += "WATCHDOG_PID=$$ "
        script += f'exec "$@"{moves}'
        self.process = subprocess.Popen(["/bin/bash", "-c", script, "wsd", *WRAPPER, str(WSD), *args],
                                        env=env, pass_fds=high, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for fd in high:
            os.close(fd)
        self.pid = self.process.pid
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        """Collects all that the daemon says until it has ended."""
        pidfd = os.pidfd_open(self.pid)
        selector = selectors.DefaultSelector()
        selector.register(self.process.stderr, selectors.EVENT_READ, "stderr")
        selector.register(self.process.stdout, selectors.EVENT_READ, "stdout")
        selector.register(pidfd, selectors.EVENT_READ, "exit")
        if self._notify:
            selector.register(self._notify, selectors.EVENT_READ, "notify")
        rest = {"stderr": b"", "stdout": b""}
        self.stdout = ""
        open_pipes = 2
        exited = False
        while open_pipes or not exited:
            for key, _ in selector.select():
                if key.data == "exit":
                    selector.unregister(pidfd)
                    exited = True
                elif key.data == "notify":
                    self._take_notice()
                else:
                    data = os.read(key.fd, 65536)
                    if not data:
                        selector.unregister(key.fileobj)
                        open_pipes -= 1
                    self._said(key.data, data, rest)
        os.close(pidfd)
        self._drain_notices()
        status = self.process.wait()
        with self._changed:
            self.status = status
            self._changed.notify_all()

    def _drain_notices(self):
        while self._notify:
            try:
                self._take_notice()
            except BlockingIOError:
                return

    def _take_notice(self):
        data, fds, _, _ = socket.recv_fds(self._notify, 65536, 8)
        text = data.decode()
        if self.unit:
            self.unit.keep(text, fds)
        else:
            for fd in fds:
                os.close(fd)
        with self._changed:
            self.notices.append(text)
            self._changed.notify_all()

    def _said(self, stream, data, rest):
        if stream == "stdout":
            self.stdout += data.decode()
            return
        rest[stream] += data
        *lines, rest[stream] = rest[stream].split(b"\n") if data else [rest[stream], b""]
        with self._changed:
            self.lines += [line.decode("utf-8", "replace") for line in lines if line]
            self._changed.notify_all()

    # ------------------------------------------------------------ waiting

    def wait(self, found, what, patience=PATIENCE):
        """Returns the first true value of found(), which is asked again whenever the daemon says something or ends."""
        deadline = time.monotonic() + patience
        with self._changed:
            while True:
                value = found()
                if value:
                    return value
                left = deadline - time.monotonic()
                assert self.status is None, f"wsd ended with {self.status} while waiting for {what}\n{self.text()}"
                assert left > 0, f"no {what} within {patience:.0f} s\n{self.text()}"
                self._changed.wait(left)

    def wait_ready(self):
        self.wait(lambda: any("READY=1" in n.split("\n") for n in self.notices), "READY=1")
        return self

    # ------------------------------------------------------------ with KEEPER=on

    @property
    def server(self):
        """The pid of the keeper's child, 0 if there is none. One that only writes its core dump may be there as well, and is older."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return int(children[-1]) if children else 0

    def send_server(self, number):
        server = self.server
        assert server, f"there is no server\n{self.text()}"
        os.kill(server, number)

    def readies(self):
        return sum("READY=1" in n.split("\n") for n in list(self.notices))

    def crash(self, number=signal.SIGKILL):
        """Ends the server by a signal, and waits until the next one is ready; its log line about that."""
        return self.taken_up_after(lambda: self.send_server(number))

    def taken_up_after(self, crash):
        """The same for another way to end it."""
        lines, readies = len(self.crashes()), self.readies()
        crash()
        line = self.wait(lambda: self.crashes()[lines:], "word of the crash")[0]
        self.wait(lambda: self.readies() > readies, "the next server's READY=1")
        return line

    def freeze(self):
        """Stops the server; none of its threads does anything any more."""
        server, deadline = self.server, time.monotonic() + PATIENCE
        os.kill(server, signal.SIGSTOP)
        while any(task.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "T"
                  for task in Path(f"/proc/{server}/task").glob("*/stat")):
            assert time.monotonic() < deadline, f"not stopped in {PATIENCE:.0f} s"

    def crashes(self):
        return self.logged("was killed by signal")

    def cpu_seconds(self):
        """What it has used of the processors so far."""
        ticks = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def listen(self, most=0.05):
        """Until it says something, or a moment: for those who ask it again and again."""
        with self._changed:
            self._changed.wait(most)

    def wait_ready_or_end(self):
        with self._changed:
            assert self._changed.wait_for(lambda: self.status is not None or
                                          any("READY=1" in n.split("\n") for n in self.notices), PATIENCE), self.text()

    def wait_notice(self, pattern, after=0):
        """The first notification from number `after` on that matches."""
        return self.wait(lambda: next((n for n in self.notices[after:] if re.search(pattern, n, re.M)), None),
                         f"notification {pattern}")

    def wait_log(self, match=None, /, **fields):
        """The first log line whose message contains `match` and whose fields are as given, as a dict."""
        return self.wait(lambda: next(iter(self.logged(match, **fields)), None), f"log line {match} {fields}")

    def wait_exit(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        with self._changed:
            while self.status is None:
                left = deadline - time.monotonic()
                assert left > 0, f"still running after {patience:.0f} s\n{self.text()}"
                self._changed.wait(left)
        return self.status

    def logged(self, match=None, /, **fields):
        """All log lines so far with this text and these fields (compared as text)."""
        found = []
        for line in self.entries():
            if match is not None and match not in line.get("MESSAGE", line.get("message", "")):
                continue
            if all(k in line and str(line[k]) == str(v) for k, v in fields.items()):
                found.append(line)
        return found

    def entries(self):
        for line in list(self.lines):
            if line.startswith("{"):
                yield json.loads(line)

    def text(self):
        return "\n".join(self.lines)

    # ------------------------------------------------------------ addresses

    def address(self, role="public", number=0):
        return [address for name, address in self.addresses if name == role][number]

    @property
    def port(self):
        return self.address()[1]

    @property
    def admin_port(self):
        return self.address("admin")[1]

    # ------------------------------------------------------------ ending

    def send_signal(self, number):
        assert self.status is None
        os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, status=0):
        """Stops the daemon and expects it to end well."""
        try:
            if self.status is None:
                self.send_signal(number)
        except ProcessLookupError:
            pass  # it has just ended by itself; whoever watches is about to say so
        ended = self.wait_exit()
        self.check_reports()
        assert ended == status, f"exit status {ended}, not {status}\n{self.text()}"
        return self

    def check_reports(self):
        assert not REPORTS.search(self.text()), f"a sanitizer complained\n{self.text()}"

    def cleanup(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.wait_exit()
        if self._notify:
            self._notify.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.dir.cleanup()


def run_to_end(*args, **settings):
    """Runs wsd that is expected to end by itself; the ended daemon."""
    settings.setdefault("sockets", [])
    daemon = Wsd(args=args, wait_ready=False, **settings)
    try:
        daemon.wait_exit()
        daemon.check_reports()
    finally:
        daemon.cleanup()
    return daemon
