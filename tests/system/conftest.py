# SPDX-License-Identifier: MIT
"""Fixtures, and the report in TAP for automake (WSD_TAP_FD)."""

import os
import signal
import sys
import tempfile

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))

from clients import Client, Raw  # noqa: E402  (after sys.path)
from crowd import Crowd  # noqa: E402
from faults import Faults  # noqa: E402
from instances import Instances  # noqa: E402
from process import Unit, Wsd, listener  # noqa: E402


@pytest.fixture
def start(request):
    """start(**settings): a running wsd, with wait=False perhaps not ready yet; at the scenario's end it must stop with status 0 and without a report."""
    daemons = []

    def starter(*, wait=True, **how):
        daemon = Wsd(wait_ready=False, **how)
        daemons.append(daemon)
        if wait:
            daemon.wait_ready()
        return daemon

    yield starter
    try:
        failed = getattr(request.node, "report_call", None)
        for daemon in daemons:
            if daemon.status is None and not (failed and failed.failed):
                daemon.stop()
            daemon.check_reports()
    finally:
        for daemon in daemons:
            daemon.cleanup()


@pytest.fixture
def wsd(start):
    """wsd with the tests' usual settings."""
    return start()


@pytest.fixture
def faults():
    """What is to fail in the daemons of `faulty`."""
    one = Faults()
    yield one
    one.close()


@pytest.fixture
def faulty(start, faults):
    """As start, with calls that can be made to fail."""
    return lambda **how: start(environment=faults.environment, **how)


@pytest.fixture
def unit():
    """A service with a public and an admin socket, whose processes may follow one another."""
    one = Unit([("public", listener()), ("admin", listener())])
    yield one
    one.close()


@pytest.fixture
def instance(start):
    with tempfile.TemporaryDirectory(prefix="wsd-") as directory:
        instances = Instances(start, directory)
        yield instances
        instances.close()


@pytest.fixture
def pair(instance):
    """blue and green, both running."""
    instance("blue")
    instance("green")
    return instance


@pytest.fixture
def crowd():
    """crowd(address, n, ...): many clients at once, closed at the end."""
    crowds = []

    def opener(address, n, **how):
        crowds.append(Crowd(getattr(address, "port", address), n, **how))
        return crowds[-1]

    yield opener
    for one in crowds:
        one.close()


@pytest.fixture
def raw():
    """raw(address): bare sockets, closed at the end."""
    sockets = []

    def opener(address, **how):
        sockets.append(Raw(getattr(address, "port", address), **how))
        return sockets[-1]

    yield opener
    for one in sockets:
        one.sock.close()


@pytest.fixture
def client():
    """client(daemon, path): well-behaved clients, closed at the end."""
    clients = []

    def opener(address, path="/ws/chat/client", **how):
        clients.append(Client(getattr(address, "port", address), path, **how))
        return clients[-1]

    yield opener
    for one in clients:
        one.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    setattr(item, f"report_{report.when}", report)
    if report.failed:
        for daemon in item.funcargs.values():
            if isinstance(daemon, Wsd):
                report.sections.append(("wsd said", daemon.text()))


NAME_MOST = 120


class Tap:
    """One line for each scenario, as soon as it is over, on a descriptor of its own."""

    def __init__(self, fd):
        self.to = os.fdopen(fd, "w", buffering=1)
        self.n = 0
        self.bad = set()

    def line(self, ok, report, more=""):
        self.n += 1
        name = report.nodeid.replace("#", "_").rpartition("/")[2]
        if len(name) > NAME_MOST:
            name = name[:NAME_MOST] + "..."
        self.to.write(f"{'ok' if ok else 'not ok'} {self.n} - {name}{more}\n")

    def pytest_runtest_logreport(self, report):
        if report.failed and report.nodeid not in self.bad:
            self.bad.add(report.nodeid)
            self.line(False, report, "" if report.when == "call" else f" ({report.when})")
        elif report.skipped and report.nodeid not in self.bad:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.bad.add(report.nodeid)
            self.line(True, report, f" # SKIP {reason}")
        elif report.when == "teardown" and report.nodeid not in self.bad:
            self.line(True, report)

    def pytest_collectreport(self, report):
        if report.failed:
            self.n += 1
            self.to.write(f"not ok {self.n} - {report.nodeid} (collect)\n")

    def pytest_sessionfinish(self):
        self.to.write(f"1..{self.n}\n")
        self.to.flush()


def pytest_configure(config):
    # a shell's background job ignores it, and what inherits that goes on ignoring it
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    fd = os.environ.get("WSD_TAP_FD")
    if fd and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tap(int(fd)), "wsd-tap")
