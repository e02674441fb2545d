# SPDX-License-Identifier: MIT
"""A deploy that is interrupted, or killed, in any of its steps leaves something that works, and loses no connection. Each step
is held up by something that a test can let go again."""

import signal

import pytest

from proxied import INTERRUPTED
from test_deploy_failures import ALWAYS_BLUE, move_socket, no_handoff_socket, stranger

GATE = "/bin/sh -c 'echo >/run/reached; read x </run/gate'"


class Hold:
    """What holds a step up; reached() returns when it does."""

    before = None  # the step whose end is in the journal when this one begins

    def __init__(self, host):
        self.host = host
        host.sh("mkfifo /run/reached /run/gate")
        self.prepare()

    def prepare(self):
        raise NotImplementedError

    def reached(self):
        if self.before:
            self.host.wait_journal("-t", "wsctl", f"WS_DEPLOY_STEP={self.before}")
        else:
            self.host.sh("cat /run/reached")

    def drop_in(self, unit, line):
        self.host.write(f"/etc/systemd/system/{unit}.d/hold.conf", f"[Service]\n{line}\n")
        self.host.systemctl("daemon-reload")

    def release(self):
        """What goes on or back now meets nothing, and nor does whoever waits at the gate, or comes there later."""
        self.host.sh("rm -f /etc/systemd/system/*.d/hold.conf; systemctl daemon-reload; [ -p /run/gate ] || exit 0; "
                     "exec 3<>/run/gate; echo >&3; echo >/run/open; mv /run/open /run/gate")


class Start(Hold):
    def prepare(self):
        self.drop_in("ws@green.service", f"ExecStartPre=+{GATE}")


class Health(Hold):
    before = "start"

    def prepare(self):
        move_socket(self.host, "ws-admin", "ListenStream=/run/ws/green/elsewhere.sock")

    def release(self):
        self.host.sh("rm -r /etc/systemd/system/ws-admin@green.socket.d; systemctl daemon-reload; "
                     "systemctl stop 'ws*@green.*'")


class Smoke(Hold):
    before = "health"

    def prepare(self):
        self.host.write("/etc/ws/ws.env", "SMOKE_OPTIONS=--duration 60s\n")

    def release(self):
        self.host.write("/etc/ws/ws.env", "")


class Switch(Hold):
    def prepare(self):
        self.drop_in("nginx.service", f"ExecReload=\nExecReload={GATE}\nExecReload=/usr/sbin/nginx -s reload")


class Verify(Hold):
    before = "switch"

    def prepare(self):
        self.host.write("/etc/nginx/conf.d/always-blue.conf", ALWAYS_BLUE)
        self.host.systemctl("reload", "nginx")
        self.host.write("/etc/ws/ws.env", "PROXY_URL=http://127.0.0.1:8080/\nPROXY_TIMEOUT=60000\n")

    def release(self):
        self.host.write("/etc/ws/ws.env", "")


class Handoff(Hold):
    """Whoever is to receive says nothing. The one that gives tries for 10 seconds."""

    def prepare(self):
        no_handoff_socket(self.host)
        stranger(self.host, "echo >/run/reached; read x </run/gate")

    def release(self):
        self.host.sh("systemctl stop stranger.socket stranger.service; "
                     "rm -r /etc/systemd/system/ws-handoff@green.socket.d; systemctl daemon-reload; "
                     "systemctl stop 'ws*@green.*'")


class Stop(Hold):
    def prepare(self):
        self.drop_in("ws@blue.service", f"ExecStop=+{GATE}")


HOLDS = {hold.__name__.lower(): hold for hold in (Start, Health, Smoke, Switch, Verify, Handoff, Stop)}


@pytest.mark.parametrize("step", [step for step in HOLDS if step not in ("handoff", "stop")])
def test_interrupted(proxied, step):
    """All is as it was before."""
    hold = HOLDS[step](proxied.host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        deploy.send(signal.SIGINT)
        if step == "switch":  # a proxy that is reloading is not interrupted
            hold.release()
        status, said = deploy.wait()
    assert status == INTERRUPTED, said
    hold.release()
    assert "interrupted" in said and "all is as it was before" in said
    proxied.check_serves("blue")
    assert proxied.host.run("systemctl", "--failed", "--no-legend").strip() == ""


def test_interrupted_while_it_looks(proxied):
    """Before the first step it asks nginx, which takes its time here: no answer is not the answer no."""
    host = proxied.host
    host.write("/usr/local/sbin/nginx", "#!/bin/sh\necho >/run/reached\nread x </run/gate\n")
    host.sh("chmod +x /usr/local/sbin/nginx; mkfifo /run/gate /run/reached")
    for words in (("deploy", "green"), ("status",)):
        with proxied.begin(*words) as deploy:
            host.sh("cat /run/reached")
            deploy.send(signal.SIGINT)
            status, said = deploy.wait()
        assert (status, said) == (INTERRUPTED, "wsctl: interrupted\n")
    host.sh("rm /usr/local/sbin/nginx")
    proxied.check_serves("blue")


def test_interrupted_in_the_handoff(proxied):
    """It comes to its end first, whatever that is; here it fails."""
    hold = HOLDS["handoff"](proxied.host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        deploy.send(signal.SIGTERM)
        proxied.host.systemctl("stop", "stranger.socket", "stranger.service")
        status, said = deploy.wait()
    assert status in (1, INTERRUPTED) and "all is as it was before" in said, said
    hold.release()
    proxied.check_serves("blue")


def test_interrupted_in_the_last_step(proxied):
    """From there it only goes forwards."""
    hold = HOLDS["stop"](proxied.host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        deploy.send(signal.SIGHUP)
        hold.release()
        status, said = deploy.wait()
    assert status == 0, said
    proxied.check_serves("green")


def test_a_lost_terminal_under_nohup(proxied):
    """What came ignored stays so."""
    hold = HOLDS["start"](proxied.host)
    with proxied.begin_command("nohup", "wsctl", "deploy", "green") as deploy:
        hold.reached()
        deploy.send(signal.SIGHUP)
        hold.release()
        status, said = deploy.wait()
    assert status == 0, said
    proxied.check_serves("green")


@pytest.mark.parametrize("way", ["on", "back"])
@pytest.mark.parametrize("step", HOLDS)
def test_killed(proxied, step, way):
    """Clients are served all the same; the next wsctl says where that was, and goes on, or back."""
    hold = HOLDS[step](proxied.host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        deploy.send(signal.SIGKILL)
        deploy.wait()
    proxied.check_clients()
    last = proxied.status()["lastDeploy"]
    assert (last["outcome"], last["step"]) == ("running", step)
    assert f"cut off in its step {step}" in proxied.wsctl("status")
    hold.release()
    if way == "on":
        proxied.deploy("green", "--no-smoke")
        proxied.check_serves("green")
    else:
        proxied.wsctl("rollback")
        proxied.check_serves("blue")
