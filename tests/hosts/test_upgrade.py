# SPDX-License-Identifier: MIT
"""apt upgrade and downgrade: instances that run are restarted and keep their clients, stopped ones stay stopped,
settings and sockets stay."""

from clients import message
from crowd import Crowd
from host import STARTED


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
    """The instance fails, not the upgrade."""
    bare.install(release.previous["wsd"])
    bare.systemctl("start", "ws@blue")
    bare.set(WORKERS="all")
    said = bare.install(release.packages["wsd"])
    assert "an instance did not come up again" in said
    assert bare.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "wsd") == "installed"
    assert bare.show("ws@blue.service", "SubState") == "auto-restart"
