# SPDX-License-Identifier: MIT
"""Runs the built wsload and hands back its exit status and JSON."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Outcome:
    def __init__(self, done, report):
        self.status, self.stdout, self.stderr, self.report = done.returncode, done.stdout, done.stderr, report
        self.counts = report["counts"] if report else None


@pytest.fixture(scope="session")
def program():
    path = pathlib.Path(os.environ.get("WSD_BUILD_DIR", ROOT / "build")) / "loadtest" / "wsload"
    if not path.exists():
        pytest.skip("wsload is not built")
    return str(path.resolve())


@pytest.fixture
def wsload(program, tmp_path):
    def call(*args, timeout=60):
        file = tmp_path / "out.json"
        file.unlink(missing_ok=True)
        command = [program, "--json", str(file), *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        text = file.read_text() if file.exists() else ""
        return Outcome(done, json.loads(text) if text else None)

    return call
