# SPDX-License-Identifier: MIT
"""Instances of wsd that run beside each other, as blue and green do, and hand their connections over."""

import json
import time
from pathlib import Path

from clients import http
from process import PATIENCE, Unit, listener


class Instances:
    """Blue, green and so on: each with its sockets in a folder of its name."""

    def __init__(self, start, directory):
        self.start, self.directory = start, directory
        self.units = {}
        self.running = {}

    def __call__(self, name, **settings):
        if name not in self.units:
            self.make_sockets(name, listener())
        self.running[name] = self.start(unit=self.units[name], INSTANCE=name, HANDOFF_DIR=self.directory,
                                        **{"PARKING": "off", **settings})
        return self.running[name]

    def make_sockets(self, name, public):
        folder = Path(self.directory) / name
        folder.mkdir()
        self.units[name] = Unit([("public", public), ("admin", listener()), ("admin", listener("unix", folder, "admin")),
                                 ("handoff", listener("seqpacket", folder, "handoff"))])

    def socket(self, name):
        return f"{self.directory}/{name}/handoff.sock"

    def api(self, name, method, path, body=None):
        headers = [("Content-Type", "application/json")] if body is not None else []
        return http(f"{self.directory}/{name}/admin.sock", path, method, headers,
                    body=json.dumps(body).encode() if body is not None else b"")

    def begin(self, source, to, **how):
        response = self.api(source, "POST", "/api/v1/handoff", {"to": to, **how})
        assert response.status == 202, (response.status, response.body)
        return response.json

    def state(self, source):
        return self.api(source, "GET", "/api/v1/handoff").json

    def over(self, source):
        state = self.state(source)
        return state["state"] != "running" and state

    def wait_over(self, source, people=None):
        """How it ended; the crowd talks on meanwhile."""
        return (people.pump if people else wait_for)(lambda: self.over(source), "end of the handoff")

    def hand_over(self, source, to, people=None, **how):
        """The whole of it, while the crowd talks on; how it ended."""
        self.begin(source, to, **how)
        return self.wait_over(source, people)

    def close(self):
        for unit in self.units.values():
            unit.close()


def wait_for(found, what):
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < deadline, f"no {what} within {PATIENCE:.0f} s"
    return value
