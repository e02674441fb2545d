# SPDX-License-Identifier: MIT
"""The figures of /metrics, to be compared before and after."""

import re

from clients import http


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
