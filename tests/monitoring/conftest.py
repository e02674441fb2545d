# SPDX-License-Identifier: MIT
"""The fixtures of tests/system with their report in TAP, and a Prometheus for all scenarios."""

import importlib.util
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
SYSTEM = HERE.parent / "system"
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(SYSTEM)]
pytest.register_assert_rewrite("clients", "prom")

from prom import Everything  # noqa: E402  (after sys.path)


def pytest_configure(config):
    """Their conftest.py, by a name of its own, since this file is called so too."""
    spec = importlib.util.spec_from_file_location("system_conftest", SYSTEM / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, "system_conftest")


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """Two instances with a life behind them, and a Prometheus that has watched."""
    everything = Everything(tmp_path_factory.mktemp("live"))
    try:
        everything.begin()
        yield everything
    finally:
        everything.end()
