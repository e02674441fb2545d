# SPDX-License-Identifier: MIT
"""wsctl against real instances, as far as it gets without systemd: what it asks of one over its admin socket, what it says,
and its exit statuses. Those sockets are in /run/ws, where only root can make them; the instances' names are the test's own."""

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clients import http, wait_open
from process import BUILD, PASSED_ON, PATIENCE, TOP, Unit, listener

WSCTL = BUILD / "src" / "wsctl"
RUN = Path("/run/ws")
INSTALLED = Path("/etc/ws").exists()  # then the folder is the package's
NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
NOBODY = 65534

numbers = itertools.count()
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make sockets in /run/ws")


def environment(**more):
    return {k: os.environ[k] for k in PASSED_ON if k in os.environ} | NO_BUS | more


def wsctl(*args, **how):
    return subprocess.run([WSCTL, *args], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=2 * PATIENCE, **how)


def succeeds(*args):
    done = wsctl(*args)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def fails(status, message, *args, **how):
    """One line on standard error, and nothing elsewhere."""
    done = wsctl(*args, **how)
    assert (done.returncode, done.stdout) == (status, ""), done
    assert re.fullmatch(rf"wsctl: {message}\n", done.stderr), done.stderr


def make_folder(name):
    while True:
        RUN.mkdir(mode=0o755, exist_ok=True)
        try:
            (RUN / name).mkdir(mode=0o755)
            return RUN / name
        except FileNotFoundError:
            pass  # another scenario has just removed the folder above


@pytest.fixture
def instance(start):
    """instance(**settings): a running one under a name of its own, which is its `name`."""
    units, names = [], []

    def starter(**settings):
        name = f"t{os.getpid()}-{next(numbers)}"
        names.append(name)
        folder = make_folder(name)
        unit = Unit([("public", listener()), ("admin", listener()), ("admin", listener("unix", folder, "admin")),
                     ("handoff", listener("seqpacket", folder, "handoff"))])
        units.append(unit)
        daemon = start(unit=unit, INSTANCE=name, PARKING="off", **settings)
        daemon.name = name
        return daemon

    yield starter
    for unit in units:
        unit.close()
    for name in names:
        shutil.rmtree(RUN / name)
    if not INSTALLED:
        try:
            RUN.rmdir()
        except OSError:
            pass  # in use by others


# ---------------------------------------------------------------- one instance


@root
def test_log_level(instance):
    wsd = instance(LOG_LEVEL="notice")
    assert succeeds("log-level", wsd.name) == "notice\n"
    assert succeeds("log-level", wsd.name, "debug") == "debug\n"
    wsd.wait_log("log level changes from notice to debug")
    assert succeeds("log-level", wsd.name) == "debug\n"
    fails(2, rf'log-level {wsd.name} lo"ud: error, warn, notice, info or debug is needed', "log-level", wsd.name, 'lo"ud')
    assert succeeds("log-level", wsd.name) == "debug\n"


@root
def test_accept(instance, raw):
    wsd = instance()
    assert succeeds("accept", wsd.name, "off") == f"{wsd.name} refuses new connections with status 503\n"
    assert raw(wsd).handshake().status == 503
    assert succeeds("accept", wsd.name, "on") == f"{wsd.name} lets new connections in\n"
    raw(wsd).open()


@root
def test_drain(instance, client):
    wsd = instance()
    guest = client(wsd)
    said = succeeds("drain", wsd.name)
    assert said == f"{wsd.name} sends its clients away; wsctl accept {wsd.name} on ends that\n"
    assert http(wsd.admin_port, "/readyz").json["reason"] == "draining"
    guest.wait_closed()
    assert succeeds("accept", wsd.name, "on")
    assert http(wsd.admin_port, "/readyz").status == 200


# ---------------------------------------------------------------- two


RULES = {"channel": {"without_namespace": {"history_size": 10, "history_ttl": "1m", "presence": True,
                                           "allow_subscribe_for_client": True}}}


@root
def test_channels(instance, raw, tmp_path):
    rules = tmp_path / "channels.json"
    rules.write_text(json.dumps(RULES))
    blue = instance(CHANNELS_FILE=str(rules))
    client = raw(blue).open()
    client.send_text('{"type":"subscribe","channel":"news"}')
    assert client.read_json()["type"] == "subscribed"
    assert succeeds("channels", blue.name).splitlines()[1].split() == ["news", "1"]
    assert len(succeeds("channels", blue.name, "chat:*").splitlines()) == 1
    assert re.fullmatch(r"published, offset 1 of epoch \w{8}\n", succeeds("publish", blue.name, "news", '{"a": 1}'))
    assert client.read_json()["data"] == {"a": 1}
    succeeds("publish", blue.name, "news", "null")
    assert client.read_json()["data"] is None
    succeeds("publish", blue.name, "news", '"gr\u00fc\u00df"')
    assert client.read_json()["data"] == "gr\u00fc\u00df"
    assert [line.split(maxsplit=1) for line in succeeds("history", blue.name, "news").splitlines()] == [["1", '{"a":1}'], ["2", "null"], ["3", '"gr\u00fc\u00df"']]
    assert json.loads(succeeds("history", blue.name, "news", "--json", "--limit=1"))["publications"][0]["offset"] == 3
    assert len(succeeds("presence", blue.name, "news").splitlines()) == 2
    fails(1, rf"{blue.name}: unknown channel \(code 102\)", "publish", blue.name, "none:1", "1")
    fails(2, "'{' is no JSON, .*", "publish", blue.name, "news", "{")


@root
def test_handoff(instance, crowd):
    one, other = instance(), instance()
    people = crowd(one, 12)
    people.pump_answers()
    with subprocess.Popen([WSCTL, "handoff", one.name, other.name], env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        people.pump(lambda: process.poll() is not None, "end of wsctl")
        said, complained = process.communicate()
    assert (process.returncode, complained) == (0, "")
    assert re.fullmatch(rf"{one.name} to {other.name}: 12 moved, 0 told to come back, in \d+ ms\n", said), said
    people.check_goes_on()
    wait_open(one, 0)
    wait_open(other, 12)


@root
def test_handoff_back_tells_all_in_json(instance, raw):
    one, other = instance(), instance()
    guests = [raw(one) for _ in range(3)]
    for n, guest in enumerate(guests):
        guest.open(f"/ws/chat/{n}")
    for source, to in ((one, other), (other, one)):  # the second goes to one that is in standby
        told = json.loads(succeeds("handoff", "--json", source.name, to.name))
        assert told.pop("milliseconds") >= 0
        assert told == {"from": source.name, "to": to.name, "outcome": "done", "connections": 3, "moved": 3,
                        "toldToComeBack": 0, "kept": 0}
        wait_open(to, 3)


@root
def test_handoff_that_closes(instance, client):
    one, other = instance(), instance()
    guests = [client(one, f"/ws/chat/{n}") for n in range(3)]
    told = json.loads(succeeds("handoff", one.name, other.name, "--close", "--json"))
    assert (told["outcome"], told["moved"], told["toldToComeBack"]) == ("done", 0, 3), told
    for guest in guests:
        guest.wait_closed()


@root
def test_handoff_to_nobody(instance, client):
    one = instance()
    guest = client(one)
    fails(3, r"nobody is not running \(nobody listens on /run/ws/nobody/admin\.sock\)", "handoff", one.name, "nobody")
    guest.ping()


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("args", [("drain",), ("accept", "on"), ("accept", "off"), ("log-level",), ("log-level", "info")],
                         ids=" ".join)
def test_an_instance_that_does_not_run(args):
    name = f"t{os.getpid()}-absent"
    fails(3, rf"{name} is not running \(nobody listens on /run/ws/{name}/admin\.sock\)", args[0], name, *args[1:])


@root
def test_an_instance_that_has_ended(instance):
    wsd = instance()
    wsd.stop()
    wsd.unit.close()
    fails(3, rf"{wsd.name} is not running \(nobody listens on \S+\)", "log-level", wsd.name)


@root
def test_others_may_not(instance):
    wsd = instance()
    try:
        fails(4, r"/run/ws/\S+/admin\.sock is for root and members of the group ws only", "drain", wsd.name, user=NOBODY)
        fails(4, r"deploy: only root may do that \(try sudo wsctl \.\.\.\)", "deploy", "blue", user=NOBODY)
    except PermissionError:
        pytest.skip("others cannot reach the build")


@pytest.mark.parametrize("args", [("drain", "Blue"), ("accept", "..", "on"), ("handoff", "blue", "a/b"), ("log-level", ""),
                                  ("drain", "x" * 33)], ids=str)
def test_what_is_no_name(args):
    fails(2, r"'.*' is not the name of an instance such as blue", *args)


def test_other_wrong_arguments():
    fails(2, "accept blue maybe: on or off is needed", "accept", "blue", "maybe")
    fails(2, "handoff blue blue: two different instances are needed", "handoff", "blue", "blue")
    fails(2, "destroy: there is no such command\nTry 'wsctl --help'.", "destroy")
    fails(2, "a command is needed\nTry 'wsctl --help'.")
    fails(2, "drain takes no --json\nTry 'wsctl drain --help'.", "drain", "blue", "--json")
    fails(2, "drain needs INSTANCE\nTry 'wsctl drain --help'.", "drain")


@pytest.mark.parametrize("args", [("status",), ("connections",), ("show", "x"), ("disconnect", "x")], ids=" ".join)
def test_without_systemd(args):
    fails(3, r"systemd cannot be reached over D-Bus \(.*\)", *args)


# ---------------------------------------------------------------- help


def test_help_and_version():
    assert succeeds("--help").startswith("Usage: wsctl COMMAND")
    assert succeeds("deploy", "-h").startswith("Usage: wsctl deploy [OPTION]... blue|green\n")
    assert succeeds("help") == succeeds("--help")
    assert succeeds("help", "deploy") == succeeds("deploy", "--help")
    fails(2, "destroy: there is no such command\nTry 'wsctl --help'.", "help", "destroy")
    assert re.fullmatch(r"wsctl \d+\.\d+\.\d+\S*\n", succeeds("--version"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_is_lost_is_a_failure():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([WSCTL, "--help"], env=environment(), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"wsctl: standard output could not be written: No space left on device\n"


@pytest.mark.parametrize("line, expected", [
    ("depl", "deploy"),
    ("d", "deploy disconnect drain"),
    ("he", "help"),
    ("help ha", "handoff"),
    ("help deploy ", ""),
    ("deploy ", "blue green"),
    ("deploy --no", "--no-handoff --no-smoke"),
    ("deploy --dry-run g", "green"),
    ("handoff blue ", "blue green"),
    ("accept blue ", "off on"),
    ("accept blue on ", ""),
    ("log-level green ", "debug error info notice warn"),
    ("log-level green de", "debug"),
    ("connections -i ", "blue green"),
    ("nonsense ", ""),
])
def test_completion(line, expected):
    """What bash would offer at the end of the line."""
    script = ('source "$1"; shift; COMP_WORDS=(wsctl "$@"); COMP_CWORD=$#; _wsctl wsctl "${!#}" "${@: -2:1}"; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", TOP / "etc" / "bash-completion" / "wsctl", *line.split(" ")],
                          env=environment(PATH=f"{BUILD / 'src'}:{os.environ['PATH']}"), capture_output=True, text=True,
                          timeout=2 * PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == expected.split()
