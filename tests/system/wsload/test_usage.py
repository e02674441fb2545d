# SPDX-License-Identifier: MIT
"""Exit statuses and output files."""
import json
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from peer import Peer


def call(program, *args):
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=30)


def test_help_and_version(program):
    text = call(program, "--help")
    assert text.returncode == 0 and "--fail-if" in text.stdout and text.stderr == ""
    assert max(len(line) for line in text.stdout.splitlines()) <= 130
    assert call(program, "--version").stdout.startswith("wsload ")
    profiles = call(program, "--list-profiles").stdout
    for name in ("smoke", "ramp", "stress", "spike"):
        assert re.search("^%s " % name, profiles, re.M)


@pytest.mark.parametrize("args", [
    [], ["-c"], ["-c", "0", "ws://h"], ["--nonsense", "ws://h"], ["ftp://h"], ["-p", "huge", "ws://h"],
    ["-r", "10", "-i", "1", "ws://h"], ["--fail-if", "latency>1s", "ws://h"], ["--fail-if", "errors=1%", "ws://h"],
    ["-d", "soon", "ws://h"], ["--path", "nope", "ws://h"], ["--source", "here", "ws://h"], ["--size", "1G", "ws://h"],
])
def test_bad_usage_is_said_in_one_line(program, args):
    done = call(program, *args)
    assert done.returncode == 2
    assert done.stderr.startswith("wsload: ") and len(done.stderr.splitlines()) == 2
    assert done.stdout == ""


def test_what_cannot_run(program, tmp_path):
    assert call(program, "--json", str(tmp_path / "no" / "x"), "ws://127.0.0.1:1").returncode == 3
    assert call(program, "--payload-file", str(tmp_path / "none"), "-d", "1s", "ws://127.0.0.1:1").returncode == 3
    assert call(program, "--pid", "4194303", "ws://127.0.0.1:1").returncode == 3
    many = call(program, "-c", "1000000", "ws://127.0.0.1:1")
    assert many.returncode == 3 and "--processes" in many.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_results_on_a_full_disk(program, tmp_path):
    with Peer() as peer, open("/dev/full", "w", encoding="ascii") as full:
        lost = call(program, "--json", "/dev/full", "-d", "200ms", peer.url)
        no_help = subprocess.run([program, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        unseen = subprocess.run([program, "-d", "200ms", peer.url], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30,
                                check=False)
    assert (lost.returncode, lost.stderr) == (3, "wsload: /dev/full: No space left on device\n")
    assert (no_help.returncode, no_help.stderr) == (3, "wsload: standard output: No space left on device\n")
    assert (unseen.returncode, unseen.stderr) == (3, "wsload: the table: No space left on device\n")


def test_nobody_reads_the_table(program):
    with Peer() as peer, subprocess.Popen([program, "-d", "200ms", peer.url], stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True) as load:
        load.stdout.close()
        assert load.stderr.read() == "" and load.wait(30) == 3


def test_json_on_standard_output_and_the_table_beside_it(program):
    with Peer() as peer:
        done = call(program, "--json", "-", "-d", "200ms", peer.url)
    assert json.loads(done.stdout)["format"] == 1
    assert "latency" in done.stderr


def test_the_report_is_one_page_that_needs_nothing_else(program, tmp_path):
    page = tmp_path / "report.html"
    with Peer() as peer:
        done = call(program, "--report", str(page), "--title", "</script><b>x", "-d", "300ms", peer.url)
    text = page.read_text()
    assert done.returncode == 0
    assert not re.search(r'(src|href)\s*=\s*"(?!#)', text) and "@import" not in text
    assert "</script><b>x" not in text
    data = re.search(r'<script type="application/json" id="results">(.*?)</script>', text, re.S).group(1)
    assert json.loads(data)["title"] == "</script><b>x"


def test_progress(program):
    with Peer() as peer:
        done = call(program, "--progress", "on", "-d", "1s", peer.url)
        quiet = call(program, "-q", "-d", "200ms", peer.url)
    assert re.match(r"(connect|hold) +\d+ connections", done.stderr)
    assert quiet.stdout == quiet.stderr == ""


def begin(program, *args, before=""):
    """A run whose progress goes by lines on standard error; standard output has its JSON."""
    command = ["sh", "-c", before + 'exec "$@"', "sh", program, "--json", "-", "--progress", "on", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_reports_and_has_not_passed(program, signo):
    with Peer() as peer, begin(program, "-d", "60s", "-f", "lost>0 errors>0%", peer.url) as run:
        next(line for line in run.stderr if "hold" in line)
        run.send_signal(signo)
        out, err = run.communicate(timeout=20)
    report = json.loads(out)
    assert run.returncode == 4
    assert err.endswith("wsload: interrupted before the end, so this has not passed\n")
    assert report["summary"]["interrupted"] is True and report["summary"]["passed"] is False
    assert not any(t["failed"] for t in report["thresholds"].values())
    assert report["counts"]["lost"] == 0 and report["counts"]["answered"] > 0


def test_a_threshold_crossed_before_the_interrupt_is_a_failure(program):
    with Peer() as peer, begin(program, "-d", "60s", "-f", "answered>0", peer.url) as run:
        next(line for line in run.stderr if "hold" in line)
        run.terminate()
        out, _ = run.communicate(timeout=20)
    assert run.returncode == 1
    assert json.loads(out)["summary"]["passed"] is False


def test_interrupted_while_its_connections_are_made(program):
    """Five of twenty are there, and nothing has gone wrong with these."""
    there = threading.Event()

    def refuse(c):
        if len(c.peer.handshakes) == 5:
            there.set()

    with Peer(refuse=refuse) as peer, begin(program, "-p", "smoke", "--scale", "10", peer.url) as run:
        assert there.wait(30)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
    assert run.returncode == 4
    assert json.loads(out)["summary"]["passed"] is False
    assert 5 <= json.loads(out)["counts"]["connected"] < 20


def test_a_signal_that_was_ignored_stays_so(program):
    with Peer() as peer, begin(program, "-d", "1s", peer.url, before="trap '' HUP; ") as run:
        assert "connections" in next(run.stderr)
        run.send_signal(signal.SIGHUP)
        out, _ = run.communicate(timeout=20)
    assert run.returncode == 0
    assert json.loads(out)["summary"]["interrupted"] is False
