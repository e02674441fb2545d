# SPDX-License-Identifier: MIT
"""The figures of /metrics, to be compared before and after."""

import re
import time

from clients import http
from process import PATIENCE


def read(daemon):
    """{'name{labels}': value} of all samples."""
    response = http(daemon.admin_port, "/metrics")
    assert response.status == 200, response.status
    return parse(response.body.decode())


def parse(text):
    samples = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, value = re.fullmatch(r"(.+?) ([^ ]+)", line).groups()
        assert name not in samples, f"{name} twice"
        samples[name] = float(value)
    return samples


def gained(before, after):
    """What has changed, without what changes by itself."""
    names = before.keys() | after.keys()
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in changes.items() if change and not name.startswith("process_")}


def wait_paused(daemon, n):
    """Until n connections are not read from, since their clients do not take what they were sent."""
    deadline = time.monotonic() + PATIENCE
    while read(daemon)["websocket_connections_paused"] != n:
        assert time.monotonic() < deadline, f"not {n} paused in {PATIENCE:.0f} s\n{daemon.text()}"
