# SPDX-License-Identifier: MIT
"""Makes system calls and allocations of a running wsd fail: the test's side of tests/support/faults.c, which is preloaded
into the daemon. It reads what is to fail from a file that both have mapped."""

import errno
import mmap
import os
import platform
import struct
import subprocess
import tempfile
from pathlib import Path

from clients import Raw, message, wait_open
from instances import wait_for
from process import BUILD, sanitized

LIBRARY = BUILD / "tests" / "support" / "libfaults.so"
KINDS = ("memory", "accept", "socket", "open", "eventfd", "epoll", "dup", "memfd", "send", "send_unix", "receive")

# struct control: 8 words, two clocks, the bytes in use, FRAMES addresses, a name
HEAD = struct.Struct("=8I")
CLOCKS = struct.Struct("=3q")
FRAMES = 24
FRAMES_AT = HEAD.size + CLOCKS.size
THREAD_AT = FRAMES_AT + 8 * FRAMES
SIZE = THREAD_AT + 16

SLACK = 4096  # bytes that may be in use more than before: caches, and log lines under way

POINTS = 0 if os.environ.get("WSD_FAULTS") == "all" else int(os.environ.get("WSD_FAULTS") or 6)


def unusable():
    """Why faults cannot be injected here; None: they can."""
    if platform.libc_ver()[0] != "glibc":
        return "faults are injected into glibc alone"
    if sanitized():
        return "a sanitizer has an allocator of its own, which must come first"
    if os.environ.get("WSD_WRAPPER"):
        return "what is preloaded would go into the wrapper"
    if not LIBRARY.exists():
        return f"{LIBRARY} is not built"
    return None


class Faults:
    """What is to fail in one daemon (or, one after another, in its successors)."""

    def __init__(self):
        self._file = tempfile.NamedTemporaryFile(prefix="wsd-faults-")
        self._file.truncate(SIZE)
        self._map = mmap.mmap(self._file.fileno(), SIZE)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "FAULTS_CONTROL": self._file.name}

    def close(self):
        self._map.close()
        self._file.close()

    def _word(self, number, value=None):
        if value is not None:
            struct.pack_into("=I", self._map, 4 * number, value)
        return struct.unpack_from("=I", self._map, 4 * number)[0]

    def arm(self, *kinds, first=0, every=0, error=0, thread=""):
        """The first-th call of these kinds from now on fails, and each every-th after it. first=0: they are counted."""
        self.disarm()
        self._map[THREAD_AT:THREAD_AT + 16] = thread.encode().ljust(16, b"\0")
        for number, value in ((1, first), (2, every), (3, error), (5, 0), (6, 0), (7, 0)):
            self._word(number, value)
        self._word(0, sum(1 << KINDS.index(kind) for kind in kinds))

    def disarm(self):
        """How many calls there were."""
        self._word(0, 0)
        return self.calls

    def cut_writes(self, most):
        """A write to a TCP socket takes so many bytes; 0: all."""
        self._word(4, most)

    @property
    def calls(self):
        return self._word(5)

    @property
    def failed(self):
        return self._word(6)

    def clocks(self, real_ms=0, mono_ms=0):
        struct.pack_into("=2q", self._map, HEAD.size, real_ms, mono_ms)

    @property
    def in_use(self):
        """Bytes that the daemon has allocated."""
        return struct.unpack_from("=q", self._map, HEAD.size + 16)[0]

    def place(self, pid):
        """Where the last failure was: the call chain, in text, while the process lives or its maps are at hand."""
        n = self._word(7)
        frames = struct.unpack_from(f"={n}Q", self._map, FRAMES_AT)
        try:
            maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        except OSError:
            maps = []
        return " < ".join(_name(frame, maps) for frame in frames[2:])


def _name(address, maps):
    base = {}
    for line in maps:
        span, _, _, _, _, *path = line.split()
        if not path:
            continue
        begin, end = (int(part, 16) for part in span.split("-"))
        base.setdefault(path[0], begin)
        if begin <= address < end:
            offset = address - base[path[0]] - 1
            said = subprocess.run(["addr2line", "-f", "-s", "-e", path[0], hex(offset)], capture_output=True, text=True)
            name = said.stdout.split("\n")[0] if said.returncode == 0 else "??"
            return f"{os.path.basename(path[0])}:{name if name != '??' else hex(offset)}"
    return hex(address)


def points(count, most=None):
    """Which of the calls 1 to count are tried: all with WSD_FAULTS=all, else so many, evenly spread; `most` where each takes
    long, unless WSD_FAULTS says how many."""
    n = most if most and "WSD_FAULTS" not in os.environ else POINTS
    if not n or count <= n:
        return range(1, count + 1)
    return sorted({1 + (count - 1) * i // max(n - 1, 1) for i in range(n)})


class Walk:
    """Lets one call after another fail while `act` runs, and looks each time whether the daemon is as it was before: it
    lives, its log is whole, whoever was there is still served, and nothing has been left open."""

    def __init__(self, daemon, faults):
        self.daemon, self.faults = daemon, faults
        self.bystander = Raw(daemon.port).open("/ws/chat/bystander")
        self.tried = 0

    def count(self, kinds, act, prepare=None, thread=""):
        """How many calls there are; the most of three times, the first of which warms things up."""
        most = 0
        for _ in range(3):
            prepared = prepare() if prepare else None
            self.faults.arm(*kinds, thread=thread)
            act(prepared)
            most = max(most, self.faults.disarm())
            self.settled(0)
        return most

    def run(self, kinds, act, prepare=None, thread="", error=errno.ENOMEM, forever=False):
        count = self.count(kinds, act, prepare, thread)
        assert count > 0, "nothing to fail"
        fds, before = fds_of(self.daemon), self.faults.in_use
        for n in points(count):
            prepared = prepare() if prepare else None
            self.faults.arm(*kinds, first=n, every=1 if forever else 0, error=error, thread=thread)
            try:
                act(prepared)
                self.faults.disarm()
                self.settled(fds)
            except Exception as e:
                self.faults.disarm()
                raise AssertionError(f"call {n} of {count}: {e!r}\nat {self.faults.place(self.daemon.pid)}") from e
            self.tried += self.faults.failed > 0
        self.same_memory(before)
        list(self.daemon.entries())  # each line is whole
        print(f"{self.tried} faults, {count} calls")
        return count

    def settled(self, fds):
        answer = self.bystander.ask(message())
        assert answer["type"] == "message_response", answer
        wait_open(self.daemon, 1)
        if fds:
            wait_for(lambda: fds_of(self.daemon) <= fds, f"{fds} descriptors again, not {fds_of(self.daemon)}")

    def same_memory(self, before):
        wait_for(lambda: self.faults.in_use <= before + SLACK, f"{before} bytes in use again, not {self.faults.in_use}")

    def close(self):
        self.bystander.sock.close()


def fds_of(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))
