# SPDX-License-Identifier: MIT
"""What the image of contrib/docker promises."""

import json
import os
import pathlib

from clients import Client, Raw, http, message

TOKEN = "a-token-for-the-tests"


def test_answers_and_stops(container):
    one = container().start()
    client = Raw(3001).open("/ws/chat/alice")
    reply = client.ask(message())
    assert (reply["type"], reply["count"]) == ("message_response", 1)
    opened = one.wait_log("connection alice opened")
    assert (opened["WS_CONNECTION_ID"], opened["WS_INSTANCE"], opened["level"]) == ("alice", "default", "info")
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{one.pid()}/status").read_text().splitlines() if ":\t" in line)
    assert set(status["Uid"].split() + status["Gid"].split()) == {"3001"}
    client.sock.close()
    one.wait_log("connection alice closed")
    assert one.stop() == 0
    assert one.logged("stopped")


def test_health(container):
    one = container()
    assert not one.healthy()  # nobody listens
    one.start()
    assert one.healthy()
    assert one.stop() == 0
    assert not one.healthy()


def test_health_is_readiness(container):
    """Whoever is told not to accept lives, but is not ready."""
    one = container(ADMIN_TOKEN=TOKEN).start()
    assert one.healthy()
    assert ask(3101, "/api/v1/drain").status < 300
    assert not one.healthy()


def test_has_what_it_needs_and_no_more(container):
    one = container()
    said = one.run("sh", "-c", "id -un; wsd --version; wsd --check-config && echo fine; ls /var/lib/apt/lists; command -v gcc systemctl")
    user, version, fine, *rest = said.stdout.splitlines()
    assert (user, fine, rest) == ("ws", "fine", []), said
    assert version.startswith("wsd ")


def test_bad_configuration(container):
    one = container(WORKERS="none")
    said = one.run(*one.config["Entrypoint"])
    assert said.returncode == 78
    assert 'WORKERS="none": a number from 1 to ' in said.stderr, said


def test_handoff_between_containers(container, tmp_path):
    """As compose.yaml has them: one network, and /run/ws in common. No client notices."""
    for name in ("blue", "green"):
        (tmp_path / name).mkdir()
    for place in (tmp_path, tmp_path / "blue", tmp_path / "green"):  # as an engine fills a new volume from the image
        os.chown(place, 3001, 3001)
    settings = {"ADMIN_TOKEN": TOKEN}
    blue = container(volume=tmp_path, INSTANCE="blue", PORT=3001, ADMIN_PORT=3101, **settings).start()
    green = container(volume=tmp_path, INSTANCE="green", PORT=3002, ADMIN_PORT=3102, **settings).start()
    clients = [Client(3001, f"/ws/chat/client-{i}") for i in range(20)]
    assert {client.ask(message())["count"] for client in clients} == {1}
    said = blue.run("handoff", "nobody")
    assert said.returncode == 1 and said.stdout.startswith("409 "), said
    said = blue.run("handoff", "green")
    assert said.returncode == 0 and said.stdout.startswith("200 "), said
    assert blue.wait_log("handoff to green done")["WS_CONNECTIONS"] == 20
    assert blue.stop() == 0
    assert {client.ask(message())["count"] for client in clients} == {2}
    assert http(3102, "/health").json["connections"] == 20
    assert green.stop() == 0


def ask(port, path, body=None):
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Content-Type", "application/json")]
    return http(port, path, "POST", headers, body=json.dumps(body or {}).encode())
