# SPDX-License-Identifier: MIT
"""Duplicates, replacement and resumption by the session token."""

import json
import time

from clients import CLOSE, TEXT, Closed, Raw, Refused, message, wait_open

import pytest


def token_of(c):
    return c.greeting["session"]


def test_second_connection_with_a_live_id_is_refused_with_409(wsd, client):
    first = client(wsd, "/ws/chat/bob")
    with pytest.raises(Refused) as refusal:
        client(wsd, "/ws/chat/bob")
    assert refusal.value.status == 409
    assert first.ask({"type": "message", "data": 1})["count"] == 1


def test_wrong_token_does_not_replace(wsd, client):
    client(wsd, "/ws/chat/bob")
    with pytest.raises(Refused) as refusal:
        client(wsd, "/ws/chat/bob?session=" + "0" * 32)
    assert refusal.value.status == 409


def test_token_replaces_the_live_connection(wsd, client):
    old = client(wsd, "/ws/chat/bob")
    old.ask({"type": "message", "data": 1})
    new = client(wsd, "/ws/chat/bob?session=" + token_of(old))
    goodbye = old.recv()
    assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"]) == ("goodbye", "replaced", False)
    assert old.wait_closed() == 4001
    assert new.greeting["resumed"] is True
    assert new.greeting["count"] == 1
    assert new.ask({"type": "message", "data": 1})["count"] == 2


def test_replacing_works_many_times_over(wsd, raw):
    c = raw(wsd).open("/ws/chat/bob")
    for n in range(20):
        c.ask('{"type":"message","data":1}')
        c = raw(wsd).open("/ws/chat/bob?session=" + token_of(c))
        assert c.greeting["count"] == n + 1


def test_token_resumes_after_a_close(wsd, client):
    first = client(wsd, "/ws/chat/bob")
    first.ask({"type": "message", "data": 1})
    first.close()
    wait_open(wsd, 0)
    again = client(wsd, "/ws/chat/bob?session=" + token_of(first))
    assert (again.greeting["resumed"], again.greeting["count"]) == (True, 1)


def test_token_resumes_after_the_network_broke(wsd, raw):
    first = raw(wsd).open("/ws/chat/bob")
    first.ask('{"type":"message","data":1}')
    first.sock.close()
    wait_open(wsd, 0)
    again = raw(wsd).open("/ws/chat/bob?session=" + token_of(first))
    assert (again.greeting["resumed"], again.greeting["count"]) == (True, 1)


def test_after_disconnect_there_is_nothing_to_resume(wsd, client):
    first = client(wsd, "/ws/chat/bob")
    first.ask({"type": "message", "data": 1})
    first.ask({"type": "disconnect"})
    first.wait_closed()
    wait_open(wsd, 0)
    again = client(wsd, "/ws/chat/bob?session=" + token_of(first))
    assert (again.greeting["resumed"], again.greeting["count"]) == (False, 0)


def test_without_the_token_a_closed_id_starts_anew(wsd, client):
    first = client(wsd, "/ws/chat/bob")
    first.ask({"type": "message", "data": 1})
    first.close()
    wait_open(wsd, 0)
    again = client(wsd, "/ws/chat/bob")
    assert (again.greeting["resumed"], again.greeting["count"]) == (False, 0)
    assert token_of(again) != token_of(first)


def test_session_is_forgotten_after_its_time(start, client, raw):
    wsd = start(SESSION_TTL=200)
    first = client(wsd, "/ws/chat/bob")
    first.ask({"type": "message", "data": 1})
    first.close()
    wait_open(wsd, 0)
    closed = time.monotonic()
    while time.monotonic() < closed + 0.5:  # the only sign that the time is over is the clock's
        raw(wsd).handshake(method="POST")
    again = client(wsd, "/ws/chat/bob?session=" + token_of(first))
    assert (again.greeting["resumed"], again.greeting["count"]) == (False, 0)


def test_no_session_is_kept_when_its_time_is_0(start, client):
    wsd = start(SESSION_TTL=0)
    first = client(wsd, "/ws/chat/bob")
    first.close()
    wait_open(wsd, 0)
    assert client(wsd, "/ws/chat/bob?session=" + token_of(first)).greeting["resumed"] is False


@pytest.mark.parametrize("token", ["x" * 65, "a%00b", "%zz"])
def test_token_that_cannot_be_one_is_refused_with_400(wsd, raw, token):
    assert raw(wsd).handshake("/ws/chat/bob?session=" + token).status == 400


def end_of(c):
    """What the client is told before its last message is answered, or until it is closed: (messages, close code)."""
    messages = []
    while True:
        opcode, payload = c.read_frame()
        if opcode == CLOSE:
            return messages, int.from_bytes(payload[:2], "big")
        if opcode == TEXT:
            messages.append(json.loads(payload))
            if messages[-1].get("id") == "last":
                return messages, None


def test_those_that_resume_at_once_replace_each_other(wsd, raw):
    """With the right token none is refused, and all but one are told that another took over."""
    for n in range(10):
        old = raw(wsd).open(f"/ws/chat/tabs{n}")
        old.ask(message())
        tabs = [raw(wsd) for _ in range(5)]
        for c in tabs:
            c.send(c.request(f"/ws/chat/tabs{n}?session=" + token_of(old)))
        assert [c.read_response().status for c in tabs] == [101] * 5
        assert [(c.read_json()["resumed"]) for c in tabs] == [True] * 5
        stays = []
        for c in [old, *tabs]:  # the last of them has been let in, and so the others have been told to go
            c.send_text(message(id="last"))
            messages, code = end_of(c)
            if code is None:
                stays.append(messages[-1]["count"])
            else:
                goodbye = messages[-1]
                assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"], code) == ("goodbye", "replaced", False, 4001)
        assert stays == [2]


def test_two_that_race_for_one_id_get_one_connection(wsd):
    for n in range(20):
        both = [Raw(wsd.port) for _ in range(2)]
        for c in both:
            c.send(c.request(f"/ws/chat/race{n}"))
        try:
            assert sorted(c.read_response().status for c in both) == [101, 409]
        except Closed:
            pytest.fail("a handshake got no answer")
        finally:
            for c in both:
                c.sock.close()
