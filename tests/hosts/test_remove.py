# SPDX-License-Identifier: MIT
"""Removed, it stops with a goodbye and keeps its settings; purged, it leaves nothing behind but the group."""

# What package tools, boots and the journal write by themselves.
OTHERS = "/var/lib/dpkg /var/lib/apt /var/log /var/cache /var/tmp /tmp /run /proc /sys /dev /var/lib/systemd"


def files(host):
    prune = " ".join(f"-path {place} -prune -o" for place in OTHERS.split())
    return set(host.sh(f"find / -xdev {prune} -print").splitlines())


def test_remove_stops_and_keeps_settings(host):
    host.systemctl("enable", "--now", "ws@blue")
    alice = host.client("alice")
    host.run("apt-get", "-qq", "-y", "remove", "wsd")
    assert alice.read_json()["reason"] == "shutdown"
    assert alice.read_close() == 1001
    assert host.sh("ss -Hltn") == ""
    assert "ws.env" in host.sh("ls /etc/ws")
    assert host.sh("ls /run | grep -x ws || true") == ""


def test_purge_tells_of_the_link_that_is_left(machine):
    """NGINX would not come up at the next boot, and say so only then."""
    host = machine(kind="proxy-tree")
    host.sh("ln -s /etc/ws/nginx/ws.conf /etc/nginx/sites-enabled/ws.conf")
    said = host.run("apt-get", "-qq", "-y", "purge", "wsd")
    assert "NGINX does not start with /etc/nginx/sites-enabled/ws.conf, which leads to nowhere now: remove it" in said
    assert "sites-enabled/default" not in said


def test_purge_leaves_nothing(bare, release):
    before, groups = files(bare), set(bare.sh("cut -d: -f1 /etc/group").split())
    bare.install(release.packages["wsd"], release.packages["wsd-loadtest"])
    bare.systemctl("enable", "--now", "ws@blue", "ws@green")
    bare.client("alice")
    bare.sh("cmp /usr/share/wsd/nginx/upstream.conf /var/lib/ws/nginx/upstream.conf")  # in place, for NGINX
    bare.run("apt-get", "-qq", "-y", "purge", "wsd", "wsd-loadtest")
    left = files(bare) - before - {"/etc/group-", "/etc/gshadow-", "/etc/.pwd.lock"}
    assert left == set()
    assert set(bare.sh("cut -d: -f1 /etc/group").split()) - groups == {"ws"}
    assert bare.sh("ls -d /run/ws /run/private/ws* /var/lib/private/ws* 2>/dev/null || true") == ""
    assert bare.systemctl("list-units", "--all", "--plain", "--no-legend", "ws*@*", check=False).strip() == ""
    assert bare.systemctl("is-system-running").strip() == "running"
    assert bare.sh("getent passwd | grep ^ws- || true") == ""


def test_installed_again_it_serves_again(host, release):
    """What was enabled is started, and nothing else; if that is forbidden, apt's output says so."""
    host.systemctl("enable", "--now", "ws@blue")
    host.systemctl("start", "ws@green")
    host.run("apt-get", "-qq", "-y", "remove", "wsd")
    assert host.sh("ls -d /usr/lib/wsd /var/lib/ws/programs 2>/dev/null || true") == ""
    host.install(release.packages["wsd"])
    assert host.client("alice")
    assert host.show("ws@green.service", "ActiveState") == "inactive"
    assert host.sh("ls /run/wsd* 2>/dev/null || true") == ""
    host.run("apt-get", "-qq", "-y", "remove", "wsd")
    host.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
    host.sh("chmod 755 /usr/sbin/policy-rc.d")
    assert "policy-rc.d returned 101" in host.install(release.packages["wsd"])
    assert host.show("ws@blue.service", "ActiveState") == "inactive"


def test_installed_again_sockets_that_were_enabled_listen(host, release):
    host.systemctl("enable", "--now", "ws@blue.socket")
    host.run("apt-get", "-qq", "-y", "remove", "wsd")
    host.install(release.packages["wsd"])
    assert host.show("ws@blue.service", "ActiveState") == "inactive"
    assert host.client("alice")
