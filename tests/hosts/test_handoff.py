# SPDX-License-Identifier: MIT
"""A handoff moves the connections from blue to green and back, out of one sandbox into the other; no client notices."""

import json

from clients import http, message


def admin(host, instance, path, method="GET", body=b""):
    return http(f"/proc/{host.leader}/root/run/ws/{instance}/admin.sock", path, method, body=body)


def hand_over(host, giver, taker):
    """Waits by the journal for the end, which giver writes there."""
    before = len(host.journal("-u", f"ws@{giver}", f"WS_HANDOFF_TO={taker}"))
    answer = admin(host, giver, "/api/v1/handoff", "POST", json.dumps({"to": taker}).encode())
    assert answer.status == 202, answer.body
    host.wait_journal("-u", f"ws@{giver}", f"WS_HANDOFF_TO={taker}", count=before + 1)
    return admin(host, giver, "/api/v1/handoff").json


def test_handoff_there_and_back(host):
    host.systemctl("start", "ws@blue", "ws@green")
    clients = [host.living(f"c{n}") for n in range(20)]
    for client in clients:
        assert client.ask(message())["count"] == 1
    for count, giver, taker in ((2, "blue", "green"), (3, "green", "blue")):
        admin(host, giver, "/api/v1/accept", "POST", b'{"accept":true}')
        result = hand_over(host, giver, taker)
        assert (result["state"], result["moved"]) == ("done", 20), result
        for client in clients:
            assert client.ask(message())["count"] == count
        assert host.http("/health", taker).json["connections"] == 20
        assert host.http("/health", giver).json["connections"] == 0
    host.systemctl("stop", "ws@green")
    for client in clients:
        assert client.ask(message())["count"] == 4


def test_handoff_to_nobody_is_refused(host):
    host.systemctl("start", "ws@blue")
    alice = host.living("alice")
    answer = admin(host, "blue", "/api/v1/handoff", "POST", b'{"to":"violet"}')
    assert answer.status == 409 and "violet" in answer.body.decode(), answer.body
    assert alice.ask(message())["count"] == 1
