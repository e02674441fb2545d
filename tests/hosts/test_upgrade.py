# SPDX-License-Identifier: MIT
"""apt upgrade and downgrade: instances that run are restarted and keep their clients, stopped ones stay stopped,
settings and sockets stay."""

import shutil
import signal
import subprocess

import pytest

from clients import message
from crowd import Crowd
from host import STARTED
from packages import EXITS, FAILS_WITH_CONNECTIONS, HANGS, broken, later
from proxied import Running


def replaced(host, package, options=()):
    """Installs package over what is there, while clients connect all the time."""
    host.systemctl("start", "ws@blue.socket")
    alice = host.living("alice")
    assert alice.ask(message())["count"] == 1
    starts = len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}"))
    with Crowd(host) as crowd:
        host.install(package, options=options)
    crowd.check(restarts=1)
    assert alice.ask(message())["count"] == 2
    alice.close()
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}")) == starts + 1
    assert host.show("ws@green.service", "ActiveState") == "inactive"
    assert host.sh("cat /etc/ws/blue.env") == "RATE_LIMIT_CONNECT=0\n"


def test_upgrade_and_downgrade(bare, release):
    bare.install(release.previous["wsd"])
    bare.set(RATE_LIMIT_CONNECT=0)
    before = bare.run("dpkg-query", "-W", "-f", "${Version}", "wsd")
    replaced(bare, release.packages["wsd"])
    after = bare.run("dpkg-query", "-W", "-f", "${Version}", "wsd")
    assert bare.run("dpkg", "--compare-versions", before, "lt", after, check=False).status == 0
    replaced(bare, release.previous["wsd"], ["--allow-downgrades"])
    assert bare.run("dpkg-query", "-W", "-f", "${Version}", "wsd") == before


def test_upgrade_with_a_bad_configuration(bare, release):
    """It is found before anything stops, and does not fail the upgrade."""
    bare.install(release.previous["wsd"])
    bare.systemctl("start", "ws@blue")
    alice, pid = bare.living("alice"), bare.main_pid()
    bare.set(WORKERS="all")
    said = bare.install(release.packages["wsd"])
    assert 'WORKERS="all": a number from' in said and "blue is not restarted, and nothing was stopped" in said, said
    assert bare.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "wsd") == "installed"
    assert bare.main_pid() == pid
    assert alice.ask(message())["count"] == 1
    bare.set()
    assert "1 connections before and 1 after" in bare.run("wsctl", "upgrade")
    assert alice.ask(message())["count"] == 2
    assert bare.run("wsctl", "upgrade").startswith("there is nothing to do: 0.1.0-")


def program(host, instance="blue"):
    """What runs, by its process."""
    return host.run("readlink", f"/proc/{host.show(f'ws@{instance}.service', 'MainPID')}/exe").strip()


@pytest.mark.parametrize("fault,reason", [(EXITS, "it ended with status 1"), (HANGS, "it was not ready within 3 s")],
                         ids=["exits", "hangs"])
def test_broken_package(host, release, tmp_path, fault, reason):
    """There is no proxy: the program is tried beside the instance, which serves on."""
    host.write("/etc/systemd/system/ws@.service.d/quick.conf", "[Service]\nTimeoutStartSec=3\n")
    host.systemctl("daemon-reload")
    host.systemctl("enable", "--now", "ws@blue")
    alice, pid, before = host.living("alice"), host.main_pid(), program(host)
    said = host.install(broken(release.packages["wsd"], tmp_path, fault))
    assert reason in said and "blue is not restarted, and nothing was stopped" in said, said
    assert host.main_pid() == pid
    assert alice.ask(message())["count"] == 1
    host.systemctl("restart", "ws@blue")
    assert program(host) == before
    assert alice.ask(message())["count"] == 2
    said = host.install(later(release.packages["wsd"], tmp_path, "+repaired"))
    assert "1 connections before and 1 after" in said, said
    assert "+repaired-" in program(host)
    assert host.run("readlink", "/var/lib/ws/programs/green").strip() + "/wsd" == program(host)
    said = host.run("wsctl", "rollback")
    assert program(host) == before, said
    assert alice.ask(message())["count"] == 3
    assert host.run("readlink", "/var/lib/ws/programs/green").strip() + "/wsd" == before


def test_package_that_mends(host, release, tmp_path):
    """An instance that does not start with what it has gets the new program, and its connections wait for that."""
    host.systemctl("enable", "--now", "ws@blue")
    alice = host.living("alice")
    host.sh("mkdir /usr/lib/wsd/programs/bad; cp /usr/bin/false /usr/lib/wsd/programs/bad/wsd; "
            "ln -sfn /usr/lib/wsd/programs/bad /var/lib/ws/programs/blue")
    host.systemctl("restart", "ws@blue", check=False)
    said = host.install(later(release.packages["wsd"], tmp_path))
    assert "blue: ok" in said and "+later-" in program(host), said
    assert alice.ask(message())["count"] == 1


def test_program_that_fails_with_connections_only(host, release, tmp_path):
    """It passes the trial, and not the restart: the connections wait, and the former program takes them up."""
    host.systemctl("enable", "--now", "ws@blue")
    alice, before = host.living("alice"), program(host)
    host.sh(f"mkdir /usr/lib/real; cp {before} /usr/lib/real/wsd")
    said = host.install(broken(release.packages["wsd"], tmp_path, FAILS_WITH_CONNECTIONS))
    assert "blue: ok" in said and "blue runs its former program again" in said, said
    assert program(host) == before
    assert alice.ask(message())["count"] == 1


def test_without_systemd(machine, release, tmp_path):
    """An image that is being made: what boots from it runs what is installed."""
    host = machine()
    host.systemctl("enable", "--now", "ws@blue")
    host.stop()
    shutil.copy(later(release.packages["wsd"], tmp_path), host.root / "var/tmp/later.deb")
    subprocess.run(["chroot", host.root, "dpkg", "-i", "/var/tmp/later.deb"], check=True)
    host.start()
    assert "+later-" in program(host)
    assert host.client("alice")


def test_needrestart_restarts_none(host):
    """As it reads its configuration, which is Perl."""
    said = host.run("perl", "-e", "our %nrconf; do '/etc/needrestart/conf.d/wsd.conf'; die $@ if $@; my %o = %{$nrconf{override_rc}};"
                    "for my $unit ('ws@blue.service', 'ws@third.service', 'wsomething.service') {"
                    "print \"$unit \", (grep { $unit =~ /$_/ and !$o{$_} } keys %o) ? 'listed' : 'restarted', \"\\n\" }")
    assert said.splitlines() == ["ws@blue.service listed", "ws@third.service listed", "wsomething.service restarted"]


def test_rollback_after_a_restart_that_was_cut_off(host, release, tmp_path):
    """wsctl is killed, and systemd alone goes on with the new program: the former one is kept, and rollback knows of it."""
    host.systemctl("enable", "--now", "ws@blue")
    alice, before = host.living("alice"), program(host)
    host.write("/etc/ws/ws.env", "ON_UPGRADE=none\n")
    host.install(later(release.packages["wsd"], tmp_path))
    host.write("/etc/ws/ws.env", "")
    host.write("/etc/systemd/system/ws@blue.service.d/hold.conf",
               "[Service]\nExecStop=+/bin/sh -c 'echo >/run/reached; read x </run/gate'\n")
    host.sh("mkfifo /run/reached /run/gate; systemctl daemon-reload")
    with Running(host, "wsctl", "upgrade") as upgrade:
        host.sh("cat /run/reached")
        upgrade.send(signal.SIGKILL)
        upgrade.wait()
    assert "\na restart of blue with 0.1.0+later-" in host.run("wsctl", "status")
    host.sh("rm /etc/systemd/system/ws@blue.service.d/hold.conf; systemctl daemon-reload; echo >/run/gate")
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=2)
    assert alice.ask(message())["count"] == 1
    assert "+later-" in program(host)
    host.run("wsctl", "upgrade")  # which throws away what nobody needs
    host.run("wsctl", "rollback")
    assert program(host) == before
    assert alice.ask(message())["count"] == 2
