# SPDX-License-Identifier: MIT
"""The channels' API, as backends use it: each method and error, keys, connections that are kept."""

import contextlib
import http.client
import json
import time

import metrics
import pytest
from clients import Raw
from process import features

KEY = "key-of-the-backends"
OLD = "key-of-before"
RULES = {"channel": {
    "without_namespace": {"allow_subscribe_for_client": True, "allow_publish_for_client": True},
    "namespaces": [{"name": "chat", "history_size": 10, "history_ttl": "5m", "force_recovery": True, "presence": True,
                    "allow_subscribe_for_client": True},
                   {"name": "closed", "history_size": 10, "history_ttl": "5m", "force_recovery": True, "presence": True}]}}


def serve(start, tmp_path, **settings):
    path = tmp_path / "channels.json"
    path.write_text(json.dumps(RULES))
    return start(CHANNELS_FILE=str(path), **{"API_KEY": KEY, **settings})


@pytest.fixture
def daemon(start, tmp_path):
    return serve(start, tmp_path, API_KEY_PREVIOUS=OLD, RATE_LIMIT_ADMIN="1/1")


@contextlib.contextmanager
def connected(daemon):
    """METHOD, **members: the status, and what it answers as JSON, all over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.admin_port, timeout=30)

    def call(method, headers=None, body=None, **members):
        if body is None:
            body = json.dumps(members)
        connection.request("POST", f"/api/{method}", body, {"X-API-Key": KEY} if headers is None else headers)
        response = connection.getresponse()
        text = response.read()
        call.kept = response.getheader("Connection") != "close"
        return response.status, json.loads(text) if text.startswith(b"{") else text.decode()

    yield call
    connection.close()


@pytest.fixture
def api(daemon):
    with connected(daemon) as call:
        yield call


def result(answer):
    status, body = answer
    assert status == 200 and "result" in body, answer
    return body["result"]


def error(answer):
    status, body = answer
    assert status == 200 and "error" in body, answer
    return body["error"]["code"]


def subscriber(daemon, channel, ident="alice"):
    client = Raw(daemon.port).open(f"/ws/chat/{ident}")
    client.send_text(json.dumps({"type": "subscribe", "channel": channel}))
    assert client.read_json()["type"] == "subscribed"
    return client


def test_publish(daemon, api):
    with subscriber(daemon, "news") as alice:
        assert result(api("publish", channel="news", data={"a": [1, "\u00fc"]})) == {}
        got = alice.read_json()
        assert (got["type"], got["channel"], got["data"], got["offset"]) == ("publication", "news", {"a": [1, "\u00fc"]}, 1)
    assert metrics.read(daemon)['wsd_publications_received_total{source="api"}'] == 1


def test_data_are_passed_on_as_they_are(daemon, api):
    """Byte for byte: numbers that no double holds, members in their order, escapes."""
    data = '{"z":1,"a":12345678901234567890.10,"t":"\\u00e4\\/"}'
    with subscriber(daemon, "news") as alice:
        result(api("publish", body='{"channel":"news", "data": ' + data + ' }'))
        assert data.encode() in alice.read_frame()[1]


def test_history(api):
    first = result(api("publish", channel="chat:1", data=1))
    assert first["offset"] == 1 and len(first["epoch"]) == 8
    for n in range(2, 13):
        result(api("publish", channel="chat:1", data=n, tags={"n": str(n)}))
    everything = result(api("history", channel="chat:1", limit=-1))
    assert [p["data"] for p in everything["publications"]] == list(range(3, 13))
    assert everything["publications"][0]["tags"] == {"n": "3"}
    assert (everything["offset"], everything["epoch"]) == (12, first["epoch"])
    assert result(api("history", channel="chat:1")) == {"publications": [], "offset": 12, "epoch": first["epoch"]}
    since = {"offset": 10, "epoch": first["epoch"]}
    assert [p["offset"] for p in result(api("history", channel="chat:1", limit=-1, since=since))["publications"]] == [11, 12]
    last = result(api("history", channel="chat:1", limit=2, reverse=True))
    assert [p["offset"] for p in last["publications"]] == [12, 11]
    assert error(api("history", channel="chat:1", limit=1, since={"offset": 1, "epoch": "elsewhere"})) == 112
    assert result(api("history_remove", channel="chat:1")) == {}
    assert result(api("history", channel="chat:1", limit=-1))["publications"] == []
    assert result(api("history", channel="chat:1"))["offset"] == 12


def test_skip_history(api):
    assert result(api("publish", channel="chat:1", data=1, skip_history=True)) == {}
    assert result(api("history", channel="chat:1", limit=-1))["publications"] == []


def test_idempotency_key(daemon, api):
    with subscriber(daemon, "chat:1") as alice:
        first = result(api("publish", channel="chat:1", data=1, idempotency_key="k"))
        assert result(api("publish", channel="chat:1", data=2, idempotency_key="k")) == first
        assert result(api("publish", channel="chat:1", data=3))["offset"] == 2
        assert [alice.read_json()["data"] for _ in range(2)] == [1, 3]


def test_broadcast(daemon, api):
    with subscriber(daemon, "a1") as alice, subscriber(daemon, "chat:b", "bob") as bob:
        responses = result(api("broadcast", channels=["a1", "chat:b", "none:c", 7], data="x"))["responses"]
        assert responses[0] == {"result": {}} and responses[1]["result"]["offset"] == 1
        assert [r["error"]["code"] for r in responses[2:]] == [102, 107]
        assert alice.read_json()["data"] == bob.read_json()["data"] == "x"


def test_presence_and_channels(daemon, api):
    with subscriber(daemon, "chat:1"), subscriber(daemon, "chat:1", "bob"), subscriber(daemon, "news", "carol"):
        assert result(api("presence", channel="chat:1"))["presence"] == {"alice": {"client": "alice"}, "bob": {"client": "bob"}}
        assert result(api("presence_stats", channel="chat:1"))["num_clients"] == 2
        assert result(api("channels"))["channels"] == {"chat:1": {"num_clients": 2}, "news": {"num_clients": 1}}
        assert result(api("channels", pattern="chat:*"))["channels"] == {"chat:1": {"num_clients": 2}}
        node, = result(api("info"))["nodes"]
        assert (node["name"], node["num_clients"], node["num_subs"]) == ("test", 3, 3)
    assert error(api("presence", channel="news")) == 108


def test_disconnect(daemon, api):
    with subscriber(daemon, "news") as alice:
        assert result(api("disconnect", client="alice")) == {}
        told = alice.read_json()
        assert (told["type"], told["reason"], told["reconnect"]) == ("goodbye", "disconnected by operator", False)
        assert alice.read_close() == 1008
    assert result(api("disconnect", client="nobody")) == {}


@pytest.mark.parametrize("code, reconnect", [(3000, True), (3499, True), (3500, False), (3999, False), (4000, True),
                                             (4499, True), (4500, False), (4999, False)])
def test_disconnect_with_a_code(daemon, api, code, reconnect):
    with subscriber(daemon, "news") as alice:
        result(api("disconnect", client="alice", disconnect={"code": code, "reason": "no m\u00f6re"}))
        told = alice.read_json()
        assert (told["type"], told["reason"], told["reconnect"]) == ("goodbye", "no m\u00f6re", reconnect)
        assert alice.read_close() == code


@pytest.mark.parametrize("members, code", [
    ({}, 107), ({"client": ""}, 107), ({"client": "a/b"}, 107), ({"client": "x" * 129}, 107), ({"user": "x" * 129}, 107),
    ({"client": "alice", "session": "s"}, 108), ({"client": "alice", "whitelist": [7]}, 107),
    *(({"client": "alice", "disconnect": how}, 107) for how in (
        {}, {"code": 1000}, {"code": 2999}, {"code": 5000}, {"code": -3500}, {"code": "3500"}, {"reason": "x"},
        {"code": 3500, "reason": "x" * 124}, {"code": 3500, "reason": '"'}, {"code": 3500, "reason": "\n"}))])
def test_who_cannot_be_disconnected(daemon, api, members, code):
    with subscriber(daemon, "news") as alice:
        assert error(api("disconnect", **members)) == code
        alice.send_text('{"type":"ping"}')
        assert alice.read_json()["type"] == "pong"


def test_subscribe(daemon, api):
    """Whatever a client may by itself; it is told as if it had asked."""
    with Raw(daemon.port).open("/ws/chat/alice") as alice, subscriber(daemon, "news", "bob") as bob:
        first = result(api("publish", channel="closed:1", data="before"))
        assert result(api("subscribe", client="alice", channel="closed:1")) == {}
        told = alice.read_json()
        assert (told["type"], told["channel"], told["recovered"]) == ("subscribed", "closed:1", False)
        assert (told["offset"], told["epoch"]) == (1, first["epoch"])
        assert result(api("subscribe", client="alice", channel="closed:1")) == {}  # once is enough
        result(api("publish", channel="closed:1", data="after"))
        assert alice.read_json()["data"] == "after"
        assert result(api("unsubscribe", client="alice", channel="closed:1")) == {}
        assert alice.read_json()["type"] == "unsubscribed"
        since = {"offset": 1, "epoch": first["epoch"]}
        result(api("subscribe", client="alice", channel="closed:1", recover_since=since))
        told = alice.read_json()
        assert told["recovered"] and [p["data"] for p in told["publications"]] == ["after"]
        bob.send_text('{"type":"ping"}')
        assert bob.read_json()["type"] == "pong"
    assert result(api("subscribe", client="nobody", channel="closed:1")) == {}


@pytest.mark.parametrize("members, code", [
    ({"channel": "news"}, 107), ({"client": "alice"}, 107), ({"client": "alice", "channel": "none:1"}, 102),
    ({"client": "alice", "channel": "news", "recover_since": {"epoch": "x"}}, 107),
    ({"client": "alice", "channel": "news", "recover_since": {"offset": -1}}, 107),
    ({"client": "alice", "channel": "news", "recover_since": {"offset": 1, "epoch": "much too long"}}, 107),
    *(({"client": "alice", "channel": "news", **more}, 108) for more in (
        {"info": {}}, {"b64info": "eA=="}, {"data": 1}, {"b64data": "eA=="}, {"expire_at": 1}, {"override": {}}))])
def test_what_cannot_be_subscribed(daemon, api, members, code):
    with Raw(daemon.port).open("/ws/chat/alice") as alice:
        assert error(api("subscribe", **members)) == code
        alice.send_text('{"type":"ping"}')
        assert alice.read_json()["type"] == "pong"


def test_too_many_subscriptions(start, tmp_path):
    daemon = serve(start, tmp_path, CHANNEL_LIMIT=1)
    with subscriber(daemon, "news"), connected(daemon) as api:
        assert error(api("subscribe", client="alice", channel="other")) == 106


def test_refresh(daemon, api):
    with Raw(daemon.port).open("/ws/chat/alice") as alice:
        assert result(api("refresh", client="alice", expire_at=int(time.time()) + 3600)) == {}
        told = alice.read_json()
        assert told["type"] == "auth_response" and 3_590_000 < told["expiresIn"] <= 3_600_000
        assert result(api("refresh", client="alice")) == {}  # it does not end at all
        assert error(api("refresh", client="alice", expire_at=-1)) == 107
        assert error(api("refresh", client="alice", info={})) == 108
        assert result(api("refresh", client="alice", expired=True)) == {}
        told = alice.read_json()
        assert (told["type"], told["reason"]) == ("goodbye", "token_expired")
    assert error(api("refresh")) == 107


@pytest.mark.skipif("libjwt no" in features(), reason="built without libjwt")
def test_all_of_a_user(start, tmp_path):
    """And of nobody else, but for who is spared."""
    from test_auth import SECRET, token  # what it needs may not be there

    (tmp_path / "key").write_bytes(SECRET)
    daemon = serve(start, tmp_path, AUTH="jwt", JWT_ALGORITHM="HS256", JWT_KEY_FILE=tmp_path / "key", WORKERS=2)
    clients = {ident: Raw(daemon.port).open(f"/ws/chat/{ident}?token={token(sub=user)}")
               for ident, user in [(f"a{n}", "al") for n in range(6)] + [("b0", "bo")]}

    def seen(kind):
        """Who has been told that, before the answer to a ping, if any comes."""
        found = set()
        for ident, one in clients.items():
            one.send_text('{"type":"ping"}')
            while (told := one.read_json()["type"]) not in ("pong", "goodbye"):
                found |= {ident} if told == kind else set()
            found |= {ident} if told == kind else set()
        return found

    with connected(daemon) as api:
        assert result(api("subscribe", user="al", channel="closed:1")) == {}
        assert seen("subscribed") == {f"a{n}" for n in range(6)}
        assert result(api("presence_stats", channel="closed:1")) == {"num_clients": 6, "num_users": 1}
        assert result(api("unsubscribe", user="al", client="a3", channel="closed:1")) == {}
        assert seen("unsubscribed") == {"a3"}
        assert result(api("unsubscribe", user="bo", client="a2", channel="closed:1")) == {}  # it is not his
        assert seen("unsubscribed") == set()
        assert result(api("disconnect", user="al", whitelist=["a1", "a4"])) == {}
        assert seen("goodbye") == {"a0", "a2", "a3", "a5"}
    for one in clients.values():
        one.sock.close()


def test_unsubscribe(daemon, api):
    with subscriber(daemon, "news") as alice, subscriber(daemon, "news", "bob") as bob:
        assert result(api("unsubscribe", channel="news", client="alice")) == {}
        told = alice.read_json()
        assert (told["type"], told["channel"], told["code"]) == ("unsubscribed", "news", 2000)
        result(api("publish", channel="news", data=1))
        assert bob.read_json()["data"] == 1
        alice.send_text('{"type":"ping"}')
        assert alice.read_json()["type"] == "pong"
    assert error(api("unsubscribe", channel="news")) == 107


def test_a_message_to_one_client(daemon, api):
    with Raw(daemon.port).open("/ws/chat/alice") as alice, Raw(daemon.port).open("/ws/chat/bob") as bob:
        for data in ({"a": 1}, "text", [1, None], "x" * 100_000):
            status, body = api("v1/connections/alice/messages", body=json.dumps(data))
            assert (status, body) == (202, {"status": "sent"})
            told = alice.read_json()
            assert (told["type"], told["data"]) == ("message", data) and told["timestamp"]
        bob.send_text('{"type":"ping"}')
        assert bob.read_json()["type"] == "pong"
    assert api("v1/connections/nobody/messages", body="1")[0] == 404
    for wrong in ("", "{", "1 2", "nul"):
        assert api("v1/connections/alice/messages", body=wrong)[0] == 400
    assert api("v1/connections/alice/messages", {}, body="1")[0] == 401


def test_batch(api):
    status, body = api("batch", commands=[{"publish": {"channel": "chat:1", "data": 1}}, {"history": {"channel": "chat:1"}},
                                          {"publish": {"channel": "none:1", "data": 1}}, {"nonsense": {}}, {}, 7])
    assert status == 200
    first, second, *rest = body["replies"]
    assert first["publish"]["offset"] == second["history"]["offset"] == 1
    assert [r["error"]["code"] for r in rest] == [102, 104, 107, 107]


def test_too_much_at_once(daemon, api):
    """Nothing of it is done."""
    with subscriber(daemon, "news") as alice:
        assert error(api("broadcast", channels=["news"] * 1001, data=1)) == 106
        assert error(api("batch", commands=[{"publish": {"channel": "news", "data": 1}}] * 1001)) == 106
        assert len(api("batch", commands=[{"publish": {"channel": "news", "data": 2}}] * 1000)[1]["replies"]) == 1000
        assert alice.read_json()["data"] == 2


def test_answers_are_bounded(api):
    for n in range(10):
        result(api("publish", channel="chat:1", data="x" * 1_000_000))
    history = {"history": {"channel": "chat:1", "limit": -1}}
    replies = api("batch", commands=[history] * 4)[1]["replies"]
    assert ["history" in reply for reply in replies] == [True, True, False, False]
    assert replies[2]["error"]["code"] == 106


@pytest.mark.parametrize("pattern, channels", [
    ("*", "chat:1 chat:22 chat:\u00fc news"), ("chat:*", "chat:1 chat:22 chat:\u00fc"), ("chat:?", "chat:1 chat:\u00fc"),
    ("*2", "chat:22"), ("*:*2*", "chat:22"), ("????", "news"), ("new", ""), ("newss", ""), ("", "chat:1 chat:22 chat:\u00fc news"),
    ("*" * 200 + "b", "")])
def test_patterns_of_channels(daemon, api, pattern, channels):
    with subscriber(daemon, "news"), subscriber(daemon, "chat:1", "b"), subscriber(daemon, "chat:22", "c"), \
            subscriber(daemon, "chat:\u00fc", "d"):
        assert set(result(api("channels", pattern=pattern))["channels"]) == set(channels.split())


@pytest.mark.parametrize("members, code", [
    ({"channel": "news"}, 107), ({"data": 1}, 107), ({"channel": "", "data": 1}, 107), ({"channel": "x" * 256, "data": 1}, 107),
    ({"channel": "a\nb", "data": 1}, 107), ({"channel": "none:1", "data": 1}, 102), ({"channel": "news", "b64data": "eA=="}, 108)])
def test_what_cannot_be_published(api, members, code):
    assert error(api("publish", **members)) == code


@pytest.mark.parametrize("body", ['{"channel":"news","data":1,"tags":{"a":1}}', '{"channel":"news","data":1,"tags":[]}', "{",
                                  "[]", "{} {}", '{"channel":7}', '{"data":1,"channel":["a"]}', "\x00"])
def test_what_is_no_request(api, body):
    status, text = api("publish", body=body)
    assert status == 400 and isinstance(text, str) and text
    assert result(api("publish", channel="news", data=1)) == {}


def test_bad_utf8(api):
    assert api("publish", body=b'{"channel":"news","data":"\xff"}')[0] == 400


def test_the_status_tells(api):
    headers = {"X-API-Key": KEY, "X-Centrifugo-Error-Mode": "transport"}
    assert api("publish", headers, channel="none:1", data=1) == (404, {"code": 102, "message": "unknown channel"})
    assert api("presence", headers, channel="news")[0] == 400
    assert api("publish", headers, channel="news", data=1)[0] == 200


@pytest.mark.parametrize("headers", [{"X-API-Key": KEY}, {"X-API-Key": OLD}, {"Authorization": f"apikey {KEY}"}])
def test_keys(api, headers):
    assert result(api("info", headers))


def test_key_in_the_query(api):
    assert result(api(f"info?api_key={KEY}", {}))


def test_wrong_keys(api):
    """As often as one may ask at all: who has no key is limited."""
    assert api("info", {"X-API-Key": KEY[:-1]}) == (401, "")
    assert not api.kept
    assert api("info", {})[0] == 429


def test_paths_and_verbs(daemon, api):
    assert api("nonsense")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", daemon.admin_port, timeout=30)
    connection.request("GET", "/api/publish", headers={"X-API-Key": KEY})
    assert connection.getresponse().status == 405
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    connection.request("POST", "/api/publish", "{}", {"X-API-Key": KEY})
    assert connection.getresponse().status == 404  # not on the public side
    connection.close()


def test_without_a_key_by_the_unix_socket_only(start, tmp_path):
    path = tmp_path / "channels.json"
    path.write_text(json.dumps(RULES))
    daemon = start(CHANNELS_FILE=str(path), admin=("v4", "unix"))
    request = b'POST /api/info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}'
    for address, status in ((daemon.address("admin", 0), b"401"), (daemon.address("admin", 1), b"200")):
        with Raw(address) as raw:
            raw.send(request)
            assert raw.read(12).split()[1] == status


def test_one_connection_for_all(api):
    """More of them than the rate of others allows, and none ends its connection."""
    for n in range(1, 51):
        assert result(api("publish", channel="chat:1", data=n))["offset"] == n
        assert api.kept


def test_pipelined(daemon):
    """Several in one segment: each has its answer, in order."""
    with Raw(daemon.admin_port) as raw:
        for n in range(20):
            body = json.dumps({"channel": "chat:p", "data": n})
            raw.send(f"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        response = http.client.HTTPResponse(raw.sock)
        answers = []
        stream = raw.sock.makefile("rb")
        for n in range(20):
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.append(json.loads(stream.read(length))["result"]["offset"])
        response.close()
    assert answers == list(range(1, 21))


def test_each_request_needs_the_key(start, raw, tmp_path):
    """Also on a connection that is kept; and who has none ends it, whatever follows in the same segment."""
    daemon = serve(start, tmp_path)
    one = raw(daemon.admin_port)
    body = '{"channel":"news","data":1}'
    for key in (f"X-API-Key: {KEY}\r\n", "", f"X-API-Key: {KEY}\r\n"):
        one.send(f"POST /api/publish HTTP/1.1\r\nHost: localhost\r\n{key}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answers = one.read_end()
    assert [part.split(b" ")[0] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"401"]
    assert metrics.read(daemon)['wsd_publications_received_total{source="api"}'] == 1


def test_kept_connections_keep_nobody_out(daemon, raw):
    """Backends may keep more of them than there are places for others; as many as may be are, and no more."""
    request = f"POST /api/info HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    kept = []
    for _ in range(130):
        one = raw(daemon.admin_port)
        one.send(request)
        answer = http.client.HTTPResponse(one.sock)
        answer.begin()
        assert answer.status == 200 and answer.read()
        kept.append(answer.getheader("Connection") != "close")
    assert kept == [True] * 128 + [False] * 2
    with connected(daemon) as api:
        assert result(api("info")) and not api.kept
    with raw(daemon.admin_port) as other:
        other.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert other.read(12).split()[1] == b"200"


def test_who_did_what_is_logged(daemon, api):
    result(api("history_remove", channel="chat:1"))
    assert error(api("disconnect")) == 107
    api("batch", commands=[{"unsubscribe": {"client": "nobody", "channel": "news"}}])
    result(api("publish", channel="news", data=1))
    api("info", {"X-API-Key": "wrong"})
    for what in ("history_remove by the backend 127.0.0.1 (code 0)", "disconnect by the backend 127.0.0.1 (code 107)",
                 "unsubscribe by the backend 127.0.0.1 (code 0)", "refused a call of /api/{id} by 127.0.0.1 (status 401)"):
        daemon.wait(lambda: what in daemon.text(), what)
    assert "publish by" not in daemon.text() and KEY not in daemon.text()


def test_long_bodies(daemon, api):
    assert api("publish", channel="news", data="x" * 900_000)[0] == 200
    with Raw(daemon.admin_port) as raw:
        raw.send(f"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\nContent-Length: 1048577\r\n\r\n".encode())
        assert raw.read(12).split()[1] == b"413"


def test_without_channels(start):
    daemon = start(API_KEY=KEY)
    connection = http.client.HTTPConnection("127.0.0.1", daemon.admin_port, timeout=30)
    connection.request("POST", "/api/publish", json.dumps({"channel": "news", "data": 1}), {"X-API-Key": KEY})
    assert json.loads(connection.getresponse().read())["error"]["code"] == 108
    connection.close()
