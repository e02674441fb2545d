# SPDX-License-Identifier: MIT
"""Files with results: an old one stays until there are new results, and these are whole."""
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading

import pytest
from peer import Connection, Peer

OLD = "old results\n"


def call(program, *args, **how):
    return subprocess.run([program, "-d", "100ms", "--progress", "off", *map(str, args)], text=True, timeout=30, check=False,
                          **{"capture_output": "stdout" not in how, **how})


@pytest.fixture
def old(tmp_path):
    file = tmp_path / "results"
    file.write_text(OLD)
    return file


@pytest.fixture
def peer():
    with Peer() as one:
        yield one


def is_json(file):
    return json.loads(file.read_text())["format"] == 1


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_a_run_that_cannot_start_leaves_the_old_ones(program, old, option):
    for args in (["--payload-file", "/no/such/file", "ws://127.0.0.1:1"], ["--pid", "4194303", "ws://127.0.0.1:1"],
                 ["ws://no.such.name.invalid"], ["--json", old.parent / "no" / "x", "--report", old, "ws://127.0.0.1:1"]):
        assert call(program, option, old, *args).returncode == 3
        assert old.read_text() == OLD


def test_no_file_without_results(program, tmp_path):
    assert call(program, "--json", tmp_path / "new", "ws://no.such.name.invalid").returncode == 3
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("signo", [signal.SIGHUP, signal.SIGKILL, signal.SIGQUIT])
def test_signals_leave_the_old_ones_or_whole_new_ones(program, old, signo):
    begun = threading.Event()

    def answer(peer, c, message, count):
        peer.reply(c, message, count)
        begun.set()

    def prepare():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # shells have what they run in the background ignore it

    with Peer(answer) as peer, subprocess.Popen([program, "--json", old, "-q", "-d", "60s", peer.url],
                                                start_new_session=True, preexec_fn=prepare) as run:
        assert begun.wait(20)
        os.killpg(run.pid, signo)
        run.wait(20)
    assert is_json(old) if signo == signal.SIGHUP else old.read_text() == OLD
    assert os.listdir(old.parent) == ["results"]


def test_one_file_for_both_is_refused(program, old, peer):
    (old.parent / "again").hardlink_to(old)
    (old.parent / "link").symlink_to(old)
    new = old.parent / "new"
    (old.parent / "loose").symlink_to("new")
    for json_file, page in ((old, old), (old, "link"), (old, "again"), (new, "new"), ("./new", "loose"), ("-", "-"),
                            ("-", "/dev/stdout")):
        done = call(program, "-j", json_file, "--report", page, peer.url, cwd=old.parent)
        assert done.returncode == 2
        assert done.stderr == f"wsload: --json {json_file} and --report {page} are the same file\n"
    assert old.read_text() == OLD and not new.exists()
    assert call(program, "-q", "-j", "/dev/null", "--report", "/dev/null", peer.url).returncode == 0


def test_mode_and_links_stay(program, old, peer):
    old.chmod(0o640)
    link, loose, new = (old.parent / name for name in ("link", "loose", "new"))
    link.symlink_to("results")
    loose.symlink_to("new")
    assert call(program, "-j", link, peer.url).returncode == 0
    assert link.is_symlink() and is_json(old) and old.stat().st_mode & 0o777 == 0o640
    before = os.umask(0o027)
    assert call(program, "-j", loose, peer.url).returncode == 0
    os.umask(before)
    assert loose.is_symlink() and is_json(new) and new.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(old.parent)) == ["link", "loose", "new", "results"]


def test_standard_output_by_its_names(program, tmp_path, peer):
    """Also where that is a file, which the shell has opened already."""
    for name in ("-", "/dev/stdout", "/dev/fd/1", tmp_path / "out"):
        with open(tmp_path / "out", "w", encoding="ascii") as out:
            done = call(program, "-j", name, peer.url, stdout=out, stderr=subprocess.PIPE)
        assert done.returncode == 0 and "latency" in done.stderr
        assert is_json(tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]


def test_pipes_and_open_files(program, tmp_path, peer):
    reader, writer = os.pipe()
    done = call(program, "-j", f"/dev/fd/{writer}", peer.url, pass_fds=[writer])
    os.close(writer)
    with open(reader, encoding="ascii") as end:
        assert done.returncode == 0 and json.loads(end.read())["format"] == 1
    with open(tmp_path / "nameless", "w+", encoding="ascii") as file:
        os.unlink(file.name)
        assert call(program, "-j", f"/dev/fd/{file.fileno()}", peer.url, pass_fds=[file.fileno()]).returncode == 0
        assert json.loads(file.read())["format"] == 1
    assert os.listdir(tmp_path) == []


def test_any_title_makes_json(program, old, peer):
    """Arguments are bytes, and JSON is UTF-8."""
    page = old.parent / "page"
    title = b"caf\xe9 \xc3\xa9 \xed\xa0\x80 \x1b[2J <b> \xff"
    done = subprocess.run([program.encode(), b"-d", b"100ms", b"-j", bytes(old), b"--report", bytes(page), b"--title", title,
                           peer.url.encode()], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0
    expected = "caf\ufffd \u00e9 \ufffd\ufffd\ufffd \x1b[2J <b> \ufffd"
    assert json.loads(old.read_bytes().decode("utf-8", "strict"))["title"] == expected
    inner = re.search(r'id="results">(.*?)</script>', page.read_bytes().decode("utf-8", "strict"), re.S).group(1)
    assert json.loads(inner)["title"] == expected


def test_what_a_server_says_makes_json(program, old):
    """Its codes of errors come as they are, cut to a length perhaps."""
    codes = ["\u00e9" * 40, "a" + "\u00e9" * 40]

    def answer(peer, c, message, count):
        c.say(type="error", code=codes[count % 2], message="no", id=message["id"])

    def say(c, **message):
        c.send(1, json.dumps(message, ensure_ascii=False).encode())

    with Peer(answer) as peer, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "say", say)
        done = call(program, "-j", old, peer.url)
    assert done.returncode == 0
    assert json.loads(old.read_bytes().decode("utf-8", "strict"))["error_codes"]
    done.stdout.encode("utf-8", "strict")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
def test_as_somebody_who_may_not_write_there(program, peer):
    """What may be written but not replaced is written over; the rest is said before the load."""
    become = "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.execv(sys.argv[1], sys.argv[1:])"

    def run(name):
        command = [sys.executable, "-c", become, program, "-q", "-d", "100ms", "-j", name, peer.url]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    if run("-").returncode != 0:
        pytest.skip("others cannot run the built program")
    with tempfile.TemporaryDirectory() as folder: # all the way open to others, as pytest's are not
        os.chmod(folder, 0o755)
        mine, theirs, new = (pathlib.Path(folder) / name for name in ("mine", "theirs", "new"))
        for file, mode in ((mine, 0o666), (theirs, 0o644)):
            file.write_text(OLD)
            file.chmod(mode)
        assert run(mine).returncode == 0 and is_json(mine)
        for file in (theirs, new):
            done = run(file)
            assert (done.returncode, done.stderr) == (3, f"wsload: {file}: Permission denied\n")
        assert theirs.read_text() == OLD
        assert sorted(os.listdir(folder)) == ["mine", "theirs"]
