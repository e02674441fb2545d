# SPDX-License-Identifier: MIT
"""The live line on terminals of all kinds."""
import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest
from peer import Peer


def seen_on_a_terminal(program, columns, term, *args):
    """All that a run writes to a terminal of that width on standard error."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with Peer() as peer:
        run = subprocess.Popen([program, *args, "-d", "1200ms", peer.url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=its, env={"TERM": term})
        os.close(its)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:  # the last to have it open has ended
            pass
        os.close(ours)
        assert run.wait(30) == 0
    return seen.decode("ascii")


@pytest.mark.parametrize("columns", [10, 40, 200])
def test_the_line_stays_in_its_row(program, columns):
    seen = seen_on_a_terminal(program, columns, "xterm")
    lines = seen.removeprefix("\r").split("\r")
    assert "\n" not in seen and len(lines) >= 3
    assert all(line.endswith("\033[K") for line in lines)
    assert lines[0].startswith(("connect", "hold"))
    assert max(len(line.removesuffix("\033[K")) for line in lines) <= columns - 1
    assert lines[-1] == "\033[K", "nothing is left of it"


def test_a_terminal_that_cannot_draw_again(program):
    seen = seen_on_a_terminal(program, 80, "dumb")
    assert "\033" not in seen
    assert len(seen.splitlines()) == 1 and seen.endswith("left\r\n"), "a line now and then"
