# SPDX-License-Identifier: MIT
"""A deploy leads all clients to the other instance, connections included, and nobody is closed or loses a message."""

import json
import signal

from clients import message
from proxied import BUSY, CONFIGURATION, DEPLOY_ENDED, DEPLOY_STEP, FAILED, INTERRUPTED, STEPS, UPSTREAM, start_nginx


def results(done):
    return {step["step"]: step["result"] for step in done["steps"]}


def test_there_and_back_through_nginx(proxied):
    for to in ("green", "blue"):
        done = proxied.deploy(to)
        assert done["outcome"] == "done" and results(done) == dict.fromkeys(STEPS, "ok"), done
        status = proxied.check_serves(to)
        assert (status["lastDeploy"]["to"], status["lastDeploy"]["outcome"]) == (to, "done")


def test_rollback(proxied):
    assert "no deploy to go back from" in proxied.wsctl("rollback", status=FAILED)
    proxied.deploy("green")
    said = proxied.wsctl("rollback")
    assert "skipped" in said and "blue serves" in said
    proxied.check_serves("blue")


def test_transcript_and_journal(proxied):
    host = proxied.host
    lines = proxied.wsctl("deploy", "green").splitlines()
    assert lines[0] == "deploy blue to green, 10 connections, proxy nginx"
    for n, (step, line) in enumerate(zip(STEPS, lines[1:]), 1):
        assert line.startswith(f"{n}/7  {step}") and " ok " in line and " s  " in line, line
    assert lines[-1].startswith("green serves, after ")
    trail = host.journal("-t", "wsctl", f"MESSAGE_ID={DEPLOY_STEP}")
    assert [(entry["WS_DEPLOY_STEP"], entry["WS_DEPLOY_RESULT"]) for entry in trail] == [(step, "ok") for step in STEPS]
    assert {(entry["WS_DEPLOY_FROM"], entry["WS_DEPLOY_TO"]) for entry in trail} == {("blue", "green")}
    assert all(entry["WS_DEPLOY_MS"].isdigit() for entry in trail)
    ended, = host.journal("-t", "wsctl", f"MESSAGE_ID={DEPLOY_ENDED}")
    assert ended["WS_DEPLOY_RESULT"] == "done"


def test_dry_run_does_nothing(proxied):
    before = proxied.host.sh(f"cat {UPSTREAM}")
    said = proxied.wsctl("deploy", "green", "--dry-run")
    for step in STEPS:
        assert f"{step} " in said
    assert "would" in said and "start ws@green" in said and "have blue hand its 10 connections over to green" in said
    assert proxied.host.sh(f"cat {UPSTREAM}") == before
    assert proxied.check_serves("blue")["lastDeploy"] is None


def test_what_serves_already_is_left_alone(proxied):
    proxied.deploy("green")
    pid = proxied.host.main_pid("ws@green.service")
    assert proxied.deploy("green")["outcome"] == "nothing to do"
    assert "wsctl restart green" in proxied.wsctl("deploy", "green")
    assert proxied.host.main_pid("ws@green.service") == pid
    proxied.check_serves("green")


def test_first_deploy_of_all(machine):
    """Nothing runs, and the proxy leads to blue: green is started, and there is nothing to hand over or to stop."""
    host = machine(kind="proxy-tree")
    start_nginx(host)
    done = json.loads(host.run("wsctl", "deploy", "green", "--json"))
    assert results(done) == {**dict.fromkeys(STEPS, "ok"), "handoff": "skipped"}, done
    assert host.living("alice", port=80).greeting["instance"] == "green"


def test_target_that_runs_unused_takes_up_its_configuration(proxied):
    host = proxied.host
    host.systemctl("start", "ws@green")
    host.set("green", HEARTBEAT_INTERVAL=7000)
    proxied.deploy("green")
    proxied.check_serves("green")
    assert host.living("new", port=80).greeting["heartbeatInterval"] == 7000


def test_without_handoff_clients_come_back_with_their_sessions(proxied):
    done = proxied.deploy("green", "--no-handoff")
    assert done["outcome"] == "done", done
    assert "10 told to come back" in next(step["detail"] for step in done["steps"] if step["step"] == "handoff")
    again = []
    for n, client in enumerate(proxied.clients):
        goodbye = client.recv()
        assert (goodbye["type"], goodbye["reconnect"]) == ("goodbye", True)
        assert client.wait_closed() == 1012
        again.append(proxied.host.living(f"c{n}", port=80, query=f"?session={client.greeting['session']}"))
        assert (again[-1].greeting["instance"], again[-1].greeting["resumed"], again[-1].greeting["count"]) == \
            ("green", True, proxied.count)
    proxied.clients = again
    proxied.check_serves("green")


def test_two_deploys_at_once(proxied):
    """The second refuses, and says who is at work."""
    host = proxied.host
    proxied.host.write("/etc/ws/ws.env", "SMOKE_OPTIONS=--duration 20s\n")
    with proxied.begin("deploy", "green") as first:
        host.wait_journal("-t", "wsctl", "WS_DEPLOY_STEP=health")
        said = proxied.wsctl("deploy", "green", status=BUSY)
        assert "another wsctl is at work: deploy green, process" in said
        assert "deploy green" in proxied.wsctl("switch", "green", status=BUSY)
        assert "deploy green" in proxied.status()["atWork"]
        others = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
        said = host.run(*others, "wsctl", "status")
        assert "is in its step" in said and "ask as root" in said, said
        # a lock that others could take would let anybody on the machine keep deploys away
        assert "Permission denied" in host.run(*others, "flock", "-n", "-s", "/run/wsctl.lock", "true", check=False)
        first.send(signal.SIGTERM)
        assert first.wait()[0] == INTERRUPTED
    proxied.check_serves("blue")


def test_switch_alone(proxied):
    host = proxied.host
    assert "green is not ready for clients" in proxied.wsctl("switch", "green", status=FAILED)
    host.systemctl("start", "ws@green")
    proxied.wsctl("switch", "green")
    assert host.living("new", port=80).greeting["instance"] == "green"
    proxied.check_clients()
    assert proxied.status()["instances"]["blue"]["connections"] == 10


def test_by_a_script_of_the_operators(proxied):
    """Here it does what wsctl does for NGINX."""
    host = proxied.host
    host.write("/usr/local/bin/ws-switch", f"""#!/bin/sh
set -e
case $1 in
current) sed -n 's/.*server \\(.*\\);.*/\\1/p' {UPSTREAM} ;;
switch) [ ! -e /var/tmp/broken ] || {{ echo "the operator's own reason" >&2; exit 3; }}
	echo "upstream ws {{ server $3; }} # $2" >{UPSTREAM}; systemctl reload nginx ;;
esac
""")
    host.sh("chmod 755 /usr/local/bin/ws-switch")
    host.write("/etc/ws/ws.env", "PROXY=script:/usr/local/bin/ws-switch\n")
    assert proxied.deploy("green")["outcome"] == "done"
    proxied.check_serves("green")
    host.write("/var/tmp/broken", "")
    said = proxied.wsctl("deploy", "blue", status=FAILED)
    assert "ended with status 3" in said and "the operator's own reason" in said
    proxied.check_serves("green")


def test_without_a_proxy(machine):
    host = machine()
    host.systemctl("enable", "--now", "ws@blue")
    alice = host.living("alice")
    assert "PROXY=none" in host.run("wsctl", "deploy", "green", check=False)
    host.write("/etc/ws/ws.env", "PROXY=none\n")
    done = json.loads(host.run("wsctl", "deploy", "green", "--json"))
    assert results(done) == {**dict.fromkeys(STEPS, "ok"), "switch": "skipped", "verify": "skipped"}, done
    assert alice.ask(message())["count"] == 1
    assert host.show("ws@blue.service", "ActiveState") == "inactive"


def test_bad_settings_are_named(proxied):
    host = proxied.host
    for text, said in (("PROXY=apache", 'PROXY="apache": auto, nginx, traefik, script:'),
                       ("PROXY_URL=ftp://x/", "PROXY_URL="), ("PROXY_TIMEOUT=1", "a number of milliseconds"),
                       ("nonsense", "/etc/ws/ws.env:1: not of the form NAME=value")):
        host.write("/etc/ws/ws.env", text + "\n")
        assert said in proxied.wsctl("status", status=CONFIGURATION)
    host.write("/etc/ws/ws.env", "")
    proxied.check_serves("blue")
