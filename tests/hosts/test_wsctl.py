# SPDX-License-Identifier: MIT
"""What an operator asks every day: who is connected to which instance, and what the instances do."""

import json
import signal

from clients import message
from proxied import BUSY, FAILED, NO_RIGHTS, UNREACHABLE, USAGE, Running


def wsctl(host, *words, status=0):
    said = host.run("wsctl", *words, check=False)
    assert said.status == status, f"status {said.status}\n{said}"
    return said


def test_status_of_nothing_starts_nothing(host):
    host.systemctl("start", "ws-admin@green.socket")  # which would start green if it was asked
    status = json.loads(wsctl(host, "status", "--json"))
    for name in ("blue", "green"):
        assert (status["instances"][name]["state"], status["instances"][name]["unit"]) == ("stopped", "inactive")
    assert status["proxy"]["kind"] == "none" and status["lastDeploy"] is None
    assert host.show("ws@green.service", "ActiveState") == "inactive"
    said = wsctl(host, "status")
    assert "stopped" in said and "none found; see PROXY in wsd.env(5)" in said


def test_status_of_both(host):
    host.systemctl("start", "ws@blue", "ws@green")
    clients = [host.living("alice"), host.living("bob"), host.living("carol", "green")]
    status = json.loads(wsctl(host, "status", "--json"))["instances"]
    assert (status["blue"]["state"], status["blue"]["connections"]) == ("serving", 2)
    assert (status["green"]["state"], status["green"]["connections"]) == ("serving", 1)
    assert status["blue"]["address"] == "127.0.0.1:3001" and status["green"]["address"] == "127.0.0.1:3002"
    assert status["blue"]["memoryBytes"] > 5000000 and status["blue"]["uptimeSeconds"] >= 0
    host.systemctl("freeze", "ws@green")
    assert json.loads(wsctl(host, "status", "--json"))["instances"]["green"]["state"] == "does not answer"
    host.systemctl("thaw", "ws@green")
    clients[2].ask(message())


def test_status_that_nobody_reads(host):
    """The reason is told, or is none that needs a word."""
    assert host.sh("wsctl status 2>&1 >/dev/full || echo $?") == (
        "wsctl: standard output could not be written: No space left on device\n1\n")
    # a pipe whose reader is gone before it begins
    assert host.sh("mkfifo /tmp/pipe; exec 3<>/tmp/pipe 4>/tmp/pipe 3>&-; wsctl status 2>&1 >&4 || echo $?") == "1\n"


def test_watch_goes_on_until_it_is_interrupted(host):
    host.systemctl("start", "ws@blue")
    with Running(host, "wsctl", "status", "--watch=1", "--json") as watch:
        for _ in range(2):
            assert json.loads(watch.process.stdout.readline())["instances"]["blue"]["state"] == "serving"
        watch.send(signal.SIGINT)
        assert watch.wait()[0] == 0


def test_connections_of_both_in_pages(host):
    host.systemctl("start", "ws@blue", "ws@green")
    clients = [host.living(f"c{n}", ("blue", "green")[n % 2]) for n in range(6)]
    assert clients[0].ask(message())["count"] == 1

    def ids(*words):
        page = json.loads(wsctl(host, "connections", "--json", *words))
        return [c["connectionId"] for c in page["connections"]], page["next"]

    assert ids() == (["c0", "c1", "c2", "c3", "c4", "c5"], None)
    assert ids("--limit=4") == (["c0", "c1", "c2", "c3"], "c3")
    assert ids("--limit=4", "--after=c3") == (["c4", "c5"], None)
    assert ids("--instance", "green") == (["c1", "c3", "c5"], None)
    assert ids("--prefix=c4") == (["c4"], None)
    assert ids("--client=127.0.0.1:") == (["c0", "c1", "c2", "c3", "c4", "c5"], None)
    assert ids("--client=192.0.2.") == ([], None)
    assert ids("--idle=3600") == ([], None)
    text = wsctl(host, "connections", "-n", "2")
    assert "c0" in text and "c1" in text and "c2" not in text and "--after=c1" in text


def test_show_and_disconnect(host):
    host.systemctl("start", "ws@blue", "ws@green")
    alice = host.living("alice", "green")
    alice.ask(message())
    shown = json.loads(wsctl(host, "show", "alice", "--json"))
    assert (shown["instance"], shown["messages"], shown["connectionId"]) == ("green", 1, "alice")
    assert "WS_CONNECTION_ID=alice" in wsctl(host, "show", "alice")
    assert "alice was disconnected from green" in wsctl(host, "disconnect", "alice")
    assert alice.wait_closed() == 1008
    assert "alice is not connected" in wsctl(host, "show", "alice", status=FAILED)
    assert "alice is not connected" in wsctl(host, "disconnect", "alice", status=FAILED)
    assert "make an id" in wsctl(host, "disconnect", "a/b", status=FAILED)


def test_a_third_instance(host):
    host.write("/etc/systemd/system/ws@violet.socket.d/10-address.conf", "[Socket]\nListenStream=127.0.0.1:3003\n")
    host.write("/etc/systemd/system/ws-admin@violet.socket.d/10-address.conf", "[Socket]\nListenStream=127.0.0.1:3103\n")
    host.systemctl("daemon-reload")
    host.systemctl("start", "ws@blue", "ws@violet")
    clients = [host.living("alice"), host.living("bob", port=3003)]
    assert clients[1].ask(message())["count"] == 1
    shown = {c["connectionId"]: c["instance"] for c in json.loads(wsctl(host, "connections", "--json"))["connections"]}
    assert shown == {"alice": "blue", "bob": "violet"}
    assert json.loads(wsctl(host, "show", "bob", "--json"))["instance"] == "violet"
    assert json.loads(wsctl(host, "status", "--json"))["instances"]["violet"]["connections"] == 1
    assert wsctl(host, "status").splitlines()[0].split() == ["blue", "green", "violet"]
    assert "bob was disconnected from violet" in wsctl(host, "disconnect", "bob")
    assert clients[1].wait_closed() == 1008


def test_one_instance_alone(host):
    host.systemctl("start", "ws@blue")
    assert wsctl(host, "log-level", "blue").strip() == "info"
    assert wsctl(host, "log-level", "blue", "debug").strip() == "debug"
    assert "info or debug is needed" in wsctl(host, "log-level", "blue", "loud", status=USAGE)
    wsctl(host, "accept", "blue", "off")
    assert host.raw().handshake("/ws/chat/x").status == 503
    wsctl(host, "accept", "blue", "on")
    alice = host.living("alice")
    wsctl(host, "drain", "blue")
    assert alice.recv()["type"] == "goodbye"
    assert "blue answered 409" in wsctl(host, "drain", "blue", status=BUSY)


def test_handoff_by_hand(host):
    host.systemctl("start", "ws@blue", "ws@green")
    alice = host.living("alice")
    assert "1 moved" in wsctl(host, "handoff", "blue", "green")
    assert alice.ask(message())["count"] == 1
    assert json.loads(wsctl(host, "handoff", "green", "blue", "--json"))["moved"] == 1
    host.sh("systemctl stop 'ws*@green.*'")
    assert "green is not running" in wsctl(host, "handoff", "blue", "green", status=UNREACHABLE)
    assert alice.ask(message())["count"] == 2


def test_wrong_usage(host):
    for line, said in (("deploy violet", "neither blue nor green"),
                       ("handoff blue blue", "two different instances"),
                       ("accept blue maybe", "on or off is needed"),
                       ("drain ../x", "not the name of an instance"),
                       ("connections --prefix=a/b", "1 to 128 of"),
                       ("connections --limit=0", "a number from 1 to 1000"),
                       ("status --dry-run", "status takes no --dry-run")):
        assert said in wsctl(host, *line.split(), status=USAGE)


def test_rights(host):
    """Who is not root may ask systemd; and ask the instances as a member of the group ws."""
    host.systemctl("start", "ws@blue")
    host.sh("useradd -m plain; useradd -m -G ws member")

    def as_user(user, *words, status=0):
        return wsctl_as(host, user, words, status)

    assert "only root may do that" in as_user("member", "deploy", "green", status=NO_RIGHTS)
    assert "only root may do that" in as_user("member", "rollback", status=NO_RIGHTS)
    assert "only root may do that" in as_user("member", "switch", "green", status=NO_RIGHTS)
    assert json.loads(as_user("member", "status", "--json"))["instances"]["blue"]["connections"] == 0
    as_user("member", "log-level", "blue", "notice")
    assert "members of the group ws" in as_user("plain", "log-level", "blue", status=NO_RIGHTS)
    assert "runs (ask as root or group ws)" in as_user("plain", "status")


def wsctl_as(host, user, words, status):
    said = host.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "wsctl", *words, check=False)
    assert said.status == status, f"status {said.status}\n{said}"
    return said
