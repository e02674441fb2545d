# SPDX-License-Identifier: MIT
"""Containers of the image that `run` has built, run by buildah in a chroot of their own; the network is the tests'. What an
engine takes from the image's configuration (user, environment, entry point, health check) is taken from there."""

import json
import os
import pathlib
import resource
import shlex
import signal
import subprocess
import sys
import threading
import time

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system"), str(HERE.parent / "support")]
pytest.register_assert_rewrite("clients")

from counts import pytest_terminal_summary  # noqa: E402, F401  (a hook)

WORK = pathlib.Path(os.environ.get("WSD_CONTAINERS_WORK", "/nonexistent"))
BUILDAH = shlex.split(os.environ.get("WSD_BUILDAH", "buildah"))
IMAGE = os.environ.get("WSD_IMAGE", "")
PATIENCE = 60  # seconds; for anything that is waited for


def buildah(*words):
    return subprocess.run([*BUILDAH, *words], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.strip()


class Container:
    def __init__(self, volume=None, **settings):
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # buildah's own default is 1024
        self.name = buildah("from", "--pull-never", f"--ulimit=nofile={files}:{files}", IMAGE)
        self.config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
        self.options = ["--isolation", "chroot"]
        if volume:
            self.options += ["--volume", f"{volume}:/run/ws"]
        if settings:
            buildah("config", *(f"--env={name}={value}" for name, value in settings.items()), self.name)
        self.process, self.lines, self.ended, self.changed = None, [], False, threading.Condition()

    def run(self, *command):
        """Another command in it; as docker exec."""
        return subprocess.run([*BUILDAH, "run", *self.options, self.name, "--", *command], capture_output=True, text=True,
                              timeout=PATIENCE)

    def healthy(self):
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.run(*command).returncode == 0

    def start(self):
        self.process = subprocess.Popen([*BUILDAH, "run", *self.options, self.name, "--", *self.config["Entrypoint"]],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        self.wait_log("serving")
        return self

    def _read(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def logged(self, text):
        return [json.loads(line) for line in self.lines if line.startswith("{") and text in line]

    def wait_log(self, text):
        limit = time.monotonic() + PATIENCE
        with self.changed:
            while not self.logged(text):
                assert not self.ended and self.changed.wait(limit - time.monotonic()), f"no {text!r} in {self.lines}"
            return self.logged(text)[-1]

    def pid(self):
        """Of the entry point, which is somewhere below buildah."""
        found, left = None, [self.process.pid]
        while left:
            parent = left.pop()
            for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
                left += [int(word) for word in task.read_text().split()]
            if pathlib.Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")[0].decode() == self.config["Entrypoint"][0]:
                found = parent
        assert found, self.lines
        return found

    def stop(self):
        """As an engine does; returns the status."""
        os.kill(self.pid(), getattr(signal, self.config["StopSignal"]))
        return self.process.wait(PATIENCE)

    def remove(self):
        if self.process and self.process.poll() is None:
            os.kill(self.pid(), signal.SIGKILL)
            self.process.wait(PATIENCE)
        buildah("rm", self.name)


@pytest.fixture
def container():
    """container(**settings): one that is not started yet."""
    made = []

    def make(**how):
        made.append(Container(**how))
        return made[-1]

    yield make
    for one in made:
        one.remove()
