# SPDX-License-Identifier: MIT
"""NGINX, Traefik and HAProxy in front of two instances, with the configuration that the package ships."""

import re
import socket
import tempfile
from pathlib import Path

import pytest

from clients import ask_operator, http, message, wait_open
from crowd import HABITS
from instances import wait_for
from proxies import NAME, PROXIES, program

GUARDS = ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")


def started(kind, instance, ports):
    if not program(PROXIES[kind].program):
        pytest.skip(f"{PROXIES[kind].program} is not installed")
    with tempfile.TemporaryDirectory(prefix="wsd-") as directory:
        proxy = PROXIES[kind](directory, ports)
        try:
            proxy.start()
            yield proxy
        finally:
            proxy.close()


@pytest.fixture
def two(instance):
    """blue and green, who believe no other proxy than one on 127.0.0.1: other loopback addresses are clients."""
    for name in ("blue", "green"):
        instance(name, TRUSTED_PROXIES="127.0.0.1")
    return instance


@pytest.fixture
def proxy(kind, two):
    yield from started(kind, two, {name: (wsd.port, wsd.admin_port) for name, wsd in two.running.items()})


def each(*kinds):
    return pytest.mark.parametrize("kind", kinds)


ALL = each("nginx", "nginx-tls", "traefik", "haproxy", "haproxy-tls")
ONE_OF_EACH = each("nginx", "traefik", "haproxy")
WITH_TLS = each("nginx-tls", "traefik", "haproxy-tls")


def is_guarded_once(proxy, response, own=False):
    """own: the answer is the proxy's, not wsd's."""
    for name in GUARDS:
        assert response.times(name) == 1, (name, response.fields)
    assert response.times("Content-Security-Policy") == (0 if own and not proxy.has_policy else 1)
    assert response.times("Strict-Transport-Security") == (1 if proxy.tls_port else 0)
    assert response.times("Cache-Control") <= 1 and response.times("Retry-After") <= 1
    assert not re.search(r"\d", response.headers.get("server", ""))


# ---------------------------------------------------------------- connections


@ONE_OF_EACH
def test_conversation(proxy, two, client):
    c = client(proxy, "/ws/chat/alice")
    assert c.greeting["instance"] == "blue"
    for count, data in enumerate(("hello", "x" * 60000), 1):
        assert c.ask({"type": "message", "data": data})["count"] == count
    c.ping()
    c.close()
    two.running["blue"].wait_log(WS_CONNECTION_ID="alice", WS_CLOSE_CODE=1000)


@WITH_TLS
def test_conversation_over_tls(proxy):
    with proxy.door() as c:
        c.open("/ws/chat/alice", Host=NAME)
        assert c.ask(message())["count"] == 1


@ONE_OF_EACH
def test_nobody_notices_a_deploy_and_the_way_back(proxy, two, crowd, raw):
    people = crowd(proxy, 24, habits=HABITS)
    for source, to in (("blue", "green"), ("green", "blue")):
        people.pump_answers()
        proxy.switch(to)
        proxy.wait_for(to)
        new = raw(proxy).open(f"/ws/chat/on-{to}")
        assert new.greeting["instance"] == to
        people.pump_answers()
        wait_open(two.running[source], 24)
        state = two.hand_over(source, to, people)
        assert (state["state"], state["moved"], state["unmovable"]) == ("done", 24, 0), (state, people.broken())
        people.check_goes_on()
        new.sock.close()
        wait_open(two.running[to], 24)
        two.running[source].stop()
        people.check_goes_on()
        two(source, TRUSTED_PROXIES="127.0.0.1")


@each("nginx", "haproxy")
def test_reload_keeps_connections_and_the_choice(proxy, two, crowd):
    people = crowd(proxy, 12, habits=HABITS)
    proxy.switch("green")
    proxy.reload()
    proxy.wait_for("green")
    people.check_goes_on()
    wait_open(two.running["blue"], 12)


@ONE_OF_EACH
def test_who_comes_during_a_restart_waits(proxy, two):
    two.running["blue"].stop()
    with proxy.door(tls=False) as c:
        c.send(c.request("/ws/chat/patient"))
        two("blue")
        assert c.read_response().status == 101
        assert c.read_json()["type"] == "connection_established"


@ALL
def test_address_of_the_client_arrives(proxy, two):
    """Whatever the client says of itself."""
    forged = [("X-Forwarded-For", "127.0.0.1, 203.0.113.7")]
    with proxy.door(source="127.0.0.2") as c:
        c.open("/ws/chat/alice", Host=NAME, add=forged)
        shown = ask_operator(two.running["blue"].admin_port, "/api/v1/connections/alice").json
    assert shown["client"].startswith("127.0.0.2"), shown


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="there is no IPv6")
@each("haproxy-ipv6")
def test_clients_by_ipv6(proxy, two, raw):
    """They are served beside those who come by IPv4, each under the address that is theirs."""
    for address, id in (("::1", "alice"), ("127.0.0.1", "bob")):
        client = raw((address, proxy.port)).open(f"/ws/chat/{id}")
        assert client.ask(message())["count"] == 1
        known = ask_operator(two.running["blue"].admin_port, f"/api/v1/connections/{id}").json["client"]
        assert known.strip("[]").startswith(address), known


@WITH_TLS
def test_others_are_sent_to_tls(proxy):
    """They come to the plain port; this machine itself is served there."""
    assert http(proxy.port, "/health").status == 200
    response = proxy.get("/health", door=proxy.plain_door_of_others())
    assert response.status in (301, 308)
    assert response.headers["location"].startswith("https://")


# ---------------------------------------------------------------- what is refused


@ALL
@pytest.mark.parametrize("path, status, burst, n", [("/ws/chat/alice", 426, 50, 80), ("/healthz", 200, 20, 130)])
def test_rate_limit(proxy, path, status, burst, n):
    answers = proxy.get_at_once(path, n, source="127.0.0.2")
    assert {answer.status for answer in answers} == {status, 429}
    assert sum(answer.status == status for answer in answers) >= burst
    response = next(answer for answer in answers if answer.status == 429)
    assert int(response.headers["retry-after"]) >= 0
    is_guarded_once(proxy, response, own=True)
    assert proxy.get(path, source="127.0.0.3").status == status


@ALL
def test_headers_are_there_once(proxy, raw):
    for path, status in (("/", 200), ("/health", 200), ("/readyz", 200), ("/nothing", 404), ("/ws/chat/alice", 426)):
        response = proxy.get(path)
        assert response.status == status
        is_guarded_once(proxy, response)
    assert "script-src 'self'" in proxy.get("/").headers["content-security-policy"]
    response = raw(proxy).handshake()
    assert response.status == 101
    assert all(response.times(name) <= 1 for name, _ in response.fields), response.fields


@ALL
def test_operators_paths_are_not_there(proxy):
    for path in ("/metrics", "/api/v1/connections", "/api/v1/handoff", "/api/http/routers", "/dashboard/", "/ping"):
        assert proxy.get(path).status == 404, path
        assert http(proxy.port, path).status == 404, path


@each("nginx", "nginx-tls")
def test_metrics_are_for_this_machine(proxy):
    for name in ("blue", "green"):
        response = proxy.get(f"/metrics/{name}")
        assert response.status == 200
        assert b"\nwebsocket_connections_active 0\n" in response.body
        is_guarded_once(proxy, response)
        response = proxy.get(f"/metrics/{name}", source="127.0.0.2")
        assert response.status == 403
        is_guarded_once(proxy, response, own=True)
        # another proxy on this machine brings others
        assert proxy.get(f"/metrics/{name}", ["X-Forwarded-For: 203.0.113.7"]).status == 403


@ALL
def test_instance_that_is_not_there(kind, instance):
    blue = instance("blue")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = nobody.getsockname()[1]
        for proxy in started(kind, instance, {"blue": (blue.port, blue.admin_port), "green": (dead, dead)}):
            proxy.switch("green")
            response = wait_for(lambda: (r := proxy.get("/health")).status >= 500 and r, "answer that it is away")
            assert response.status == proxy.away
            is_guarded_once(proxy, response, own=True)


# ---------------------------------------------------------------- the rest


@ONE_OF_EACH
def test_tokens_are_not_logged(proxy, raw):
    old = raw(proxy).open("/ws/chat/alice")
    new = raw(proxy).open("/ws/chat/alice?session=" + old.greeting["session"])
    assert old.read_json()["reason"] == "replaced"
    old.sock.close()
    new.sock.close()
    wait_for(lambda: proxy.log().count("/ws/chat/alice") >= 2, "two lines about two connections")
    for token in (old.greeting["session"], new.greeting["session"]):
        assert token not in proxy.log()


@each("traefik")
def test_dashboard_wants_a_password(proxy):
    assert http(proxy.inner_port, "/ping").status == 200
    assert b"traefik_entrypoint_requests_total" in http(proxy.inner_port, "/metrics").body
    assert http(proxy.inner_port, "/api/http/services/ws@file").status == 401
    known = [("Authorization", "Basic b3BlcmF0b3I6c2VjcmV0")]  # operator:secret
    shown = http(proxy.inner_port, "/api/http/services/ws@file", headers=known).json
    assert [server["url"] for server in shown["loadBalancer"]["servers"]] == [f"http://127.0.0.1:{proxy.ports['blue'][0]}"]
    for router in ("ws", "ws-plain", "ws-local", "dashboard"):
        assert http(proxy.inner_port, f"/api/http/routers/{router}@file", headers=known).json["status"] == "enabled"


def said(done):
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@each("haproxy")
def test_ws_switch(proxy):
    blue, green = (f"127.0.0.1:{proxy.ports[name][0]}" for name in ("blue", "green"))
    assert said(proxy.ws_switch("current")) == (0, blue, "")
    for args, why in ((("switch", "red", green), "no backend ws-red"), (("switch", "green", blue), f"at {green}, not at"),
                      (("switch", "gr een", green), "no name"), (("switch", "green"), "usage"), (("stop",), "usage"),
                      ((), "usage")):
        status, out, err = said(proxy.ws_switch(*args))
        assert (status, out) == (1, "") and why in err, (status, out, err)
    for where in ({"HAPROXY_SOCKET": "/nowhere/admin.sock"}, {"HAPROXY_MAP": "/nowhere/instance.map"}):
        status, out, err = said(proxy.ws_switch("switch", "green", green, **where))
        assert status == 1 and "/nowhere/" in err
    assert said(proxy.ws_switch("current")) == (0, blue, "")
    assert proxy.health()["instance"] == "blue"
    for _ in range(2):
        assert said(proxy.ws_switch("switch", "green", green)) == (0, "", "")
    assert said(proxy.ws_switch("current")) == (0, green, "")
    assert proxy.health()["instance"] == "green"
    assert (proxy.directory / "instance.map").read_text() == "instance green\n"
    assert sorted(path.name for path in proxy.directory.glob("instance.map*")) == ["instance.map"]
