# SPDX-License-Identifier: MIT
"""Channels in the chat protocol: who gets what is published, and what is made up for afterwards."""

import http.client
import json
import re
import signal
import threading

import pytest

import metrics
from clients import ask_operator, message, wait_open
from handoffs import BYE, DONE, SESSION, SESSIONS, TAKEN, Peer, told_to_come_back
from process import PATIENCE, listener, sanitized

OPEN = {"allow_subscribe_for_client": True, "allow_publish_for_client": True}
RULES = {"channel": {
    "without_namespace": {**OPEN, "history_size": 100, "history_ttl": "300s", "presence": True, "join_leave": True,
                          "force_recovery": True, "allow_history_for_client": True, "allow_presence_for_client": True},
    "namespaces": [
        {"name": "plain", **OPEN},
        {"name": "cache", **OPEN, "history_size": 1, "history_ttl": "300s", "force_recovery": True,
         "force_recovery_mode": "cache"},
        {"name": "readers", "allow_subscribe_for_client": True},
    ],
}}


@pytest.fixture
def rules(tmp_path):
    """A CHANNELS_FILE; rules(other) writes another."""
    path = tmp_path / "channels.json"

    def write(value=None):
        path.write_text(json.dumps(value or RULES), encoding="utf-8")
        return str(path)

    write()
    write.path = str(path)
    return write


@pytest.fixture
def serve(start, rules):
    """serve(**settings): a wsd with channels."""
    return lambda **how: start(**{"CHANNELS_FILE": rules.path, **how})


def read(c, kind=None):
    """The next message, without what no test can know."""
    value = c.read_json()
    value.pop("timestamp")
    for one in value.get("publications", []):
        del one["timestamp"]
        del one["epoch"]
    if kind:
        assert value["type"] == kind, value
    return value


def ask(c, kind, channel, **members):
    c.send_text(json.dumps({"type": kind, "channel": channel, **members}))
    return read(c)


def subscribe(c, channel, **members):
    answer = ask(c, "subscribe", channel, **members)
    assert answer["type"] == "subscribed", answer
    return answer


def publish(c, channel, data, **members):
    answer = ask(c, "publish", channel, data=data, **members)
    assert answer["type"] == "published", answer
    return answer


def data(c, n=1):
    """Of the next n messages, which are publications."""
    return [read(c, "publication")["data"] for _ in range(n)]


def position(of):
    return {"epoch": of["epoch"], "offset": of["offset"]}


# ---------------------------------------------------------------- publishing


def test_subscribers_get_what_is_published(serve, raw):
    """Over all workers."""
    wsd = serve(WORKERS=2)
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(8)]
    for c in people:
        answer = subscribe(c, "news", id=1)
        assert re.fullmatch(r"[A-Za-z0-9]{8}", answer.pop("epoch"))
        assert answer == {"type": "subscribed", "channel": "news", "offset": 0, "recovered": False, "publications": [],
                          "id": 1}
    publisher = raw(wsd).open("/ws/chat/publisher")
    answer = publish(publisher, "news", {"a": [1, "\u00e9"]}, id="p")
    epoch = answer["epoch"]
    assert answer == {"type": "published", "channel": "news", "epoch": epoch, "offset": 1, "id": "p"}
    for c in people:
        assert read(c) == {"type": "publication", "channel": "news", "data": {"a": [1, "\u00e9"]}, "offset": 1,
                           "epoch": epoch, "from": {"client": "publisher", "user": ""}}
    assert ask(people[0], "unsubscribe", "news") == {"type": "unsubscribed", "channel": "news", "code": 0,
                                                     "reason": "client unsubscribed"}
    publish(publisher, "news", 2)
    for c in people[1:]:
        assert data(c) == [2]
    assert people[0].ask(message())["count"] == 1, "and nothing came before"
    figures = metrics.read(wsd)
    assert figures['wsd_publications_received_total{source="client"}'] == 2
    assert figures["wsd_deliveries_total"] == 8 + 7


def test_publisher_hears_itself_before_the_answer(serve, raw):
    c = raw(serve()).open()
    subscribe(c, "news")
    c.send_text(json.dumps({"type": "publish", "channel": "news", "data": 1}))
    c.send_text(json.dumps({"type": "publish", "channel": "news", "data": 2, "echo": False}))
    c.send_text(json.dumps({"type": "publish", "channel": "news", "data": 3}))
    assert [read(c)["type"] for _ in range(5)] == ["publication", "published", "published", "publication", "published"]


def test_bursts_come_in_order(serve, raw):
    """Many publications of several clients at once: everybody sees each of them once, by offset."""
    wsd = serve(WORKERS=2)
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(4)]
    for c in people:
        subscribe(c, "news")
    for _ in range(10):
        for i, c in enumerate(people):
            for _ in range(10):
                c.send_text(json.dumps({"type": "publish", "channel": "news", "data": i}))
    for c in people:
        offsets, answers = [], 0
        while len(offsets) < 400 or answers < 100:
            value = read(c)
            if value["type"] == "publication":
                offsets.append(value["offset"])
            else:
                answers += 1
        assert offsets == list(range(1, 401))


def test_long_publications(serve, raw):
    wsd = serve(WORKERS=2)
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(4)]
    for c in people:
        subscribe(c, "news")
    for size in (100, 125, 126, 700, 5000, 60000):
        publish(raw(wsd).open(f"/ws/chat/p{size}"), "news", "x" * size)
        for c in people:
            assert data(c) == ["x" * size]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("said, code, why", [
    ({"type": "subscribe"}, "invalid_message", "channel is missing"),
    ({"type": "subscribe", "channel": "a", "recover": 1}, "invalid_message", "recover must be"),
    ({"type": "publish", "channel": "a"}, "invalid_message", "data is missing"),
    ({"type": "history", "channel": "a", "limit": "all"}, "invalid_message", "limit must be"),
    ({"type": "subscribe", "channel": ""}, "bad_request", "bad request"),
    ({"type": "subscribe", "channel": "x" * 256}, "bad_request", "bad request"),
    ({"type": "subscribe", "channel": "a\n"}, "bad_request", "bad request"),
    ({"type": "subscribe", "channel": "nowhere:a"}, "unknown_channel", "unknown channel"),
    ({"type": "publish", "channel": "readers:a", "data": 1}, "permission_denied", "permission denied"),
    ({"type": "history", "channel": "plain:a"}, "not_available", "not available"),
    ({"type": "presence", "channel": "plain:a"}, "not_available", "not available"),
    ({"type": "subscribe", "channel": "plain:a", "joinLeave": True}, "not_available", "not available"),
    ({"type": "history", "channel": "a", "since": {"epoch": "aaaaaaaa", "offset": 1}}, "unrecoverable_position",
     "unrecoverable position"),
], ids=lambda value: ascii(str(value))[:40])
def test_what_is_refused(serve, raw, said, code, why):
    c = raw(serve()).open()
    c.send_text(json.dumps({**said, "id": 7}))
    answer = read(c, "error")
    assert (answer["code"], answer["id"]) == (code, 7)
    assert answer["message"].startswith(why)
    if code not in ("invalid_message", "bad_request"):
        assert answer["channel"] == said["channel"]
    assert c.ask(message())["count"] == 1


def test_without_channels(wsd, raw):
    c = raw(wsd).open()
    for kind in ("subscribe", "unsubscribe", "publish", "presence", "history"):
        assert ask(c, kind, "a", data=1)["code"] == "not_available"


def test_limits(serve, raw):
    c = raw(serve(CHANNEL_LIMIT=2)).open()
    subscribe(c, "a")
    subscribe(c, "b")
    assert ask(c, "subscribe", "a")["code"] == "already_subscribed"
    assert ask(c, "subscribe", "c")["code"] == "limit_exceeded"
    ask(c, "unsubscribe", "a")
    subscribe(c, "c")


def test_publications_count_as_messages(serve, raw):
    c = raw(serve(RATE_LIMIT_MESSAGE="1/3")).open()
    answers = [ask(c, "publish", "a", data=1) for _ in range(4)]
    assert [a["type"] for a in answers] == ["published"] * 3 + ["error"]
    assert answers[3]["code"] == "rate_limited"


# ---------------------------------------------------------------- history, recovery


def test_history(serve, raw):
    c = raw(serve()).open()
    for i in range(1, 6):
        at = publish(c, "a", i)
    assert ask(c, "history", "a") == {"type": "history", "channel": "a", **position(at), "publications": []}
    who = {"client": "raw", "user": ""}
    assert ask(c, "history", "a", limit=2)["publications"] == [{"data": i, "offset": i, "from": who} for i in (1, 2)]
    answer = ask(c, "history", "a", limit=-1, since={"epoch": at["epoch"], "offset": 3})
    assert [one["data"] for one in answer["publications"]] == [4, 5]
    answer = ask(c, "history", "a", limit=-1, reverse=True)
    assert [one["data"] for one in answer["publications"]] == [5, 4, 3, 2, 1]


def test_who_comes_back_gets_what_it_missed(serve, raw):
    wsd = serve(WORKERS=2)
    old, publisher = raw(wsd).open("/ws/chat/old"), raw(wsd).open("/ws/chat/publisher")
    subscribe(old, "a")
    publish(publisher, "a", 1)
    at = read(old, "publication")
    old.sock.close()
    wait_open(wsd, 1)
    for i in range(2, 10):
        last = publish(publisher, "a", i)
    new = raw(wsd).open("/ws/chat/new")
    answer = subscribe(new, "a", recover=position(at))
    assert [one["data"] for one in answer["publications"]] == list(range(2, 10))
    assert answer["recovered"] and position(answer) == position(last)
    publish(publisher, "a", 10)
    assert data(new) == [10]
    answer = subscribe(raw(wsd).open("/ws/chat/late"), "a", recover={"epoch": "zzzzzzzz", "offset": 1})
    assert (answer["recovered"], answer["publications"], answer["offset"]) == (False, [], 10)
    figures = metrics.read(wsd)
    assert figures['wsd_recoveries_total{result="recovered"}'] == 1
    assert figures['wsd_recoveries_total{result="not_recovered"}'] == 1


def test_more_than_may_wait_is_not_recovered(serve, raw):
    wsd = serve(SEND_QUEUE_BYTES=16384)
    publisher = raw(wsd).open("/ws/chat/publisher")
    at = publish(publisher, "a", 0)
    for _ in range(5):
        publish(publisher, "a", "x" * 5000)
    c = raw(wsd).open()
    answer = subscribe(c, "a", recover=position(at))
    assert (answer["recovered"], answer["publications"], answer["offset"]) == (False, [], 6)
    assert ask(c, "history", "a", limit=-1)["code"] == "limit_exceeded"
    assert len(ask(c, "history", "a", limit=2)["publications"]) == 2


def test_only_the_last_is_cached(serve, raw):
    c = raw(serve()).open()
    for i in range(3):
        publish(c, "cache:a", i)
    answer = subscribe(c, "cache:a", recover={"offset": 0})
    assert answer["recovered"] and [one["data"] for one in answer["publications"]] == [2]


# ---------------------------------------------------------------- presence


def test_presence(serve, raw):
    wsd = serve(WORKERS=2)
    here, there = raw(wsd).open("/ws/chat/here"), raw(wsd).open("/ws/chat/there")
    subscribe(here, "a", joinLeave=True)
    assert read(here) == {"type": "joined", "channel": "a", "info": {"client": "here", "user": ""}}
    subscribe(there, "a")
    assert read(here) == {"type": "joined", "channel": "a", "info": {"client": "there", "user": ""}}
    clients = ask(there, "presence", "a", id=1)["clients"]
    assert sorted(one["client"] for one in clients) == ["here", "there"]
    there.sock.close()
    assert read(here) == {"type": "left", "channel": "a", "info": {"client": "there", "user": ""}}
    assert ask(here, "presence", "a") == {"type": "presence", "channel": "a", "clients": [{"client": "here", "user": ""}]}


# ---------------------------------------------------------------- slow clients


def test_slow_subscriber_is_closed_and_others_are_served(serve, raw):
    wsd = serve(SEND_QUEUE_BYTES=65536)
    slow, quick = raw(wsd, receive_buffer=4096).open("/ws/chat/slow"), raw(wsd).open("/ws/chat/quick")
    publisher = raw(wsd).open("/ws/chat/publisher")
    subscribe(slow, "plain:a")
    subscribe(quick, "plain:a")
    for _ in range(1000):
        publish(publisher, "plain:a", "x" * 10000)
        assert data(quick) == ["x" * 10000]
        if metrics.read(wsd)['websocket_errors_total{code="slow_client"}'] == 1:
            break
    seen = 0
    while (value := read(slow))["type"] == "publication":
        seen += 1
        assert value["offset"] == seen
    assert (value["type"], value["reason"]) == ("goodbye", "slow client")
    assert slow.read_close() == 1013


# ---------------------------------------------------------------- new rules


def test_new_rules(serve, raw, rules):
    """Whoever is in a namespace that goes is told; the others stay, and what is allowed from now on is what the new ones say."""
    wsd = serve(WORKERS=2)
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(4)]
    for c in people:
        subscribe(c, "plain:a")
        subscribe(c, "readers:a")
        subscribe(c, "a")
    publish(people[0], "a", 1, echo=False)
    for c in people[1:]:
        data(c)
    rules({"channel": {"without_namespace": RULES["channel"]["without_namespace"],
                       "namespaces": [{"name": "readers", **OPEN}]}})
    wsd.send_signal(signal.SIGHUP)
    for c in people:
        assert read(c) == {"type": "unsubscribed", "channel": "plain:a", "code": 2000, "reason": "server unsubscribe"}
    publish(people[0], "readers:a", 2, echo=False)
    publish(people[0], "a", 3, echo=False)
    for c in people[1:]:
        assert sorted(data(c, 2)) == [2, 3]


# ---------------------------------------------------------------- moves


def restart(serve, unit, wsd, **settings):
    wsd.send_signal(signal.SIGUSR2)
    assert wsd.wait_exit() == 0, wsd.text()
    return serve(unit=unit, PARKING="on", **settings)


def test_restart_keeps_subscriptions_and_positions(serve, unit, raw):
    wsd = serve(unit=unit, PARKING="on", WORKERS=2)
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(8)]
    for c in people:
        subscribe(c, "plain:b")
        subscribe(c, "a", joinLeave=c is people[0])
    for _ in people:
        read(people[0], "joined")
    at = publish(people[1], "plain:b", 0, echo=False)
    for c in people[:1] + people[2:]:
        assert data(c) == [0]
    for n in range(1, 4):
        for c in people:
            c.send_text(json.dumps({"type": "publish", "channel": "a", "data": n, "echo": False}))
        wsd = restart(serve, unit, wsd, WORKERS=2)
        for i, c in enumerate(people):
            values = [read(c) for _ in people]
            published = [v["offset"] for v in values if v["type"] == "published"]
            offsets = [v["offset"] for v in values if v["type"] == "publication"]
            assert sorted(offsets + published) == list(range(8 * n - 7, 8 * n + 1)), values
    assert publish(people[1], "plain:b", 9, echo=False)["epoch"] == at["epoch"]
    for c in people[:1] + people[2:]:
        assert data(c) == [9]
    clients = ask(people[2], "presence", "a")["clients"]
    assert sorted(one["client"] for one in clients) == sorted(f"c{i}" for i in range(8))
    assert metrics.read(wsd)["wsd_gaps_total"] == 0
    people[7].sock.close()
    assert read(people[0], "left")["info"]["client"] == "c7"


class Backend(threading.Thread):
    """Publishes its count to each channel in turn, until it is told to stop; what was not answered it says again, with the same
    idempotency key."""

    def __init__(self, address, channels):
        super().__init__()
        self.address, self.channels = address, channels
        self.published = 0  # to each of them
        self.going = True

    def _say(self, connection, channel, n):
        body = json.dumps({"channel": channel, "data": n, "idempotency_key": str(n)})
        connection.request("POST", "/api/publish", body, {"X-API-Key": KEY})
        answer = json.loads(connection.getresponse().read())
        return "result" in answer  # else it is about to end

    def _until_it_is_published(self, channel, n):
        while True:
            connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
            try:
                if self._say(connection, channel, n):
                    return
            except (OSError, http.client.HTTPException, ValueError):
                pass  # between two processes
            finally:
                connection.close()

    def run(self):
        while self.going:
            for channel in self.channels:
                self._until_it_is_published(channel, self.published + 1)
            self.published += 1


KEY = "key-of-the-backends"


def test_publications_of_backends_flow_over_restarts(serve, unit, raw):
    """Each comes to each subscriber, once, in order, in channels with a history and without."""
    settings = {"WORKERS": 2, "API_KEY": KEY}
    wsd = serve(unit=unit, PARKING="on", **settings)
    channels = ["a", "plain:b"]
    people = [raw(wsd).open(f"/ws/chat/c{i}") for i in range(20)]
    for c in people:
        for channel in channels:
            subscribe(c, channel)
    backend = Backend(("127.0.0.1", wsd.admin_port), channels)
    backend.start()
    try:
        got = {(c, channel): 0 for c in people for channel in channels}

        def hear(times):
            for c in people:
                for _ in range(times * len(channels)):
                    value = read(c, "publication")
                    key = (c, value["channel"])
                    assert value["data"] == value["offset"] == got[key] + 1, value
                    got[key] += 1

        for _ in range(4):
            hear(20)
            wsd = restart(serve, unit, wsd, **settings)
    finally:
        backend.going = False
        backend.join()
    while min(got.values()) < backend.published:
        hear(1)
    assert metrics.read(wsd)["wsd_gaps_total"] == 0


def test_namespace_that_is_gone_after_a_restart(serve, unit, raw, rules):
    wsd = serve(unit=unit, PARKING="on")
    c = raw(wsd).open()
    subscribe(c, "plain:a")
    subscribe(c, "a")
    rules({"channel": {"without_namespace": RULES["channel"]["without_namespace"]}})
    wsd = restart(serve, unit, wsd)
    assert read(c) == {"type": "unsubscribed", "channel": "plain:a", "code": 2000, "reason": "server unsubscribe"}
    publish(c, "a", 1, echo=False)


@pytest.mark.skipif(sanitized(), reason="a sanitizer's runtime handles fatal signals by itself")
def test_crash_tells_subscribers_to_come_back(serve, raw):
    """The others go on. Who comes back recovers, as the history outlives the crash."""
    wsd = serve(KEEPER="on", CRASH_LIMIT=15, before="ulimit -c 0")
    ann, bob = raw(wsd).open("/ws/chat/ann"), raw(wsd).open("/ws/chat/bob")
    subscribe(ann, "a")
    publish(bob, "a", 1)
    at = read(ann, "publication")
    publish(bob, "a", 2)
    assert data(ann) == [2]
    for _ in range(2):
        ask_operator(wsd.address("admin"), "/api/v1/connections?limit=1000")
    line = wsd.crash(signal.SIGKILL)
    assert (line["WS_CONNECTIONS"], line["WS_CLOSED"]) == (1, 1)
    assert ann.read_close() == 1012
    publish(bob, "a", 3)
    again = raw(wsd).open("/ws/chat/ann?session=" + ann.greeting["session"])
    assert again.greeting["resumed"]
    answer = subscribe(again, "a", recover=position(at))
    assert answer["recovered"] and [one["data"] for one in answer["publications"]] == [2, 3]


def test_handoff_tells_of_the_gap(instance, rules, raw):
    """The other instance has channels of its own: whoever moves is told where it stands there, and goes on from there."""
    blue, green = (instance(name, CHANNELS_FILE=rules.path) for name in ("blue", "green"))
    people = [raw(blue).open(f"/ws/chat/c{i}") for i in range(4)]
    for c in people:
        subscribe(c, "a")
        publish(c, "a", 1, echo=False)
    state = instance.hand_over("blue", "green")
    assert (state["state"], state["moved"]) == ("done", 4), state
    wait_open(green, 4)
    for c in people:
        while (value := read(c))["type"] == "publication":
            pass
        assert (value["type"], value["channel"], value["offset"]) == ("gap", "a", 0), value
    at = publish(people[0], "a", 2, echo=False)
    assert (at["epoch"], at["offset"]) == (value["epoch"], 1)
    for c in people[1:]:
        assert data(c) == [2]
    assert metrics.read(green)["wsd_gaps_total"] == 4


def test_older_instance_gets_no_subscribers(instance, rules, raw):
    """It would drop what they are subscribed to without a word: they are told to come back, with their session."""
    blue = instance("blue", CHANNELS_FILE=rules.path)
    instance.make_sockets("green", listener())
    c = raw(blue).open("/ws/chat/c")
    subscribe(c, "a")
    instance.begin("blue", "green")
    with instance.units["green"].passed()[3][1] as sock:
        peer = Peer.accept(sock, 1, 2)
    while (heard := peer.hear())[0] != SESSION:
        assert heard[0] == SESSIONS, heard
    peer.say(TAKEN, heard[1])
    told_to_come_back(c)
    while peer.hear()[0] != DONE:
        pass
    peer.say(BYE)
    assert instance.wait_over("blue")["state"] == "done"
