# SPDX-License-Identifier: MIT
"""Makes system calls and allocations of a running wsd fail: the test's side of tests/support/faults.c, which is preloaded
into the daemon. It reads what is to fail from a file that both have mapped."""

import errno
import mmap
import os
import platform
import struct
import tempfile
from pathlib import Path

import blocks
from clients import Raw, message, wait_open
from instances import wait_for
from process import BUILD, sanitized

LIBRARY = BUILD / "tests" / "support" / "libfaults.so"
KINDS = ("memory", "accept", "socket", "open", "eventfd", "epoll", "dup", "memfd", "send", "send_unix", "receive",
         "map", "pipe", "timerfd", "poll")

# struct control: 12 words, two clocks, the bytes in use, FRAMES addresses, a name; then struct live
HEAD = struct.Struct("=12I")
CLOCKS = struct.Struct("=3q")
FRAMES = 24
FRAMES_AT = HEAD.size + CLOCKS.size
THREAD_AT = FRAMES_AT + 8 * FRAMES
LIVE_AT = THREAD_AT + 16
SIZE = LIVE_AT + blocks.SIZE

SLACK = 4096  # bytes by which blocks that were there before may have grown

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
        for number, value in ((1, first), (2, every), (3, error), (5, 0), (6, 0), (7, 0), (8, self.turn + 1)):
            self._word(number, value)
        self._word(0, sum(1 << KINDS.index(kind) for kind in kinds))

    def leak(self, number, thread=""):
        """From now on the number-th free() does nothing. 0: none, and they are counted no more; how many there were."""
        if number:
            self._map[THREAD_AT:THREAD_AT + 16] = thread.encode().ljust(16, b"\0")
            self._word(10, 0)
        self._word(9, number)
        return self._word(10)

    def disarm(self):
        """How many calls there were."""
        self._word(0, 0)
        return self.calls

    def kill(self, signo):
        """From now on who reads what deadly() makes is killed. 0: nobody is."""
        self._word(11, signo)

    def cut_writes(self, most):
        """A write to a TCP socket takes so many bytes; 0: all."""
        self._word(4, most)

    @property
    def calls(self):
        return self._word(5)

    @property
    def turn(self):
        """How many times something was armed."""
        return self._word(8)

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
        """Where the last failure was: the call chain, in text, while the process lives."""
        n = self._word(7)
        frames = struct.unpack_from(f"={n}Q", self._map, FRAMES_AT)
        try:
            return blocks.Modules(pid).chain(frames)
        except OSError:
            return " < ".join(map(hex, frames))

    def blocks(self, modules):
        """What is allocated at this moment, or was when the process ended."""
        return blocks.Blocks(memoryview(self._map)[LIVE_AT:], modules)

    def blocks_at_rest(self, daemon):
        """The same, of a daemon that has nothing to do."""
        modules = blocks.Modules(daemon.pid)

        def quiet():
            before = switches(daemon.pid)
            found = before and self.blocks(modules)
            return found if found and before == switches(daemon.pid) and not found.under_way() else None
        return wait_for(quiet, "moment with nothing to do")

    def nothing_left(self, daemon, makers, tries):
        """No block of memory is there that was not there before, once the daemon has nothing to do. tries: {turn: call}"""
        try:
            wait_for(lambda: not self.blocks_at_rest(daemon).beyond(makers), "end of a leak")
        except AssertionError:
            raise Leak(self.blocks_at_rest(daemon).beyond(makers), tries) from None


def deadly():
    """A message that can be read as it is on the wire."""
    text = message("this message kills the server").encode()
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


class Leak(AssertionError):
    def __init__(self, lines, tries):
        super().__init__("\n".join(["left over:", *lines, f"the call that failed, by turn: {tries}"]))


class Ends:
    """What processes leave allocated that end in the same way: no more than the first, in which nothing failed."""

    def __init__(self, faults):
        self.faults, self.makers = faults, None

    def look(self, modules, where):
        """At one that has ended. modules: from while it lived."""
        found = self.faults.blocks(modules)
        if self.makers is None:
            self.makers = found.makers()
        elif lines := found.beyond(self.makers):
            raise Leak(lines, where)


def switches(pid):
    """How often each thread was given a processor; None: one has it just now."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
        if not status["State"].startswith("S"):
            return None
        found[task.name] = (status["voluntary_ctxt_switches"], status["nonvoluntary_ctxt_switches"])
    return found


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

    def count(self, kinds, act, prepare=None, thread="", times=3):
        """How many calls there are; the most of three times, the first of which warms things up."""
        most = 0
        for _ in range(times):
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
        makers = self.faults.blocks_at_rest(self.daemon).makers()
        tries = {}  # turn: which call failed
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
            tries[self.faults.turn] = n
        self.count(kinds, act, prepare, thread, times=1)  # so that the last to come is one whom nothing has happened to
        self.faults.nothing_left(self.daemon, makers, tries)
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
