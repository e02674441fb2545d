# SPDX-License-Identifier: MIT
"""What wsload takes over from whoever starts it: ignored signals, closed descriptors."""
import json
import signal
import subprocess

import pytest
from peer import Peer


def shell(program, before, *args):
    """wsload in the place of a shell that has done `before`."""
    return subprocess.Popen(["bash", "-c", f'{before}; exec "$@"', "bash", program, *args], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def begun(run):
    """Returns once it holds its load."""
    for line in run.stderr:
        if "hold" in line:
            return


@pytest.mark.parametrize("before", ["trap '' CHLD", "trap '' CHLD TERM PIPE"])
def test_ignored_children_are_waited_for_all_the_same(program, before):
    """(It hung for ever without them.)"""
    with Peer() as peer, shell(program, before, "--json", "-", "--processes", "2", "-c", "2", "-d", "200ms", peer.url) as run:
        out, complained = run.communicate(timeout=60)
    assert run.returncode == 0, complained
    assert json.loads(out)["counts"]["connected"] == 2


def test_an_ignored_terminate_is_not_respected(program):
    """Nobody could end it otherwise."""
    with Peer() as peer, shell(program, "trap '' TERM CHLD", "--json", "-", "--progress", "on", "-d", "60s", peer.url) as run:
        begun(run)
        run.terminate()
        out, _ = run.communicate(timeout=60)
    assert json.loads(out)["summary"]["interrupted"] is True


def test_an_ignored_interrupt_stays_ignored(program):
    """wsload & in a script: Ctrl-C is for others."""
    with Peer() as peer, shell(program, "trap '' INT HUP", "--json", "-", "--progress", "on", "-d", "2s", peer.url) as run:
        begun(run)
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGHUP)
        out, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    assert json.loads(out)["summary"]["interrupted"] is False


def test_closed_descriptors(program, tmp_path):
    """The table, which cannot be printed, does not get into the results."""
    file = tmp_path / "out.json"
    with Peer() as peer, shell(program, "exec 0<&- 1>&- 2>&-", "--json", str(file), "-d", "200ms", peer.url) as run:
        assert run.wait(60) == 3
        assert json.loads(file.read_text())["counts"]["connected"] == 10
    with Peer() as peer, shell(program, "exec 0<&- 1>&- 2>&-", "--quiet", "--json", str(file), "-d", "200ms", peer.url) as run:
        assert run.wait(60) == 0
        assert json.loads(file.read_text())["counts"]["connected"] == 10
