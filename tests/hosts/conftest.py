# SPDX-License-Identifier: MIT
"""Each scenario runs on the releases that `run` has packages for, on a machine of its own that boots in half a second.
`host` has the packages installed; `bare` has all that they depend on, and not them."""

import fcntl
import glob
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import zlib

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system"), str(HERE.parent / "support")]
os.environ.setdefault("WSD_TIME_SCALE", "3")  # nothing of the build tree is looked at
pytest.register_assert_rewrite("clients", "host", "proxied")

from counts import pytest_terminal_summary  # noqa: E402, F401  (a hook)
from host import Host  # noqa: E402
from proxied import Proxied, start_nginx  # noqa: E402

WORK = pathlib.Path(os.environ.get("WSD_HOSTS_WORK", "/nonexistent"))


class Release:
    """A Debian release, the packages that were built on it, and its tree."""

    def __init__(self, suite):
        self.suite = suite
        self.trees = {kind: (WORK / f"{suite}.{kind}").read_text().strip() for kind in ("tree", "proxy-tree")}
        self.packages = self._packages("debs")
        self.previous = self._packages("previous")

    def _packages(self, kind):
        found = {}
        for path in glob.glob(str(WORK / kind / self.suite / "*.deb")):
            found[os.path.basename(path).split("_")[0]] = path
        return found

    def installed(self, kind="tree"):
        """The layer of a machine on which the packages were installed, made once."""
        layer = WORK / f"{self.suite}.{kind}-installed"
        with open(WORK / f"{self.suite}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not layer.exists():
                host = Host(f"{self.suite}-{kind}", WORK / f"{self.suite}-{kind}", [self.trees[kind]])
                host.start()
                host.install(self.packages["wsd"], self.packages["wsd-loadtest"])
                for proxy in ("nginx", "haproxy"):  # scenarios start the one that they are about
                    host.systemctl("disable", proxy, check=False)
                host.stop()
                # the next boot is another machine's
                (host.root / "etc/machine-id").write_text("")
                host.forget_journal()
                os.rename(host.upper, layer)
                host.upper.mkdir()
                host.remove()
        return layer


def pytest_generate_tests(metafunc):
    if "release" in metafunc.fixturenames:
        suites = sorted(path.stem for path in WORK.glob("*.tree"))
        metafunc.parametrize("release", suites, indirect=True, scope="session")


@pytest.fixture(scope="session")
def release(request):
    return Release(request.param)


@pytest.fixture
def machine(request, release):
    """Makes machines that are removed after the test; of one that it failed on, the journal is shown."""
    made = []

    def make(installed=True, boot=True, kind="tree", above=()):
        """above: further layers, over all others."""
        name = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_").lower())[:30].strip("-")
        # of one scenario there may be several at a time, with other parameters
        name = f"{name}-{release.suite}-{zlib.crc32(request.node.name.encode()):08x}-{len(made)}"
        host = Host(name, WORK / name, [*above, *([release.installed(kind)] if installed else []), release.trees[kind]])
        made.append(host)
        if boot:
            host.start()
        return host

    yield make
    for host in made:
        if request.node.stash.get(FAILED, False) and host.leader:
            print(f"--- journal of {host.name}\n{host.tail()}")
        host.remove()


@pytest.fixture(scope="session")
def traefik():
    """A layer with Traefik, as far as it was built; Debian has none."""
    built = subprocess.run([HERE.parent / "tools/traefik/build", "--cached"], capture_output=True, text=True)
    if built.returncode != 0:
        pytest.skip(built.stderr.strip())
    layer = WORK / "traefik-layer"
    with open(WORK / "traefik.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not layer.exists():
            (WORK / "traefik-part/usr/local/bin").mkdir(parents=True)
            shutil.copy(built.stdout.strip(), WORK / "traefik-part/usr/local/bin")
            os.rename(WORK / "traefik-part", layer)
    return layer


@pytest.fixture
def host(machine):
    return machine()


@pytest.fixture
def proxied(machine):
    """With NGINX in front of blue, and clients; a file with other proxies has one of its own."""
    host = machine(kind="proxy-tree")
    start_nginx(host)
    return Proxied(host)


@pytest.fixture
def bare(machine):
    return machine(installed=False)


FAILED = pytest.StashKey()


def pytest_configure():
    # `run` has it ignored, as a shell's background job, and what is started on a machine would respect that
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.stash[FAILED] = True


@pytest.fixture
def figure(release):
    """figure(what, value): shown by `run` at the end."""

    def note(what, value):
        with open(WORK / "figures", "a") as out:
            out.write(f"{release.suite}: {what}: {value}\n")

    return note
