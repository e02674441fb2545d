# SPDX-License-Identifier: MIT
"""What operators can ask and change."""

import pytest

from clients import ask_operator, http, message, wait_open
from metrics import gained, read
from process import ADMIN_TOKEN

@pytest.fixture
def both(start):
    """Admin on TCP and on a unix socket."""
    daemon = start(admin=("v4", "unix"))
    daemon.tcp, daemon.unix = daemon.address("admin", 0), daemon.address("admin", 1)
    return daemon


def test_connections_are_listed(both, raw):
    raw(both).open("/ws/chat/a").ask(message())
    raw(both).open("/ws/chat/b")
    page = ask_operator(both.tcp, "/api/v1/connections").json
    assert page["total"] == 2
    a, b = page["connections"]
    assert (a["connectionId"], a["messages"], b["connectionId"], b["messages"]) == ("a", 1, "b", 0)


def test_connections_are_paged(both, raw):
    for n in range(25):
        raw(both).open(f"/ws/chat/p{n:02}")
    seen, after = [], ""
    while True:
        page = ask_operator(both.tcp, f"/api/v1/connections?limit=10&after={after}").json
        seen += [c["connectionId"] for c in page["connections"]]
        if len(page["connections"]) < 10 or len(seen) > 25:
            break
        after = seen[-1]
    assert seen == [f"p{n:02}" for n in range(25)]


def test_connections_by_prefix(both, raw):
    for name in ("a1", "b1", "b2"):
        raw(both).open("/ws/chat/" + name)
    assert [c["connectionId"] for c in ask_operator(both.tcp, "/api/v1/connections?prefix=b").json["connections"]] == ["b1", "b2"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=99999999999999999999"])
def test_bad_page_is_400(both, query):
    assert ask_operator(both.tcp, "/api/v1/connections?" + query).status == 400


def test_one_connection(both, raw):
    c = raw(both).open("/ws/chat/one")
    c.ask(message())
    shown = ask_operator(both.tcp, "/api/v1/connections/one")
    assert shown.status == 200
    assert (shown.json["connectionId"], shown.json["messages"]) == ("one", 1)
    assert ask_operator(both.tcp, "/api/v1/connections/none").status == 404


def test_client_address_is_the_one_a_trusted_proxy_tells(both, raw):
    raw(both).open("/ws/chat/proxied", add=[("X-Forwarded-For", "203.0.113.9")])
    assert "203.0.113.9" in str(ask_operator(both.tcp, "/api/v1/connections/proxied").json)


def test_client_address_from_an_untrusted_peer_is_not_believed(start, raw):
    wsd = start(TRUSTED_PROXIES="192.0.2.1")
    raw(wsd).open("/ws/chat/liar", add=[("X-Forwarded-For", "203.0.113.9")])
    assert "203.0.113.9" not in str(ask_operator(wsd.admin_port, "/api/v1/connections/liar").json)


def test_operator_disconnects_a_client(both, raw):
    c = raw(both).open("/ws/chat/rude")
    assert http(both.unix, "/api/v1/connections/rude", "DELETE").status in (200, 202, 204)
    assert c.read_json()["type"] == "goodbye"
    assert c.read_close() == 1008
    wait_open(both, 0)
    assert http(both.unix, "/api/v1/connections/rude", "DELETE").status == 404


@pytest.mark.parametrize("method, path, body", [
    ("DELETE", "/api/v1/connections/x", b""),
    ("PUT", "/api/v1/log-level", b'{"level":"debug"}'),
    ("POST", "/api/v1/drain", b""),
    ("POST", "/api/v1/accept", b'{"accept":false}'),
], ids=["disconnect", "log-level", "drain", "accept"])
def test_change_over_tcp_without_a_token_is_refused(start, raw, method, path, body):
    for secret in (None, ADMIN_TOKEN):
        wsd = start(ADMIN_TOKEN=secret)
        raw(wsd).open("/ws/chat/x")
        response = http(wsd.admin_port, path, method, body=body)
        assert response.status in (401, 403), response.body
        wrong = http(wsd.admin_port, path, method, body=body, headers=[("Authorization", "Bearer " + "x" * 28)])
        assert wrong.status in (401, 403)
        assert http(wsd.admin_port, "/health").json["connections"] == 1
        assert http(wsd.admin_port, "/readyz").status == 200


def test_change_over_tcp_with_the_token(start, raw):
    wsd = start(ADMIN_TOKEN=ADMIN_TOKEN)
    c = raw(wsd).open("/ws/chat/x")
    response = ask_operator(wsd.admin_port, "/api/v1/connections/x", "DELETE")
    assert response.status in (200, 202, 204)
    assert c.read_json()["type"] == "goodbye"


@pytest.mark.parametrize("secret", [None, ADMIN_TOKEN], ids=["no token is set", "a token is set"])
def test_who_is_connected_is_for_operators(start, raw, secret):
    """The port is open to every user of the machine, whom ids and addresses are nothing to. What is refused does not tell either
    whether there is such a connection."""
    wsd = start(admin=("v4", "unix"), ADMIN_TOKEN=secret)
    raw(wsd).open("/ws/chat/alice")
    answers = set()
    for path in ("/api/v1/connections", "/api/v1/connections?limit=0", "/api/v1/connections/alice", "/api/v1/connections/bob",
                 "/api/v1/connections/%00"):
        for method in ("GET", "HEAD"):
            for headers in ([], [("Authorization", "Bearer " + "x" * 20)], [("X-Forwarded-For", "unix")]):
                response = http(wsd.admin_port, path, method, headers)
                answers.add((response.status, response.headers["content-length"], method))
        assert b"alice" not in response.body and b"127.0.0.1" not in response.body
        assert ask_operator(wsd.address("admin", 1), path).status in (200, 400, 404)
    assert len(answers) == 2 and {status for status, _, _ in answers} == {401 if secret else 403}
    assert http(wsd.address("admin", 1), "/api/v1/connections/alice", headers=[("X-Forwarded-For", "127.0.0.1")]).status >= 401
    assert ask_operator(wsd.admin_port, "/api/v1/connections/alice").status == (200 if secret else 403)
    for path in ("/health", "/healthz", "/readyz", "/metrics", "/api/v1/handoff", "/api/v1/log-level", "/", "/client.json"):
        response = http(wsd.admin_port, path)
        assert response.status == 200 and b"alice" not in response.body, path


def test_changes_from_another_web_page_are_refused(both):
    """A page that the operator's browser shows must not act in the operator's name."""
    response = http(both.tcp, "/api/v1/drain", "POST", headers=[("Origin", "https://evil.example")])
    assert response.status in (401, 403)


def test_log_level_changes_at_run_time(both, raw):
    assert http(both.unix, "/api/v1/log-level", "PUT", body=b'{"level":"debug"}').status in (200, 204)
    assert http(both.unix, "/api/v1/log-level").json["level"] == "debug"
    raw(both).open("/ws/chat/watched").ask(message())
    both.wait_log("sent a message")
    assert http(both.unix, "/api/v1/log-level", "PUT", body=b'{"level":"error"}').status in (200, 204)
    lines = len(both.logged("opened"))
    raw(both).open("/ws/chat/unwatched")
    assert len(both.logged("opened")) == lines


def test_accepting_again_ends_a_drain(start, raw):
    wsd = start(admin=("unix",), DRAIN_TIMEOUT=3600000, WORKERS=1)
    for n in range(3):
        raw(wsd).open(f"/ws/chat/{n}")
    assert http(wsd.address("admin"), "/api/v1/drain", "POST").status == 202
    assert http(wsd.address("admin"), "/api/v1/accept", "POST", body=b'{"accept":true}').status == 200
    assert raw(wsd).open("/ws/chat/new").ask(message())["count"] == 1
    assert http(wsd.address("admin"), "/readyz").status == 200


@pytest.mark.parametrize("body", [b"", b"{}", b'{"level":"loud"}', b"[", b'{"level":7}', b"x" * 100000],
                         ids=["nothing", "empty", "unknown", "cut", "number", "large"])
def test_bad_log_level_is_400(both, body):
    assert http(both.unix, "/api/v1/log-level", "PUT", body=body).status in (400, 413)


def test_standby_refuses_new_connections_only(both, raw):
    c = raw(both).open("/ws/chat/early")
    assert http(both.unix, "/api/v1/accept", "POST", body=b'{"accept":false}').status in (200, 202, 204)
    ready = http(both.tcp, "/readyz")
    assert (ready.status, ready.json["reason"]) == (503, "standby")
    response = raw(both).handshake("/ws/chat/late")
    assert response.status == 503 and "retry-after" in response.headers
    assert c.ask(message())["count"] == 1
    assert http(both.unix, "/api/v1/accept", "POST", body=b'{"accept":true}').status in (200, 202, 204)
    raw(both).open("/ws/chat/late")


def test_drain_by_the_operator(start, raw):
    wsd = start(admin=("v4", "unix"), DRAIN_TIMEOUT=300)
    c = raw(wsd).open("/ws/chat/x")
    assert http(wsd.address("admin", 1), "/api/v1/drain", "POST").status in (200, 202, 204)
    assert c.read_json()["type"] == "goodbye"
    assert c.read_close() in (1001, 1012)
    ready = http(wsd.admin_port, "/readyz")
    assert (ready.status, ready.json["reason"]) == (503, "draining")


def test_metrics_are_exact(wsd, client, raw):
    before = read(wsd)
    c = client(wsd, "/ws/chat/m")
    for n in range(7):
        c.ask({"type": "message", "data": n})
    c.ask("nonsense")
    c.ask({"type": "dance"})
    c.ask({"type": "message"})
    c.ask(b"binary")
    c.close()
    wsd.wait_log(WS_CONNECTION_ID="m", WS_CLOSE_CODE=1000)
    assert raw(wsd).handshake(drop=["Sec-WebSocket-Key"]).status == 400
    open_now = raw(wsd).open("/ws/chat/n")
    change = gained(before, read(wsd))
    expected = {
        "websocket_connections_opened_total": 2,
        "websocket_connections_total": 1,
        "websocket_connections_active": 1,
        'websocket_connections_closed_total{code="1000"}': 1,
        "websocket_messages_total": 7,
        "websocket_frames_received_total": 11,
        'websocket_errors_total{code="invalid_json"}': 1,
        'websocket_errors_total{code="unknown_type"}': 1,
        'websocket_errors_total{code="invalid_message"}': 1,
        'websocket_errors_total{code="unsupported"}': 1,
        'websocket_handshakes_refused_total{reason="bad_request"}': 1,
        "websocket_message_latency_seconds_count": 11,
        "websocket_connection_duration_seconds_count": 1,
    }
    assert {k: change.get(k) for k in expected} == expected
    assert 0 < change["websocket_message_latency_seconds_sum"] < 60
    assert change["websocket_sent_bytes_total"] > 0
    assert change["websocket_received_bytes_total"] > 0
    assert [v for k, v in change.items() if k.startswith("http_requests_total") and '"400"' in k] == [1]
    open_now.sock.close()


def test_metrics_text_is_wellformed(wsd):
    response = http(wsd.admin_port, "/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = response.body.decode()
    assert text.endswith("\n")
    for name in ("websocket_connections_total", "process_resident_memory_bytes", "process_open_fds",
                 "process_cpu_seconds_total", "process_start_time_seconds", "wsd_build_info",
                 "websocket_shutdown_time_seconds"):
        assert f"\n# TYPE {name} " in "\n" + text, name
    buckets = [line for line in text.splitlines() if line.startswith("websocket_message_latency_seconds_bucket")]
    assert buckets[-1].split(" ")[0].endswith('le="+Inf"}')


def test_metrics_are_for_those_allowed(start):
    wsd = start(METRICS_ALLOW="192.0.2.0/24")
    assert http(wsd.admin_port, "/metrics").status == 403
    assert http(wsd.admin_port, "/health").status == 200


def test_admin_requests_are_rate_limited(start):
    wsd = start(RATE_LIMIT_ADMIN="1/5")
    statuses = [http(wsd.admin_port, "/health").status for _ in range(12)]
    assert statuses[:5] == [200] * 5
    assert 429 in statuses[5:]


def ask_by_name(raw, port, path, host, *headers):
    with raw(port) as one:
        one.send("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers]) + "\r\n\r\n")
        return one.read_response()


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/handoff", "/api/v1/log-level"])
def test_page_whose_name_leads_here_may_not_look(wsd, raw, path):
    """DNS rebinding: the page's own name comes to be this machine's address, so that for the browser it asks its own site."""
    for host in ("evil.example", f"evil.example:{wsd.admin_port}", "127.0.0.1.evil.example", "2130706433"):
        refused = ask_by_name(raw, wsd.admin_port, path, host, "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: localhost")
        assert refused.status == 403 and "ADMIN_HOSTS" in refused.json["error"]["message"]
        for header in refused.headers:
            assert not header.startswith("access-control-")
    for host in ("localhost", f"127.0.0.1:{wsd.admin_port}", f"[::1]:{wsd.admin_port}"):
        assert ask_by_name(raw, wsd.admin_port, path, host).status != 403


def test_health_is_for_any_name(wsd, raw):
    for path in ("/health", "/healthz", "/readyz", "/"):
        assert ask_by_name(raw, wsd.admin_port, path, "probe.example").status == 200


def test_names_of_the_admin_side(start, raw):
    wsd = start(ADMIN_HOSTS="ops.example, localhost")
    assert ask_by_name(raw, wsd.admin_port, "/metrics", "ops.example:3101").status == 200
    assert ask_by_name(raw, wsd.admin_port, "/metrics", "example:3101").status == 403
