# SPDX-License-Identifier: MIT
"""blue and green side by side: other ports, other users, other connections; the end of one does not touch the other."""

import os

from clients import message


def user_of(host, unit):
    return os.stat(f"/proc/{host.main_pid(unit)}").st_uid


def test_blue_and_green_side_by_side(host):
    host.systemctl("start", "ws@blue.socket", "ws@green.socket")
    on_blue, on_green = host.client("alice", "blue"), host.client("alice", "green")
    assert (on_blue.greeting["instance"], on_green.greeting["instance"]) == ("blue", "green")
    assert user_of(host, "ws@blue.service") != user_of(host, "ws@green.service")
    host.systemctl("stop", "ws@green.service")
    assert on_green.read_close() == 1001
    assert on_blue.ask(message())["count"] == 1


def test_settings_of_an_instance_go_before_those_of_all(host):
    host.write("/etc/ws/ws.env", "MAX_CONNECTIONS=1\nHEARTBEAT_INTERVAL=4000\n")
    host.set("green", MAX_CONNECTIONS=2)
    for instance, room in (("blue", 1), ("green", 2)):
        host.systemctl("start", f"ws@{instance}")
        clients = [host.client(f"c{n}", instance) for n in range(room)]
        assert clients[0].greeting["heartbeatInterval"] == 4000
        assert host.raw(instance).handshake("/ws/chat/late").status == 503
