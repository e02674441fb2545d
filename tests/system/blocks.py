# SPDX-License-Identifier: MIT
"""The blocks of memory that a daemon has allocated, as tests/support/faults_live.c notes them: who made each, and which are
left over. Blocks are told apart by the functions that made them, so that one too many is found however small it is."""

import bisect
import functools
import os
import struct
import subprocess
from collections import Counter
from pathlib import Path

from process import WSD

HEAD = struct.Struct("=4I")  # used, lost, spare, unused
HEADS = 16384
BLOCK = struct.Struct("=QQII16Q")  # address, size, turn, next, frames
MOST = 65536
SIZE = HEAD.size + 4 * HEADS + BLOCK.size * MOST

# So many calls tell blocks apart. Who called those may differ: a request that came with the connection, or after it.
DEPTH = 3
PASSED_BY = ("libfaults.so", "libc.so")
# Of these functions of wsd one is enough.
ONE_OF = {
    "sessions_create": "a session is the same whether it came with a request, by the link or from the store",
    "clock_iso8601": "libc keeps the time zone from the first call on, whoever that was for",
    "have_spare": "each worker has one, and whoever finds it used makes another",
}
UNDER_WAY = "log_line_create"  # there are none when there is nothing to do: the log waits a moment for more


class Modules:
    """What is mapped where in a process: addresses in words that are the same in each process of the same build."""

    def __init__(self, pid):
        self.begins, self.spans = [], []
        base = {}
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, _, _, _, _, *path = line.split()
            if path:
                begin, end = (int(part, 16) for part in span.split("-"))
                self.begins.append(begin)
                self.spans.append((end, base.setdefault(path[0], begin), path[0]))

    def find(self, address):
        """(path, offset), or None."""
        at = bisect.bisect_right(self.begins, address) - 1
        if at < 0 or address >= self.spans[at][0]:
            return None
        _, base, path = self.spans[at]
        return path, address - base

    def name(self, address):
        """In words, for whoever looks for the cause."""
        found = self.find(address)
        return name_of(found) if found else hex(address)

    def chain(self, frames):
        """A whole call chain, without the library that noted it."""
        return " < ".join(name for name in map(self.name, frames) if not name.startswith("libfaults.so"))


def name_of(place):
    path, offset = place
    said = subprocess.run(["addr2line", "-f", "-s", "-e", path, hex(offset - 1)], capture_output=True, text=True)
    name = said.stdout.split("\n")[0] if said.returncode == 0 else "??"
    return f"{os.path.basename(path)}:{name if name not in ('??', '') else hex(offset)}"


@functools.lru_cache(None)
def lookup():
    """A process that is asked for functions of wsd: it knows those, too, that the compiler has put into others."""
    return subprocess.Popen(["addr2line", "-f", "-s", "-e", WSD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@functools.lru_cache(None)
def function_of(place):
    path, offset = place
    if path != str(WSD):
        return None
    process = lookup()
    process.stdin.write(f"{offset - 1:#x}\n")
    process.stdin.flush()
    name = process.stdout.readline().strip()
    process.stdout.readline()  # the line in the source
    return name


class Blocks:
    """Those that are live at one moment, in a process with these modules."""

    def __init__(self, data, modules):
        self.modules = modules
        self.found = {}  # frames: [(size, turn)]
        used, self.lost, _, _ = HEAD.unpack_from(data)
        begin = HEAD.size + 4 * HEADS
        for address, size, turn, _, *frames in BLOCK.iter_unpack(data[begin:begin + used * BLOCK.size]):
            if address:
                self.found.setdefault(tuple(frames[:frames.index(0)] if 0 in frames else frames), []).append((size, turn))
        assert self.lost == 0, f"{self.lost} blocks are not known: there was no room in faults.h"

    def maker(self, frames):
        """What is the same in each process of this build."""
        places = (self.modules.find(frame) or ("", frame) for frame in frames)
        places = [place for place in places if not os.path.basename(place[0]).startswith(PASSED_BY)][:DEPTH]
        name = places and function_of(places[0])
        return (name,) if name in ONE_OF or name == UNDER_WAY else tuple(places)

    def under_way(self):
        return self.makers()[(UNDER_WAY,)] > 0

    def makers(self):
        """{maker: how many blocks}"""
        counts = Counter()
        for frames, blocks in self.found.items():
            counts[self.maker(frames)] += len(blocks)
        return counts

    def beyond(self, counts, most=20):
        """What there is more than in `counts`, as lines of text. The blocks shown are the newest of that maker."""
        lines = []
        for maker, more in (self.makers() - counts).items():
            candidates = [(turn, size, frames) for frames, blocks in self.found.items() if self.maker(frames) == maker
                          for size, turn in blocks]
            for turn, size, frames in sorted(candidates)[-more:]:
                lines.append(f"{size} bytes (turn {turn}): {self.modules.chain(frames)}")
        return lines[:most]
