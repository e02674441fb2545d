# SPDX-License-Identifier: MIT
"""The units: without a warning, closed as far as they can be, and the packages' own tests."""

import pathlib
import re

TESTS = pathlib.Path(__file__).parents[2] / "debian/tests"


def test_verify(host):
    said = host.run("systemd-analyze", "verify", "--man=no", *(f"ws{kind}@{instance}.{suffix}" for instance in ("blue", "green")
                    for kind, suffix in (("", "service"), ("", "socket"), ("-admin", "socket"), ("-handoff", "socket"))))
    assert said == ""


def test_security(host, figure):
    host.systemctl("start", "ws@blue")
    line = host.run("systemd-analyze", "security", "--no-pager", "ws@blue.service").strip().splitlines()[-1]
    exposure = re.search(r"level for ws@blue.service: ([0-9.]+)", line).group(1)
    figure("systemd-analyze security", exposure)
    assert float(exposure) <= 0.5


def test_smoke_test_of_the_package(host):
    """As autopkgtest runs it."""
    for test in ("units", "smoke"):
        host.write(f"/var/tmp/{test}", (TESTS / test).read_text())
        host.run("sh", f"/var/tmp/{test}")
