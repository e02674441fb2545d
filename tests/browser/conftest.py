# SPDX-License-Identifier: MIT
"""The fixtures of tests/system, and a browser for all scenarios."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
SYSTEM = Path(__file__).resolve().parents[1] / "system"
sys.path[:0] = [str(Path(__file__).parent), str(SYSTEM)]


from browser import Browser, start_chromium  # noqa: E402  (after sys.path)


def pytest_configure(config):
    """Their conftest.py, by a name of its own, since this file is called so too."""
    spec = importlib.util.spec_from_file_location("system_conftest", SYSTEM / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, "system_conftest")


@pytest.fixture(scope="session")
def chromium():
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium, request, start):
    """At the scenario's end, before the servers stop (hence `start`), the console has said nothing that was not expected,
    and the policy was never broken."""
    one = Browser(chromium)
    yield one
    report = getattr(request.node, "report_call", None)
    if report and report.passed:
        one.check_clean()
    else:
        chromium.get("about:blank")


@pytest.fixture
def page(browser, wsd):
    """The client of a wsd with the tests' usual settings."""
    return browser.open(wsd)
