# SPDX-License-Identifier: MIT
"""With a proxy and a second instance, an upgrade deploys: the instance that serves keeps its program, the other one is tried
with the new one, and a package that is broken changes nothing for clients."""

import signal
import subprocess

import pytest

from clients import message
from host import STARTED
from packages import EXITS, HANGS, broken, former, later, mute
from proxied import DONE, UNREACHABLE, Proxied, Running, end_load, start_nginx
from test_deploy_interrupted import HOLDS
from test_deploy_proxies import CROWD, begin_load


def version(host):
    return host.run("dpkg-query", "-W", "-f", "${Version}", "wsd")


def program(host, instance):
    """What runs, by its process."""
    return host.run("readlink", f"/proc/{host.show(f'ws@{instance}.service', 'MainPID')}/exe").strip()


def kept(host):
    return set(host.sh("ls /usr/lib/wsd/programs").split()) - {"installed"}


def test_upgrade_deploys_and_rollback_goes_back(proxied, release, tmp_path):
    host = proxied.host
    before = program(host, "blue")
    said = host.install(later(release.packages["wsd"], tmp_path))
    assert "green serves, after" in said and "wsctl rollback" in said, said
    proxied.check_serves("green")
    after = program(host, "green")
    assert after != before and version(host) in after and after.startswith("/usr/lib/wsd/programs/")
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}")) == 1  # it was left alone
    proxied.wsctl("rollback")
    proxied.check_serves("blue")
    assert program(host, "blue") == before
    said = proxied.wsctl("status")
    assert "is installed, and blue does not run it: wsctl upgrade" in said, said
    # a crash does not change programs
    host.systemctl("kill", "-s", "KILL", "ws@blue.service")
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=3)
    assert program(host, "blue") == before
    proxied.wsctl("upgrade")
    assert program(host, "green") == after


@pytest.mark.parametrize("fault,step,reason", [
    ("exits", "start", "ws@green.service did not start: it ended with status 1"), ("hangs", "start", "ws@green.service did not start: it was not ready within 3 s"), ("mute", "smoke", "the test load failed")])
def test_broken_package(proxied, release, tmp_path, fault, step, reason):
    """Clients see nothing, apt says so, and the next package mends it."""
    host = proxied.host
    host.write("/etc/systemd/system/ws@.service.d/quick.conf", "[Service]\nTimeoutStartSec=3\n")
    host.systemctl("daemon-reload")
    before, pid = program(host, "blue"), host.main_pid()
    package = mute(release.packages["wsd"], tmp_path) if fault == "mute" else \
        broken(release.packages["wsd"], tmp_path, {"exits": EXITS, "hangs": HANGS}[fault])
    said = host.install(package)
    assert f"not deployed ({step}): all is as it was before" in said and reason in said, said
    assert "blue goes on with" in said and "was not taken up" in said and "wsctl upgrade" in said, said
    assert host.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "wsd") == "installed"
    assert host.main_pid() == pid
    state = proxied.status()["instances"]["green"]["state"]
    assert state in ("stopped", "failed")
    proxied.check_serves("blue", state)
    for instance in ("blue", "green"):
        assert host.run("readlink", f"/var/lib/ws/programs/{instance}").strip() + "/wsd" == before
    # a start of the other one, for whatever reason, is one of what it served with
    host.systemctl("restart", "ws@green")
    assert program(host, "green") == before
    host.systemctl("stop", "ws@green", "ws@green.socket", "ws-admin@green.socket", "ws-handoff@green.socket")
    # a restart, of the one that serves as well
    host.systemctl("restart", "ws@blue")
    assert program(host, "blue") == before
    proxied.check_clients()
    said = host.install(later(release.packages["wsd"], tmp_path, "+repaired"))
    assert "green serves, after" in said, said
    proxied.check_serves("green")
    assert len(kept(host)) == 2, kept(host)


def test_upgrade_from_a_package_whose_unit_names_the_file(machine, release, tmp_path):
    """What runs is the very file that is replaced."""
    host = machine(installed=False, kind="proxy-tree")
    host.systemctl("disable", "--now", "nginx", "haproxy")
    host.install(former(release.packages["wsd"], tmp_path), release.packages["wsd-loadtest"])
    start_nginx(host)
    proxied = Proxied(host)
    assert host.show("ws@blue.service", "ExecStart").startswith("{ path=/usr/sbin/wsd ")
    said = host.install(release.packages["wsd"])
    assert "green serves, after" in said, said
    proxied.check_serves("green")
    assert program(host, "green").startswith("/usr/lib/wsd/programs/")
    proxied.wsctl("rollback")
    proxied.check_serves("blue")
    assert program(host, "blue").endswith("~former/wsd"), program(host, "blue")
    # and back to such a package
    said = host.install(former(release.packages["wsd"], tmp_path / "again"), options=["--allow-downgrades"])
    proxied.check_clients()
    assert program(host, "blue") == "/usr/sbin/wsd"


def test_none_leaves_it_to_the_operator(proxied, release, tmp_path):
    """However often the package is upgraded meanwhile; programs that nobody needs go."""
    host = proxied.host
    host.write("/etc/ws/ws.env", "ON_UPGRADE=none\n")
    before, pid = program(host, "blue"), host.main_pid()
    for suffix in ("+1", "+2", "+3"):
        said = host.install(later(release.packages["wsd"], tmp_path, suffix))
        assert "ON_UPGRADE=none" in said and "wsctl deploy" in said, said
        assert host.main_pid() == pid
    assert program(host, "blue") == before and len(kept(host)) == 2, kept(host)
    done = proxied.deploy("green")
    assert version(host) in done["steps"][0]["detail"]
    proxied.check_serves("green")
    assert version(host) in program(host, "green")


def test_policy_forbids(proxied, release, tmp_path):
    host = proxied.host
    host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
    host.sh("chmod 755 /usr/sbin/policy-rc.d")
    pid = host.main_pid()
    said = host.install(later(release.packages["wsd"], tmp_path))
    assert "policy-rc.d forbids" in said, said
    assert host.main_pid() == pid
    proxied.check_serves("blue")
    host.sh("rm /usr/sbin/policy-rc.d")
    proxied.wsctl("upgrade")
    proxied.check_serves("green")


def test_while_a_deploy_is_under_way(proxied, release, tmp_path):
    """It waits for its end, and then goes on from there."""
    host = proxied.host
    hold = HOLDS["start"](host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        package = later(release.packages["wsd"], tmp_path)
        subprocess.run(["cp", package, host.root / "var/tmp/later.deb"], check=True)
        with Running(host, "apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", "install", "/var/tmp/later.deb") as upgrade:
            for line in upgrade.process.stdout:
                if "another wsctl is at work: deploy green" in line:
                    break
            hold.release()
            assert deploy.wait()[0] == DONE
            status, said = upgrade.wait()
    assert status == 0 and "blue serves, after" in said, said
    proxied.check_serves("blue")
    assert version(host) in program(host, "blue") and version(host) not in host.run("readlink", "/var/lib/ws/programs/green")


def test_configured_again(proxied, release, tmp_path):
    """dpkg --configure after one that was cut off: it goes on; and once all is done there is nothing to do."""
    host = proxied.host
    package = later(release.packages["wsd"], tmp_path)
    subprocess.run(["cp", package, host.root / "var/tmp/later.deb"], check=True)
    host.run("dpkg", "--unpack", "/var/tmp/later.deb")
    host.systemctl("kill", "-s", "KILL", "ws@blue.service")
    host.wait_journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}", count=2)
    assert version(host) not in program(host, "blue")
    host.run("dpkg", "--configure", "-a")
    assert host.show("ws@green.service", "ActiveState") == "active"
    pid = host.main_pid("ws@green.service")
    host.sh("/var/lib/dpkg/info/wsd.postinst configure 0.0.1")
    assert host.main_pid("ws@green.service") == pid
    assert version(host) in program(host, "green")


@pytest.mark.parametrize("step", ["verify", "handoff", "stop"])
def test_upgrade_after_one_that_was_killed(proxied, release, tmp_path, step):
    """Clients are led over already, all or none of them. It goes on from there, and the way back is not lost: the instance that
    they came from is neither restarted beside the other one, nor given another program."""
    host = proxied.host
    host.write("/etc/ws/ws.env", "ON_UPGRADE=none\n")
    before = program(host, "blue")
    host.install(later(release.packages["wsd"], tmp_path))
    host.write("/etc/ws/ws.env", "")
    hold = HOLDS[step](host)
    with proxied.begin("upgrade") as upgrade:
        hold.reached()
        upgrade.send(signal.SIGKILL)
        upgrade.wait()
    hold.release()
    assert "wsctl deploy green goes on with it" in proxied.wsctl("status")
    said = host.sh("/var/lib/dpkg/info/wsd.postinst configure 0.0.1")
    assert f"the deploy from blue to green was cut off in its step {step}, and goes on\n" in said, said
    assert "green serves, after" in said, said
    proxied.check_serves("green")
    assert version(host) in program(host, "green")
    proxied.wsctl("rollback")
    proxied.check_serves("blue")
    assert program(host, "blue") == before


def test_upgrade_after_a_deploy_of_another_program_that_was_killed(proxied, release, tmp_path):
    """It is for the operator to say whether that goes on or back."""
    host = proxied.host
    before, pid = program(host, "blue"), host.main_pid()
    hold = HOLDS["verify"](host)
    with proxied.begin("deploy", "green") as deploy:
        hold.reached()
        deploy.send(signal.SIGKILL)
        deploy.wait()
    hold.release()
    said = host.install(later(release.packages["wsd"], tmp_path))
    assert ("wsctl: the deploy from blue to green was cut off in its step verify: wsctl deploy green goes on with it, "
            "wsctl rollback goes back\nwsd: once that is put right: wsctl upgrade\n") in said, said
    assert host.main_pid() == pid
    proxied.wsctl("rollback")
    proxied.check_serves("blue")
    assert program(host, "blue") == before
    proxied.wsctl("upgrade")
    proxied.check_serves("green")
    assert version(host) in program(host, "green")


@pytest.mark.parametrize("how", ["deploy", "restart"])
def test_crowd_over_an_upgrade(proxied, release, tmp_path, how, figure):
    """Each of many clients sends twice a second; none is closed, and no message is lost."""
    host = proxied.host
    host.write("/etc/ws/ws.env", f"ON_UPGRADE={how}\n")
    package = later(release.packages["wsd"], tmp_path)
    with begin_load(proxied, "--rate", 2 * CROWD, "--fail-if", "closed>0 lost>0 repeated>0 out_of_order>0 errors>0%") as load:
        host.install(package)
        result = end_load(load)
    counts, wait = result["counts"], result["latency"]
    figure(f"{CROWD} talking connections over an upgrade by {how}",
           f"{counts['closed']} closed, {counts['lost']} lost, {counts['answered']} of {counts['sent']} answered, "
           f"longest wait {wait['max'] * 1000:.0f} ms, p99 {wait['p99'] * 1000:.0f} ms")
    proxied.check_serves({"deploy": "green", "restart": "blue"}[how])
    assert "+later-" in program(host, {"deploy": "green", "restart": "blue"}[how])


def test_third_instance(proxied, release, tmp_path):
    """It has no other one to deploy to, and is restarted with what was tried; so is one that is started from nothing."""
    host = proxied.host
    for kind, port in (("ws", 3003), ("ws-admin", 3103)):
        host.write(f"/etc/systemd/system/{kind}@third.socket.d/10-address.conf", f"[Socket]\nListenStream=127.0.0.1:{port}\n")
    host.systemctl("start", "ws@third")
    third, before = host.living("third", port=3003), program(host, "third")
    said = host.install(later(release.packages["wsd"], tmp_path))
    assert "green serves, after" in said and "third: restarted in" in said, said
    assert "+later-" in program(host, "third") and program(host, "third") != before
    assert third.ask(message())["count"] == 1
    proxied.check_serves("green")


def test_program_of_the_operators(proxied):
    """--program= is run from then on, until the next deploy; rollback knows what was there before."""
    host = proxied.host
    before = program(host, "blue")
    host.sh("cp /usr/sbin/wsd /usr/local/sbin/mine; echo >>/usr/local/sbin/mine")
    proxied.deploy("green", "--program=/usr/local/sbin/mine")
    proxied.check_serves("green")
    assert program(host, "green").startswith("/usr/lib/wsd/programs/file-")
    host.sh("cmp /usr/local/sbin/mine /var/lib/ws/programs/green/wsd")
    proxied.wsctl("restart", "green", "--program=/usr/sbin/wsd")
    assert program(host, "green") == before
    proxied.check_clients()
    proxied.wsctl("rollback")
    assert program(host, "green").startswith("/usr/lib/wsd/programs/file-")
    proxied.check_clients()
    assert "no program" not in proxied.wsctl("deploy", "blue", "--dry-run")
    assert "/nowhere: No such file" in proxied.wsctl("deploy", "blue", "--program=/nowhere", status=UNREACHABLE)
