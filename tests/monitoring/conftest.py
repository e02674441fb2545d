# SPDX-License-Identifier: MIT
"""Fixtures; the report in TAP and the helpers are those of tests/system."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]
pytest.register_assert_rewrite("clients", "prom")

import importlib.util  # noqa: E402  (after sys.path)

from prom import Everything  # noqa: E402
from process import Wsd  # noqa: E402

_spec = importlib.util.spec_from_file_location("system_conftest", HERE.parent / "system" / "conftest.py")
_system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_system)


@pytest.fixture
def start():
    """start(**settings): a running wsd, stopped at the end."""
    daemons = []

    def starter(**how):
        daemons.append(Wsd(**how))
        return daemons[-1]

    yield starter
    for daemon in daemons:
        daemon.stop()
        daemon.cleanup()


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """Two instances with a life behind them, and a Prometheus that has watched."""
    everything = Everything(tmp_path_factory.mktemp("live"))
    try:
        everything.begin()
        yield everything
    finally:
        everything.end()


def pytest_configure(config):
    fd = os.environ.get("WSD_TAP_FD")
    if fd:
        config.pluginmanager.register(_system.Tap(int(fd)), "wsd-tap")
