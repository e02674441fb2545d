# SPDX-License-Identifier: MIT
"""An operator's stop says goodbye to everyone and ends with success."""

from host import STOPPED


def test_stop_says_goodbye(host):
    host.systemctl("start", "ws@blue.socket")
    clients = [host.client(f"c{n}") for n in range(20)]
    host.systemctl("stop", "ws@blue.service")
    for client in clients:
        goodbye = client.read_json()
        assert (goodbye["type"], goodbye["reason"]) == ("goodbye", "shutdown")
        assert client.read_close() == 1001
    assert host.show("ws@blue.service", "Result") == "success"
    assert host.show("ws@blue.service", "NRestarts") == "0"
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={STOPPED}")) == 1


def test_after_a_stop_traffic_starts_it_again(host):
    host.systemctl("start", "ws@blue")
    host.systemctl("stop", "ws@blue.service")
    host.client("alice")


def test_everything_of_an_instance_stops_at_once(host):
    """The command of doc/operating.md; the other instance serves on."""
    host.systemctl("start", "ws@blue", "ws@green")
    host.systemctl("stop", "ws*@blue.*")
    assert ":3001" not in host.sh("ss -Hltn")
    host.client("alice", "green")
