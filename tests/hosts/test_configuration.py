# SPDX-License-Identifier: MIT
"""A bad configuration: the unit fails, says why in one line, is not started over and over, and is easily mended."""

from clients import message
from host import BAD_CONFIG


def test_bad_value_is_one_clear_line(host):
    host.set(HEARTBEAT_INTERVAL="soon")
    assert host.systemctl("start", "ws@blue", check=False).status != 0
    assert host.show("ws@blue.service", "ActiveState") == "failed"
    assert host.show("ws@blue.service", "ExecMainStatus") == "78"
    assert host.show("ws@blue.service", "NRestarts") == "0"
    line, = host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}")
    assert "HEARTBEAT_INTERVAL" in line["MESSAGE"] and "soon" in line["MESSAGE"]
    assert line["PRIORITY"] == "2"
    status = host.systemctl("status", "ws@blue", check=False)
    assert len([shown for shown in status.splitlines() if line["MESSAGE"] in shown]) >= 1, status


def test_mended_and_started(host):
    host.set(MAX_CONNECTIONS="many")
    host.systemctl("start", "ws@blue", check=False)
    host.set(MAX_CONNECTIONS=100)
    host.systemctl("start", "ws@blue")
    assert host.client("alice").ask(message())["count"] == 1


def test_waiting_clients_do_not_start_it_for_ever(host):
    """Each connection starts it again; systemd gives up after some attempts, and a start opens the sockets again."""
    host.set(LOG_LEVEL="loud")
    host.systemctl("start", "ws@blue.socket")
    host.raw().read_end()
    assert host.show("ws@blue.socket", "ActiveState") == "failed"
    assert len(host.journal("-u", "ws@blue", f"MESSAGE_ID={BAD_CONFIG}")) <= 11
    host.set()
    host.systemctl("start", "ws@blue")
    assert host.client("alice").ask(message())["count"] == 1


def test_too_many_connections_for_the_limit_of_files(host):
    host.set(MAX_CONNECTIONS=100000)
    host.write("/etc/systemd/system/ws@blue.service.d/files.conf", "[Service]\nLimitNOFILE=5000\n")
    host.systemctl("daemon-reload")
    assert host.systemctl("start", "ws@blue", check=False).status != 0
    assert host.show("ws@blue.service", "ExecMainStatus") == "78"
    assert [line for line in host.journal("-u", "ws@blue") if "LimitNOFILE=" in line["MESSAGE"]]
