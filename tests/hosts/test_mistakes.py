# SPDX-License-Identifier: MIT
"""What goes wrong at three in the morning: each tool says what it is and what to do, and makes nothing worse."""

import json
import re
import signal

import pytest

from clients import message
from proxied import CONFIGURATION, FAILED, USAGE, Running


def break_restart(host):
    host.set(HEARTBEAT_INTERVAL="soon")
    assert host.systemctl("restart", "ws@blue", check=False).status != 0


WHY = 'HEARTBEAT_INTERVAL="soon": a number of milliseconds from 100 to 3600000 is needed'


def test_status_says_why_an_instance_failed(proxied):
    break_restart(proxied.host)
    assert (f"\nblue: {WHY}\n  see: journalctl -u ws@blue -n 20\n  connections of its clients wait for it to start\n"
            "  put that right: it is tried again every few seconds, and at once by wsctl restart blue\n"
            in proxied.wsctl("status"))
    status = proxied.status()
    assert (status["instances"]["blue"]["state"], status["instances"]["blue"]["failure"]) == ("failing", WHY)
    assert "failure" not in status["instances"]["green"]
    proxied.host.set()
    assert "blue: started in " in proxied.wsctl("restart", "blue")
    assert "failure" not in proxied.status()["instances"]["blue"]
    proxied.check_clients()


def test_stop_ends_what_cannot_start(host):
    """Though clients wait at its sockets, who would start it again."""
    host.systemctl("start", "ws@blue")
    break_restart(host)
    waiting = [host.raw() for _ in range(5)]
    assert host.run("wsctl", "stop", "blue") == "blue is stopped, and its sockets are closed; systemctl start ws@blue\n"
    for raw in waiting:
        raw.read_end()
    for unit in ("ws@blue.service", "ws@blue.socket", "ws-admin@blue.socket", "ws-handoff@blue.socket"):
        assert host.show(unit, "ActiveState") in ("inactive", "failed"), unit
    assert host.run("systemctl", "list-jobs", "--no-legend").strip() in ("", "No jobs running.")


def test_status_tells_of_a_start_that_hangs(proxied):
    host = proxied.host
    host.write("/etc/systemd/system/ws@blue.service.d/hang.conf",
               "[Service]\nExecStart=\nExecStart=/usr/bin/sleep infinity\nExecPaths=/usr/bin/sleep\n")
    host.systemctl("daemon-reload")
    host.systemctl("restart", "--no-block", "ws@blue")
    while host.show("ws@blue.service", "ActiveState") != "activating":
        pass
    said = proxied.wsctl("status")
    assert re.search(r"\nblue: it has been starting for \d+ s, and is given up after 30\n  see: journalctl -u ws@blue -n 20\n"
                     r"  connections of its clients wait for it to start\n", said), said
    assert proxied.status()["instances"]["blue"]["state"] == "starting"
    host.sh("rm /etc/systemd/system/ws@blue.service.d/hang.conf; systemctl daemon-reload; systemctl restart ws@blue")
    proxied.check_clients()


def test_status_tells_of_a_closed_socket(proxied):
    """Whatever closed it: the instance serves on, but a restart would leave clients refused meanwhile, if it was not opened."""
    host = proxied.host
    host.systemctl("stop", "ws@blue.socket")
    assert "\nblue: ws@blue.socket is closed (inactive)\n  to open it: wsctl restart blue\n" in proxied.wsctl("status")
    assert proxied.status()["instances"]["blue"]["closedSockets"] == ["ws@blue.socket is closed (inactive)"]
    proxied.wsctl("restart", "blue")
    assert proxied.status()["instances"]["blue"]["closedSockets"] == []
    proxied.check_clients()


def test_status_starts_nothing_through_the_proxy(proxied):
    """The sockets of one that was stopped are still up, and the proxy leads to them."""
    host = proxied.host
    host.systemctl("stop", "ws@blue.service")
    for _ in range(2):
        assert "at http://127.0.0.1/: not asked, since that would start blue" in proxied.wsctl("status")
    assert proxied.status()["proxy"]["answers"] is None
    assert host.show("ws@blue.service", "ActiveState") == "inactive"
    assert host.show("ws@blue.socket", "ActiveState") == "active"


def test_deploy_forgets_no_connections_that_wait(proxied):
    """blue was restarted with a bad configuration: what it parked is nobody else's, and a deploy does not know of it."""
    host = proxied.host
    break_restart(host)
    said = proxied.wsctl("deploy", "green", status=FAILED)
    assert f"ws@blue does not run (failing, {WHY}), and may hold connections of its clients" in said
    assert "wsctl restart blue, or give them up with --no-handoff" in said
    assert "--no-handoff" in proxied.wsctl("deploy", "green", "--dry-run", status=FAILED)
    assert host.show("ws@green.service", "ActiveState") == "inactive"
    host.set()
    host.systemctl("start", "ws@blue")
    proxied.check_clients()
    break_restart(host)
    proxied.wsctl("deploy", "green", "--no-handoff")
    for client in proxied.clients:
        assert client.wait_closed() == 1006
    assert host.show("ws@blue.service", "NFileDescriptorStore") == "0"
    proxied.clients.clear()
    proxied.check_serves("green")


def test_deploy_waits_for_a_restart_that_is_under_way(proxied):
    """Else blue would not run when it is looked at, and be stopped when it runs again, with all its clients."""
    host = proxied.host
    host.write("/etc/systemd/system/ws@blue.service.d/slow.conf", "[Service]\nExecStartPre=/usr/bin/sleep 2\nExecPaths=/usr/bin/sleep\n")
    host.systemctl("daemon-reload")
    with Running(host, "systemctl", "restart", "ws@blue") as restart:
        while host.show("ws@blue.service", "ActiveState") == "active":
            pass
        done = proxied.deploy("green")
        assert restart.wait()[0] == 0
    detail, = (step["detail"] for step in done["steps"] if step["step"] == "handoff")
    assert detail.startswith("10 moved"), done
    proxied.check_serves("green")


def test_bad_settings_do_not_hide_the_instances(proxied):
    host = proxied.host
    host.write("/etc/ws/ws.env", "PROXY=ngnix\n")
    why = '/etc/ws/ws.env: PROXY="ngnix": auto, nginx, traefik, script:/PATH/OF/PROGRAM or none is needed'
    said = proxied.wsctl("status", status=CONFIGURATION)
    assert "serving" in said and f"proxy: not known ({why})" in said
    status = json.loads(proxied.wsctl("status", "--json", status=CONFIGURATION))
    assert status["instances"]["blue"]["connections"] == 10
    assert (status["proxy"]["kind"], status["proxy"]["reason"]) == (None, why)
    assert len(json.loads(proxied.wsctl("connections", "--json"))["connections"]) == 10
    assert f"wsctl: {why}" in proxied.wsctl("deploy", "green", status=CONFIGURATION)
    host.write("/etc/ws/ws.env", "LOG_LEVEL=info\nPROXY nginx\n")
    assert "/etc/ws/ws.env:2: not of the form NAME=value" in proxied.wsctl("status", status=CONFIGURATION)


def test_secret_settings_are_for_root(host):
    """operating.md says chmod 600 where ADMIN_TOKEN is in there; the group ws can still do what it may."""
    host.systemctl("start", "ws@blue")
    host.sh("chmod 600 /etc/ws/ws.env; useradd -m -G ws member")
    for words in (("log-level", "blue", "notice"), ("connections",), ("accept", "blue", "on")):
        host.run("setpriv", "--reuid=member", "--regid=member", "--init-groups", "wsctl", *words)
    said = host.run("setpriv", "--reuid=member", "--regid=member", "--init-groups", "wsctl", "status")
    assert "serving" in said and "proxy: not known (/etc/ws/ws.env: Permission denied)" in said


@pytest.mark.parametrize("unit", ["ws@green.service", "ws@green.socket"])
def test_masked(proxied, unit):
    proxied.host.systemctl("mask", unit)
    assert proxied.status()["instances"]["green"]["state"] == "masked"
    said = proxied.wsctl("deploy", "green", status=FAILED)
    assert f"{unit} is masked; systemctl unmask {unit} takes that back" in said
    proxied.check_clients()


def test_the_way_out_is_one_that_works(proxied):
    """The file leads to blue, which is stopped, and the proxy still to green: not wsctl switch blue."""
    proxied.deploy("green")
    proxied.host.sh("cp /usr/share/wsd/nginx/upstream.conf /var/lib/ws/nginx/upstream.conf")
    assert "it has not taken up its last switch: wsctl switch green" in proxied.wsctl("status")
    proxied.wsctl("switch", "green")
    proxied.check_serves("green")


def test_port_in_use(proxied):
    """It is not the service that is at fault but its socket, whose own log says so."""
    host = proxied.host
    with Running(host, "socat", "TCP-LISTEN:3002,bind=127.0.0.1,fork", "/dev/null") as other:
        while "127.0.0.1:3002" not in host.run("ss", "-Hltn"):
            pass
        why = ("127.0.0.1:3002, the address of ws@green.socket, is in use by another program: "
               "ss -Hltnp 'sport = :3002' names it")
        assert why in proxied.wsctl("deploy", "green", status=FAILED)
        assert why in proxied.wsctl("deploy", "green", "--dry-run", status=FAILED)
        assert why in proxied.wsctl("check", "green", status=FAILED)
        assert host.show("ws@green.service", "ActiveState") == "inactive"
        assert "pid=" in host.run("ss", "-Hltnp", "sport = :3002")
        assert host.systemctl("start", "ws@green", check=False).status != 0
        said = proxied.wsctl("status")
        assert "\ngreen: no socket for 0.0.0.0 port 3001 was passed in (is the port in use?): systemctl status ws@green.socket" in said
        assert "\ngreen: ws@green.socket is closed (resources); see: systemctl status ws@green.socket\n" in said
        proxied.wsctl("stop", "green")
        other.send(signal.SIGTERM)
        other.wait()
    host.systemctl("reset-failed")
    proxied.check_serves("blue")
    proxied.deploy("green")
    proxied.check_serves("green")


def test_settings_without_effect_are_told(host):
    host.set(MAX_CONECTIONS=5, PORT=8080)
    host.systemctl("start", "ws@blue")
    said = host.systemctl("status", "ws@blue")
    assert "MAX_CONECTIONS is no variable of wsd, and has no effect: is MAX_CONNECTIONS meant?" in said
    assert "PORT is not used, since a socket is passed in: the address is that of the public socket unit" in said
    assert host.client("alice").ask(message())["count"] == 1


def test_reading_only_the_beginning(host):
    """As `wsctl connections --all | head -1` does."""
    host.systemctl("start", "ws@blue")
    clients = [host.living(f"c{n}") for n in range(20)]
    said = host.run("bash", "-c", "wsctl connections --all | head -1; wsctl status --json | jq -r .instances.blue.state")
    assert said.splitlines()[0].split()[:2] == ["ID", "INSTANCE"] and said.splitlines()[1:] == ["serving"]
    full = host.run("bash", "-c", "wsctl connections >/dev/full", check=False)
    assert (full.status, full) == (FAILED, "wsctl: standard output could not be written: No space left on device\n")
    for words, why in ((("connections", "--client=127.0.0.1/8"), "the beginning of an address, such as 192.0.2."),
                       (("connections", "--prefix=a b"), "--prefix=a b: 1 to 128 of"),
                       (("log-level", "blue", "loud"), "log-level blue loud: error, warn, notice, info or debug")):
        wrong = host.run("wsctl", *words, check=False)
        assert wrong.status == USAGE and why in wrong
    assert clients[0].ask(message())["count"] == 1
