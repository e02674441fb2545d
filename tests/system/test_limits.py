# SPDX-License-Identifier: MIT
"""Limits on connections, messages and queues."""

import threading

import pytest

from clients import CLOSE, CONTINUATION, PING, TEXT, BINARY, Refused, connect, frame, message, wait_open
from metrics import gained, read, wait_paused
from process import PATIENCE, SCALE


def test_one_more_than_max_connections_gets_503(start, client):
    wsd = start(MAX_CONNECTIONS=3)
    clients = [client(wsd, f"/ws/chat/c{n}") for n in range(3)]
    with pytest.raises(Refused) as refusal:
        client(wsd, "/ws/chat/c3")
    assert refusal.value.status == 503
    assert int(refusal.value.headers["Retry-After"]) >= 1
    clients[0].close()
    wait_open(wsd, 2)
    client(wsd, "/ws/chat/c3")


def test_replacing_works_when_full(start, client):
    wsd = start(MAX_CONNECTIONS=1)
    old = client(wsd, "/ws/chat/a")
    old.ask({"type": "message", "data": 1})
    new = client(wsd, "/ws/chat/a?session=" + old.greeting["session"])
    assert new.greeting["count"] == 1
    assert old.recv()["reason"] == "replaced"


def test_health_answers_when_full(start, client):
    from clients import http
    wsd = start(MAX_CONNECTIONS=1)
    client(wsd)
    assert http(wsd.port, "/healthz").status == 200


def test_connections_of_one_address_are_limited(start, raw):
    wsd = start(MAX_CONNECTIONS_PER_IP=2, TRUSTED_PROXIES="192.0.2.1")
    for n in range(2):
        raw(wsd).open(f"/ws/chat/c{n}")
    response = raw(wsd).handshake("/ws/chat/c2")
    assert response.status == 429 and int(response.headers["retry-after"]) >= 1
    raw(wsd, source="127.0.0.2").open("/ws/chat/c3")


def test_replacing_a_connection_is_not_one_more(start, raw):
    wsd = start(MAX_CONNECTIONS_PER_IP=1, TRUSTED_PROXIES="192.0.2.1")
    first = raw(wsd)
    token = first.open("/ws/chat/c").greeting["session"]
    raw(wsd).open(f"/ws/chat/c?session={token}")
    assert first.read_json()["reason"] == "replaced"


def test_clients_behind_a_trusted_proxy_are_told_apart(start, raw):
    wsd = start(MAX_CONNECTIONS_PER_IP=1)
    for n, status in ((1, 101), (2, 101), (1, 429)):
        client = [("X-Forwarded-For", f"203.0.113.{n}")]
        assert raw(wsd).handshake(f"/ws/chat/{n}-{status}", add=client).status == status
    for n in range(3):  # its own connections are our equipment's
        raw(wsd).open(f"/ws/chat/own{n}")


PROXIES = "127.0.0.0/8,10.0.0.0/8"


@pytest.mark.parametrize("lines", [
    ["203.0.113.1"], ["8.8.8.8, 203.0.113.1"], ["8.8.8.8", "203.0.113.1"], ["203.0.113.1, 10.0.0.7"],
    ["203.0.113.1", "10.0.0.7"], ["8.8.8.8, 203.0.113.1", "10.0.0.8, 10.0.0.7", "127.0.0.9"], ["203.0.113.1,,", "", " , "],
    ["nonsense, 203.0.113.1"], ["10.0.0.9", "nonsense", "203.0.113.1 , 10.0.0.7"], ["203.0.113.1:4711"],
], ids=str)
def test_client_is_the_rightmost_address_that_is_no_proxy(start, raw, lines):
    """However the proxies write it; what stands to the left of it is the client's own word."""
    wsd = start(MAX_CONNECTIONS_PER_IP=1, TRUSTED_PROXIES=PROXIES)
    raw(wsd).open("/ws/chat/first", add=[("X-Forwarded-For", "203.0.113.1")])
    assert raw(wsd).handshake(add=[("X-Forwarded-For", line) for line in lines]).status == 429


@pytest.mark.parametrize("lines", [
    ["nonsense"], ["203.0.113.1, nonsense"], ["203.0.113.1", "\xff\xfe"], ["203.0.113.1, 999.1.1.1"], ["unknown"],
    ["203.0.113.1, _hidden"], ["203.0.113.1, \"[2001:db8::1]\""], ["203.0.113.1, " + "1" * 3000], ["10.0.0.1"] * 17,
], ids=lambda lines: str(lines)[:40])
def test_garbage_in_x_forwarded_for_is_counted_for_the_proxy(start, raw, lines):
    """Not for the address to the left of it, and not for nobody."""
    wsd = start(MAX_CONNECTIONS_PER_IP=1, TRUSTED_PROXIES=PROXIES)
    add = [("X-Forwarded-For", line) for line in lines]
    raw(wsd).open("/ws/chat/first", add=add)
    assert raw(wsd).handshake("/ws/chat/second", add=add).status == 429
    raw(wsd).open("/ws/chat/third", add=[("X-Forwarded-For", "203.0.113.1")])


def test_x_forwarded_for_of_strangers_is_not_believed(start, raw):
    wsd = start(MAX_CONNECTIONS_PER_IP=1, TRUSTED_PROXIES="192.0.2.1")
    for n, status in ((1, 101), (2, 429), (3, 429)):
        add = [("X-Forwarded-For", f"203.0.113.{n}")]
        assert raw(wsd).handshake(f"/ws/chat/{n}", add=add).status == status


def test_ipv6_clients_are_counted_by_64(start, raw):
    wsd = start(MAX_CONNECTIONS_PER_IP=2)
    for address, status in (("2001:db8:0:1::1", 101), ("2001:db8:0:1:ffff::2", 101), ("2001:db8:0:1:1:2:3:4", 429),
                            ("2001:db8:0:2::1", 101), ("[2001:db8:0:1::9]:443", 429), ("::ffff:203.0.113.1", 101)):
        client = [("X-Forwarded-For", address)]
        assert raw(wsd).handshake("/ws/chat/" + address.strip("[").replace(":", "-").replace("]", "-"), add=client).status == status


def test_retry_after_says_when_the_next_connection_is_taken(start, raw):
    """In whole seconds, rounded up."""
    wsd = start(RATE_LIMIT_CONNECT="1/2", TRUSTED_PROXIES="192.0.2.1")
    answers = [raw(wsd).handshake(f"/ws/chat/c{n}") for n in range(20)]
    refused = [a for a in answers if a.status == 429]
    assert len(refused) >= 1
    for answer in refused:
        assert answer.headers["retry-after"] == "1"
        assert answer.json["error"]["code"] == "rate_limited"


def test_connects_of_a_64_are_rate_limited_together(start, raw):
    wsd = start(RATE_LIMIT_CONNECT="1/2")
    statuses = [raw(wsd).handshake(f"/ws/chat/c{n}", add=[("X-Forwarded-For", f"2001:db8::{n:x}")]).status for n in range(8)]
    assert statuses[:2] == [101] * 2 and 429 in statuses[2:]
    assert raw(wsd).handshake("/ws/chat/o", add=[("X-Forwarded-For", "2001:db8:0:1::1")]).status == 101


def test_connects_of_one_address_are_rate_limited(start, raw):
    wsd = start(RATE_LIMIT_CONNECT="1/3", TRUSTED_PROXIES="192.0.2.1")
    statuses = [raw(wsd).handshake(f"/ws/chat/c{n}").status for n in range(8)]
    assert statuses[:3] == [101] * 3
    assert 429 in statuses[3:]
    raw(wsd, source="127.0.0.2").open("/ws/chat/other")


def test_message_of_the_greatest_size_is_taken(start, raw):
    wsd = start(MAX_MESSAGE_BYTES=1000)
    c = raw(wsd).open()
    text = message("x" * (1000 - len(message(""))))
    assert len(text) == 1000
    assert c.ask(text)["count"] == 1


@pytest.mark.parametrize("how", ["one frame", "fragments", "many fragments", "announced 2^62", "announced 2^63-1", "binary"])
def test_larger_message_is_refused_with_1009(start, raw, how):
    wsd = start(MAX_MESSAGE_BYTES=1000)
    c = raw(wsd).open("/ws/chat/big")
    c.send({
        "one frame": frame(TEXT, "x" * 1001),
        "fragments": frame(TEXT, "x" * 600, fin=False) + frame(CONTINUATION, "x" * 401),
        "many fragments": frame(TEXT, "x", fin=False) + frame(CONTINUATION, "x" * 10, fin=False) * 101,
        "announced 2^62": frame(TEXT, "x", length=1 << 62, form=64),
        "announced 2^63-1": frame(TEXT, "x", length=(1 << 63) - 1, form=64),
        "binary": frame(BINARY, b"x" * 1001),
    }[how])
    error = c.read_json()
    assert error["code"] == "too_large"
    assert c.read_close() == 1009
    wsd.wait_log(WS_CONNECTION_ID="big", WS_CLOSE_CODE=1009)


def test_large_message_in_small_pieces_is_whole(start, raw):
    wsd = start(MAX_MESSAGE_BYTES=1 << 20)
    c = raw(wsd).open()
    text = message("y" * 900000)
    pieces = [text[i:i + 7001] for i in range(0, len(text), 7001)]
    c.send(frame(TEXT, pieces[0], fin=False))
    for piece in pieces[1:-1]:
        c.send(frame(CONTINUATION, piece, fin=False))
    c.send(frame(CONTINUATION, pieces[-1]))
    assert c.read_json()["count"] == 1


def ask_without_reading(c):
    """Until no more goes out: the client reads nothing, so the server reads nothing either, and what is sent stays in the
    kernel. How many bytes of BURST went."""
    sent = 0
    c.sock.setblocking(False)
    try:
        while True:
            sent += c.sock.send(BURST[sent % len(BURST):])
    except BlockingIOError:
        c.sock.setblocking(True)
        c.sock.settimeout(PATIENCE)
        return sent


BURST = frame(TEXT, message("x", id="i" * 200)) * 200


def test_client_that_never_reads_is_not_read_from(start, raw):
    wsd = start()
    c = raw(wsd, receive_buffer=4096).open("/ws/chat/deaf")
    ask_without_reading(c)
    wait_paused(wsd, 1)
    ask_without_reading(c)
    before = read(wsd)
    other = raw(wsd).open("/ws/chat/other")
    for n in range(100):
        assert other.ask(message())["count"] == n + 1
    after = read(wsd)
    assert after["websocket_messages_total"] == before["websocket_messages_total"] + 100
    assert after["websocket_send_queue_bytes"] < 100000
    c.sock.close()
    wait_paused(wsd, 0)


@pytest.mark.parametrize("close", [False, True], ids=["stays", "says close"])
def test_client_that_never_reads_is_closed_with_1013(start, raw, close):
    """After SEND_TIMEOUT, in which it takes nothing; its Close frame, if there is one, waits behind what it asked."""
    wsd = start(SEND_TIMEOUT=500)
    c = raw(wsd, receive_buffer=4096).open("/ws/chat/deaf")
    before = read(wsd)
    sent = ask_without_reading(c)
    if close:
        threading.Thread(target=goes_on, args=(c, BURST[sent % len(BURST):] + frame(CLOSE)), daemon=True).start()
    wsd.wait_log(WS_CONNECTION_ID="deaf", WS_CLOSE_CODE=1013)
    assert gained(before, read(wsd))['websocket_errors_total{code="slow_client"}'] == 1


def goes_on(c, data):
    try:
        c.send(data)
    except OSError:
        pass


def test_heartbeats_that_pile_up_close_with_1013(start, raw):
    """What comes from others than itself is bounded by SEND_QUEUE_BYTES."""
    wsd = start(SEND_QUEUE_BYTES=4096, HEARTBEAT_INTERVAL=100)
    c = raw(wsd, receive_buffer=4096).open("/ws/chat/deaf")
    ask_without_reading(c)
    wsd.wait_log(WS_CONNECTION_ID="deaf", WS_CLOSE_CODE=1013)


def test_client_that_takes_a_little_is_not_too_slow(start, raw):
    """For longer than SEND_TIMEOUT in all, as the heartbeats tell; nor is it silent, though nothing it says is read."""
    timeout = 3000 * SCALE
    wsd = start(SEND_TIMEOUT=int(timeout), CONNECTION_TIMEOUT=int(timeout), HEARTBEAT_INTERVAL=100, SEND_QUEUE_BYTES=1 << 24)
    c = raw(wsd, receive_buffer=4096).open("/ws/chat/slow")
    threading.Thread(target=goes_on, args=(c, BURST * 1000), daemon=True).start()
    wait_paused(wsd, 1)
    while read(wsd)["websocket_heartbeats_total"] < 1.5 * timeout / 100:
        c.read(1000)
    assert not wsd.logged(WS_CONNECTION_ID="slow", WS_CLOSED_BY="server")


def test_slow_client_gets_all_that_it_asked_for(start, raw):
    wsd = start()
    c = raw(wsd, receive_buffer=4096).open()
    n = 20000
    sender = threading.Thread(target=goes_on, args=(c, frame(TEXT, message("x", id="i" * 200)) * n))
    sender.start()
    wait_paused(wsd, 1)
    for count in range(1, n + 1):
        assert c.read_json()["count"] == count
    sender.join()
    wait_paused(wsd, 0)


def test_slow_client_does_not_hold_up_others(start, raw):
    wsd = start(WORKERS=1, SEND_QUEUE_BYTES=1 << 24)
    deaf = raw(wsd, receive_buffer=4096).open("/ws/chat/deaf")
    for _ in range(50):
        deaf.send(frame(TEXT, message("x", id="i" * 200)) * 100)
    other = raw(wsd).open("/ws/chat/other")
    for n in range(100):
        assert other.ask(message())["count"] == n + 1


def test_flood_of_pings_does_no_harm(wsd, raw):
    c = raw(wsd, receive_buffer=4096).open("/ws/chat/flood")
    c.sock.setblocking(False)
    burst = frame(PING, b"x" * 125) * 100
    try:
        for _ in range(500):
            c.sock.send(burst)
    except OSError:
        pass
    assert raw(wsd).open("/ws/chat/other").ask(message())["count"] == 1


def test_idle_tcp_connections_do_not_hold_up_handshakes(wsd, raw):
    """More than a bound in all may wait without a request; those who do send one are served."""
    waiting = [connect(wsd.port) for _ in range(300)]
    try:
        raw(wsd).open()
    finally:
        for sock in waiting:
            sock.close()


def test_pending_handshakes_are_bounded(start):
    """However many connect and say nothing, the rest of them are answered or closed, and the bound holds."""
    wsd = start(MAX_CONNECTIONS=200)
    waiting = []
    try:
        for n in range(1500):
            try:
                waiting.append(connect(wsd.port, source=f"127.0.{n % 7}.{n % 200 + 1}"))
            except OSError:
                break
        assert read(wsd)["websocket_handshakes_pending"] <= 1200
        from clients import http
        assert http(wsd.admin_port, "/healthz").status == 200
    finally:
        for sock in waiting:
            sock.close()
