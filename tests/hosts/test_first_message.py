# SPDX-License-Identifier: MIT
"""From apt to the first message: nothing runs after the installation, and traffic alone starts an instance."""

import json
import time

from clients import message
from host import STARTED


def test_install_then_traffic_starts_it(bare, release, figure):
    said = bare.install(release.packages["wsd"])
    assert "systemctl enable --now ws@blue" in said
    assert bare.systemctl("list-units", "--all", "--plain", "--no-legend", "ws*@*").strip() == ""
    assert bare.sh("ss -Hltn") == ""  # nothing listens, not even on the loopback device
    assert bare.systemctl("is-system-running").strip() == "running"

    bare.systemctl("start", "ws@blue.socket", "ws-admin@blue.socket")
    assert bare.systemctl("is-active", "ws@blue.service", check=False).strip() == "inactive"
    began = time.monotonic()
    alice = bare.client("alice")
    answer = alice.ask(message("hello", id=1))
    figure("cold start, from connect to the first answer", f"{(time.monotonic() - began) * 1000:.0f} ms")
    assert alice.greeting["instance"] == "blue"
    assert (answer["type"], answer["count"], answer["id"]) == ("message_response", 1, 1)
    assert bare.show("ws@blue.service", "ActiveState") == "active"

    health = bare.http("/health").json
    assert (health["status"], health["instance"], health["connections"]) == ("ok", "blue", 1)
    text = bare.http("/metrics").body.decode()
    assert [line for line in text.splitlines() if line.startswith("websocket_messages_total") and line.endswith(" 1")], text
    assert len(bare.journal("-u", "ws@blue", f"MESSAGE_ID={STARTED}")) == 1


def test_from_boot_to_message(host, figure):
    """Enabled, it serves as soon as its sockets are up."""
    host.systemctl("enable", "ws@blue")
    host.stop()
    began = time.monotonic()
    host.start()
    booted = time.monotonic()
    assert host.client("early").ask(message())["count"] == 1
    figure("boot to message", f"{(time.monotonic() - began) * 1000:.0f} ms, of them the boot of the machine "
           f"{(booted - began) * 1000:.0f} ms")
    assert host.http("/readyz").status == 200


def test_listens_on_loopback_and_nowhere_else(host):
    host.systemctl("start", "ws@blue", "ws@green")
    listening = {line.split()[3] for line in host.sh("ss -Hltn").splitlines()}
    assert listening == {"127.0.0.1:3001", "127.0.0.1:3002", "127.0.0.1:3101", "127.0.0.1:3102"}


def test_admin_socket_is_for_root_and_the_group(host):
    host.systemctl("start", "ws@blue")
    assert host.sh("stat -c '%a %U %G' /run/ws/blue/admin.sock /run/ws/blue/handoff.sock").split("\n")[:2] == \
        ["660 root ws", "660 root ws"]
    said = host.run("perl", "-MIO::Socket::UNIX", "-e", r"""
        my $s = IO::Socket::UNIX->new(Peer => "/run/ws/blue/admin.sock") or die "$!";
        print $s "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        $s->flush;
        print <$s>""")
    assert json.loads(said.split("\n\n")[-1])["instance"] == "blue", said
