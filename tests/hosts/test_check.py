# SPDX-License-Identifier: MIT
"""wsctl check and restart: what comes is tried in the unit's own environment, beside the instance, before anything stops."""

import signal

import pytest

from clients import message
from proxied import DONE, FAILED, Running

READY = "ok, version"


@pytest.fixture
def blue(host):
    host.systemctl("enable", "--now", "ws@blue")
    return host


def wsctl(host, *words, status=DONE):
    said = host.run("wsctl", *words, check=False)
    assert said.status == status, f"status {said.status}, not {status}\n{said}\n{host.tail()}"
    return said


def drop_in(host, text, instance="blue"):
    host.write(f"/etc/systemd/system/ws@{instance}.service.d/test.conf", f"[Service]\n{text}\n")
    host.systemctl("daemon-reload")


def check_nothing_is_left(host):
    assert host.sh("ls /run/systemd/system").strip() == ""
    assert host.sh("ls /run/ws-check").strip() == "lock"
    assert host.run("systemctl", "list-units", "--all", "--no-legend", "ws-check*").strip() == ""
    assert host.run("systemctl", "--failed", "--no-legend").strip() == ""


def test_a_good_one(blue):
    alice = blue.living("alice")
    pid = blue.show("ws@blue.service", "MainPID")
    stored = blue.show("ws@blue.service", "NFileDescriptorStore")
    for words in ((), ("blue",), ("green",)):
        assert READY in wsctl(blue, "check", *words)
        check_nothing_is_left(blue)
    assert alice.ask(message())["count"] == 1
    assert (blue.show("ws@blue.service", "MainPID"), blue.show("ws@blue.service", "NFileDescriptorStore")) == (pid, stored)
    assert blue.show("ws@green.socket", "ActiveState") == "inactive"
    assert wsctl(blue, "check").startswith("blue:") and "green" not in wsctl(blue, "check")


def test_restart_does_nothing_with_a_bad_setting(blue):
    alice = blue.living("alice")
    pid = blue.show("ws@blue.service", "MainPID")
    blue.set(HEARTBEAT_INTERVAL="soon")
    said = wsctl(blue, "restart", "blue", status=FAILED)
    assert 'blue: FAILED: HEARTBEAT_INTERVAL="soon": a number of milliseconds from 100 to 3600000 is needed' in said
    assert "blue is not restarted, and nothing was stopped" in said
    assert blue.show("ws@blue.service", "MainPID") == pid
    check_nothing_is_left(blue)
    blue.set()
    assert "1 connections before and 1 after" in wsctl(blue, "restart", "blue")
    assert blue.show("ws@blue.service", "MainPID") != pid
    assert alice.ask(message())["count"] == 1


def test_limits_of_the_unit(blue):
    """As alerts.md advises for WsdConnectionsHigh, without its second half."""
    blue.set(MAX_CONNECTIONS=8000)
    drop_in(blue, "LimitNOFILE=5000")
    assert "raise LimitNOFILE=" in wsctl(blue, "check", "blue", status=FAILED)
    drop_in(blue, "LimitNOFILE=15000")
    assert READY in wsctl(blue, "check", "blue")


def test_credentials_of_the_unit(blue):
    blue.set(AUTH="jwt", JWT_ALGORITHM="HS256")
    assert "a key is needed" in wsctl(blue, "check", "blue", status=FAILED)
    drop_in(blue, "LoadCredential=jwt-key:/etc/ws/jwt.key")
    assert "a credential could not be loaded" in wsctl(blue, "check", "blue", status=FAILED)
    blue.write("/etc/ws/jwt.key", "0123456789abcdef0123456789abcdef")
    blue.sh("chmod 600 /etc/ws/jwt.key")
    assert READY in wsctl(blue, "check", "blue")
    check_nothing_is_left(blue)


def test_remarks(blue):
    blue.set(MAX_CONECTIONS=5)
    said = wsctl(blue, "check")
    assert "blue: remark: MAX_CONECTIONS is no variable of wsd, and has no effect: is MAX_CONNECTIONS meant?" in said
    assert READY in said


def test_restart_of_one_that_is_named_twice(blue):
    before = blue.show("ws@blue.service", "MainPID")
    assert wsctl(blue, "restart", "blue", "blue").count("blue: restarted in ") == 1
    assert blue.show("ws@blue.service", "MainPID") != before


def test_another_program(blue):
    """As a package's script asks before it puts a new one in place."""
    blue.sh("cp /usr/sbin/wsd /usr/local/bin/good; cp /usr/bin/false /usr/local/bin/bad; cp /usr/bin/sleep /usr/local/bin/hangs")
    assert READY in wsctl(blue, "check", "--program=/usr/local/bin/good", "blue")
    assert "it ended with status 1" in wsctl(blue, "check", "--program=/usr/local/bin/bad", "blue", status=FAILED)
    assert "/nowhere: No such file" in wsctl(blue, "check", "--program=/nowhere", "blue", status=FAILED)
    blue.sh("cp /usr/sbin/wsd /root/wsd")
    assert "could not be executed" in wsctl(blue, "check", "--program=/root/wsd", "blue", status=FAILED)
    drop_in(blue, "ExecStart=\nExecStart=/usr/sbin/wsd infinity\nTimeoutStartSec=2")
    assert "it was not ready within 2 s" in wsctl(blue, "check", "--program=/usr/local/bin/hangs", "blue", status=FAILED)
    check_nothing_is_left(blue)


def test_interrupted_and_killed(blue):
    blue.sh("cp /usr/bin/sleep /usr/local/bin/hangs")
    drop_in(blue, "ExecStart=\nExecStart=/usr/sbin/wsd infinity")
    for signo, status in ((signal.SIGINT, 6), (signal.SIGKILL, -9)):
        with Running(blue, "wsctl", "check", "--program=/usr/local/bin/hangs", "blue") as check:
            while blue.show("ws-check@blue.service", "ActiveState") != "activating":
                pass
            check.send(signo)
            assert check.wait()[0] in (status, 128 + abs(status))
        if signo == signal.SIGINT:
            check_nothing_is_left(blue)
    drop_in(blue, "")
    assert READY in wsctl(blue, "check", "blue")
    check_nothing_is_left(blue)


def test_two_at_a_time(blue):
    with Running(blue, "wsctl", "check", "blue") as one, Running(blue, "wsctl", "check", "blue") as other:
        assert one.wait()[0] == 0 and other.wait()[0] == 0
    check_nothing_is_left(blue)


def test_an_instance_that_is_none(blue):
    for command in ("check", "restart"):
        said = wsctl(blue, command, "gren", status=FAILED)
        assert "there is no instance gren (ws@gren.socket has no address); there are: blue green" in said, said
    assert wsctl(blue, "check", "a/b", status=2).endswith("is not the name of an instance such as blue\n")
    blue.write("/etc/systemd/system/ws@violet.socket.d/10-address.conf", "[Socket]\nListenStream=127.0.0.1:3003\n")
    blue.write("/etc/systemd/system/ws-admin@violet.socket.d/10-address.conf", "[Socket]\nListenStream=127.0.0.1:3103\n")
    blue.systemctl("start", "ws@violet")
    said = wsctl(blue, "check")
    assert f"blue: {READY}" in said and f"violet: {READY}" in said
