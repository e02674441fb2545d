# SPDX-License-Identifier: MIT
"""Each message of the protocol, seen by a well-behaved client."""

import re
from datetime import datetime, timezone

import pytest

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def is_now(text):
    assert TIMESTAMP.fullmatch(text), text
    then = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return abs((datetime.now(timezone.utc) - then).total_seconds()) < 60


def test_greeting_says_who_and_where(start, client):
    wsd = start(INSTANCE="blue", HEARTBEAT_INTERVAL=12345)
    greeting = client(wsd, "/ws/chat/alice").greeting
    assert is_now(greeting.pop("timestamp"))
    assert re.fullmatch(r"[A-Za-z0-9._~-]{16,64}", greeting.pop("session"))
    assert greeting == {"type": "connection_established", "connectionId": "alice", "count": 0, "instance": "blue",
                        "resumed": False, "heartbeatInterval": 12345}


def test_each_message_is_counted_and_answered(wsd, client):
    c = client(wsd)
    for n in range(1, 4):
        answer = c.ask({"type": "message", "data": "x"})
        assert is_now(answer.pop("timestamp"))
        assert answer == {"type": "message_response", "count": n}


@pytest.mark.parametrize("ident", ["a", "", 'quote " backslash \\ slash /', "\u00e4\u20ac\U0001f600", 0, 17, -3, 1.5, 1e300])
def test_id_comes_back(wsd, client, ident):
    assert client(wsd).ask({"type": "message", "data": None, "id": ident})["id"] == ident


@pytest.mark.parametrize("data", [None, True, 0, "", [], {}, {"deep": [1, [2, {"x": None}]]}])
def test_data_may_be_any_value(wsd, client, data):
    assert client(wsd).ask({"type": "message", "data": data})["count"] == 1


def test_ping_gets_pong(wsd, client):
    c = client(wsd)
    pong = c.ask({"type": "ping"})
    assert (pong["type"], pong["instance"]) == ("pong", "test")
    assert c.ask({"type": "ping", "id": 4})["id"] == 4
    assert c.ask({"type": "message", "data": 1})["count"] == 1, "pings are not counted"


def test_disconnect_gets_goodbye_and_1000(wsd, client):
    c = client(wsd)
    c.ask({"type": "message", "data": 1})
    goodbye = c.ask({"type": "disconnect"})
    assert is_now(goodbye.pop("timestamp"))
    assert goodbye == {"type": "goodbye", "reason": "disconnect", "total": 1, "reconnect": False, "retryAfter": 0}
    assert c.wait_closed() == 1000


@pytest.mark.parametrize("text, code", [
    ("", "invalid_json"),
    ("nonsense", "invalid_json"),
    ("{", "invalid_json"),
    ("[]", "invalid_json"),
    ('"message"', "invalid_json"),
    ("null", "invalid_json"),
    ('{"type":"message","data":1} trailing', "invalid_json"),
    ('{"type":"message","data":01}', "invalid_json"),
    ('{"type":"message","data":"\t"}', "invalid_json"),
    ('{"type":"message","data":' + "[" * 100 + "]" * 100 + "}", "invalid_json"),
    ("{}", "invalid_message"),
    ('{"type":1}', "invalid_message"),
    ('{"type":"message"}', "invalid_message"),
    ('{"type":"message","data":1,"id":[]}', "invalid_message"),
    ('{"type":"message","data":1,"id":"' + "x" * 300 + '"}', "invalid_message"),
    ('{"type":"dance"}', "unknown_type"),
    ('{"type":""}', "unknown_type"),
], ids=lambda value: ascii(value[:30]))
def test_bad_message_is_refused_and_the_connection_stays(wsd, client, text, code):
    c = client(wsd)
    error = c.ask(text)
    assert (error["type"], error["code"]) == ("error", code)
    assert error["message"] and is_now(error["timestamp"])
    assert c.ask({"type": "message", "data": 1})["count"] == 1, "what was refused is not counted"


def test_error_carries_the_id_where_it_is_known(wsd, client):
    c = client(wsd)
    assert c.ask({"type": "dance", "id": "q7"})["id"] == "q7"
    assert c.ask({"type": "message", "id": 8})["id"] == 8
    assert "id" not in c.ask("nonsense")


def test_binary_is_unsupported_and_the_connection_stays(wsd, client):
    c = client(wsd)
    assert c.ask(b"\x00\xff")["code"] == "unsupported"
    assert c.ask(b"")["code"] == "unsupported"
    assert c.ask({"type": "message", "data": 1})["count"] == 1


def test_many_messages_at_once_are_answered_in_order(wsd, raw):
    from clients import TEXT, frame, message
    c = raw(wsd).open()
    c.send(b"".join(frame(TEXT, message(n, id=n)) for n in range(2000)))
    answers = [c.read_json() for _ in range(2000)]
    assert [a["id"] for a in answers] == list(range(2000))
    assert [a["count"] for a in answers] == list(range(1, 2001))


def test_bytes_that_drip_in_one_by_one_are_a_message(wsd, raw):
    from clients import TEXT, frame, message
    c = raw(wsd).open()
    for byte in frame(TEXT, message()):
        c.send(bytes([byte]))
    assert c.read_json()["count"] == 1


def test_rate_limit_refuses_and_then_closes(start, client):
    c = client(start(RATE_LIMIT_MESSAGE="1/5"))
    answers = [c.ask({"type": "message", "data": n}) for n in range(6)]
    assert [a["type"] for a in answers] == ["message_response"] * 5 + ["error"]
    assert answers[5]["code"] == "rate_limited"


def test_who_goes_on_over_the_rate_limit_is_closed_with_1008(start, raw):
    from clients import TEXT, frame, message
    c = raw(start(RATE_LIMIT_MESSAGE="1/5")).open()
    c.send(frame(TEXT, message()) * 50)
    while (answer := c.read_json())["type"] != "goodbye":
        pass
    assert answer["reason"] == "rate limit"
    assert c.read_close() == 1008
