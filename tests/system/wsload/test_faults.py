# SPDX-License-Identifier: MIT
"""Whatever a server does wrong, wsload reports exactly that and nothing else."""
from peer import PING, TEXT, Peer

TROUBLE = ["closed", "refused", "lost", "late", "repeated", "out_of_order", "count_errors", "unknown_answers", "missed",
           "server_errors", "protocol_errors", "connect_failed", "closed_by_client_unanswered"]


def trouble(outcome):
    return {name: outcome.counts[name] for name in TROUBLE if outcome.counts[name]}


def balanced(outcome):
    c = outcome.counts
    return c["sent"] == c["answered"] + c["refused"] + c["lost"]


def test_a_faultless_server_has_no_faults(wsload):
    with Peer() as peer:
        run = wsload("-c", 20, "-d", "500ms", "--fail-if", "lost>0 errors>0% success<100%", peer.url)
    assert run.status == 0
    assert trouble(run) == {}
    assert run.counts["sent"] == run.counts["answered"] == peer.received == peer.answered > 0
    assert run.counts["connected"] == peer.established == 20
    assert run.counts["closed_by_client"] == 20
    assert peer.client_closes == [1000] * 20
    assert sorted(p for p, _, _ in peer.handshakes) == sorted("/ws/chat/load-%d" % n for n in range(20))


def test_every_hundredth_answer_is_dropped(wsload):
    dropped = []

    def answer(peer, c, message, count):
        if peer.received % 100 == 0:
            dropped.append(message["id"])
        else:
            peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 5, "-i", 4, "-d", "1s", "--answer-timeout", "2s", "--fail-if", "lost>0", peer.url)
    assert run.status == 1
    assert trouble(run) == {"lost": len(dropped)}
    assert len(dropped) == peer.received // 100 > 0
    assert balanced(run)


def test_dropped_answers_under_open_loop(wsload):
    def answer(peer, c, message, count):
        if peer.received % 100:
            peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 7, "-r", 1000, "-d", "1s", peer.url)
    assert run.counts["sent"] in range(990, 1011)
    assert trouble(run) == {"lost": run.counts["sent"] // 100}
    assert balanced(run)


def test_repeated_answers(wsload):
    repeats = []

    def answer(peer, c, message, count):
        peer.reply(c, message, count)
        if peer.received % 50 == 0:
            peer.reply(c, message, count)
            repeats.append(1)

    with Peer(answer) as peer:
        run = wsload("-c", 3, "-d", "500ms", "--fail-if", "repeated>0", peer.url)
    assert run.status == 1
    assert trouble(run) == {"repeated": len(repeats)}
    assert repeats


def test_answers_out_of_order(wsload):
    swaps = []

    def answer(peer, c, message, count):
        if c.held:
            peer.reply(c, message, count)
            peer.reply(c, *c.held)
            c.held = None
            swaps.append(1)
        elif count % 20 == 0:
            c.held = (message, count)
        else:
            peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 2, "-i", 4, "-d", "500ms", peer.url)
    found = trouble(run)
    assert swaps
    # a connection may end on a held answer, whose message is then lost
    assert found.pop("lost", 0) <= 2
    assert found == {"out_of_order": len(swaps)}


def test_a_count_that_jumps(wsload):
    def answer(peer, c, message, count):
        peer.reply(c, message, count + (count >= 10))

    with Peer(answer) as peer:
        run = wsload("-c", 4, "-d", "500ms", peer.url)
    assert trouble(run) == {"count_errors": 4}


def test_closes_by_code(wsload):
    def answer(peer, c, message, count):
        if count == 5 and c.path.endswith("-1"):
            c.close(1011)
        elif count == 5 and c.path.endswith("-2"):
            c.writer.transport.abort()
        else:
            peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 4, "-d", "500ms", "--fail-if", "closed>0", peer.url)
    assert run.status == 1
    assert run.report["close_codes"] == {"1011": 1, "1006": 1}
    assert trouble(run) == {"closed": 2, "lost": 2}
    assert run.counts["lost_at_close"] == 2
    assert balanced(run)


def test_refused_handshakes(wsload):
    with Peer(refuse=(503, b"Retry-After: 1\r\n")) as peer:
        run = wsload("-c", 12, "-d", "200ms", "--fail-if", "success<95%", peer.url)
    assert run.status == 1
    assert run.report["connect_failures"] == {"http 503": 12}
    assert trouble(run) == {"connect_failed": 12}
    assert run.report["summary"]["success"] == 0
    assert len(peer.handshakes) == 12


def test_refused_handshakes_are_tried_again_no_earlier_than_told(wsload):
    seen = {}

    def refuse(c):
        tries = seen.setdefault(c.path, [])
        tries.append(c.peer.loop.time())
        return (503, b"Retry-After: 1\r\n") if len(tries) == 1 else None

    with Peer(refuse=refuse) as peer:
        run = wsload("-c", 3, "-d", "3s", "--reconnect", peer.url)
    assert run.report["connect_failures"] == {"http 503": 3}
    assert run.counts["connected"] == 3
    for first, second in seen.values():
        assert 1.0 <= second - first < 1.5


def test_nobody_listens(wsload):
    with Peer() as peer:
        url = peer.url
    run = wsload("-c", 3, "-d", "200ms", "--fail-if", "success<100%", url)
    assert run.status == 1
    assert run.report["connect_failures"] == {"Connection refused": 3}
    run = wsload("-c", 3, "-d", "200ms", url)
    assert run.status == 3, "without a condition, too"
    assert "wsload: none of 3 attempts to connect succeeded\n" in run.stderr


def test_a_wrong_accept_key_is_no_connection(wsload):
    with Peer(wrong_accept=True) as peer:
        run = wsload("-c", 2, "-d", "200ms", peer.url)
    assert run.report["connect_failures"] == {"wrong handshake": 2}


def test_a_server_that_never_begins(wsload):
    with Peer(mute=True) as peer:
        run = wsload("-c", 2, "-d", "200ms", "--connect-timeout", "300ms", peer.url)
    assert run.report["connect_failures"] == {"timeout": 2}


def test_errors_by_code(wsload):
    def answer(peer, c, message, count):
        if count % 10 == 0:
            c.count -= 1 if not hasattr(c, "refused") else 0
            c.say(type="error", code="rate_limited", message="no", id=message["id"])
            peer.errors = getattr(peer, "errors", 0) + 1
        else:
            peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 1, "-r", 100, "-d", "1s", "--fail-if", "errors>1%", peer.url)
    assert run.status == 1
    assert run.report["error_codes"] == {"rate_limited": peer.errors}
    assert run.counts["refused"] == peer.errors > 0
    assert run.counts["lost"] == 0 and balanced(run)


def test_late_answers_are_not_lost(wsload):
    def answer(peer, c, message, count):
        wait = 0.8 if count == 3 else 0
        peer.loop.call_later(wait, peer.reply, c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 1, "-r", 20, "-d", "2s", "--answer-timeout", "300ms", peer.url)
    assert trouble(run) == {"late": 1}
    assert balanced(run)


def test_pings_and_heartbeats_are_answered_and_no_answers(wsload):
    def answer(peer, c, message, count):
        c.send(PING, b"nonce")
        c.say(type="heartbeat", timestamp="x")
        peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 2, "-d", "300ms", peer.url)
    assert trouble(run) == {}
    assert run.counts["pings"] == run.counts["heartbeats"] == run.counts["sent"] == len(peer.pongs)
    assert set(peer.pongs) == {b"nonce"}


def test_answers_split_into_frames_and_segments(wsload):
    def answer(peer, c, message, count):
        text = ('{"type":"message_response","count":%d,"id":"%s","x":"}{\\"]"}' % (count, message["id"])).encode()
        c.send(TEXT, text[:7], fin=False)
        c.send(PING, b"x")
        c.send(0, text[7:9], fin=False)
        c.send(0, text[9:])

    with Peer(answer) as peer:
        run = wsload("-c", 2, "-d", "300ms", peer.url)
    assert trouble(run) == {}
    assert run.counts["answered"] == peer.received > 0


def test_a_masked_frame_breaks_the_protocol(wsload):
    def answer(peer, c, message, count):
        c.writer.write(b"\x81\x81abcdX")

    with Peer(answer) as peer:
        run = wsload("-c", 1, "-d", "300ms", peer.url)
    assert run.counts["protocol_errors"] == 1
    assert run.report["close_codes"] == {"1002": 1}


def test_big_messages(wsload, tmp_path):
    file = tmp_path / "payload.json"
    file.write_text('{"a": [1, 2, "}"]}\n')
    with Peer() as peer:
        run = wsload("-c", 2, "-s", "200k", "-d", "500ms", peer.url)
    assert trouble(run) == {} and run.counts["answered"] > 0
    assert len(peer.messages[0]["data"]) == 200 * 1024
    with Peer() as peer:
        run = wsload("-c", 1, "--payload-file", file, "-d", "200ms", peer.url)
    assert trouble(run) == {}
    assert peer.messages[0] == {"type": "message", "id": "0000000001", "data": {"a": [1, 2, "}"]}}


def test_handshake_details(wsload):
    with Peer(subprotocol="chat.v1") as peer:
        run = wsload("-c", 4, "-d", "200ms", "-H", "X-Test: a b", "--subprotocol", "chat.v1", "--source",
                     "127.0.0.5,127.0.0.6", "--path", "/ws/chat/x-{n}?a={run}", "--first", 10, peer.url)
    assert trouble(run) == {}
    assert all(h["X-Test"] == "a b" for _, h, _ in peer.handshakes)
    assert sorted(a for _, _, a in peer.handshakes) == ["127.0.0.5"] * 2 + ["127.0.0.6"] * 2
    assert sorted(p.split("?")[0] for p, _, _ in peer.handshakes) == ["/ws/chat/x-%d" % n for n in range(10, 14)]


def test_headers_replace_those_made_here(wsload):
    ours = {"host": "x.test", "Upgrade": "WebSocket", "CONNECTION": "keep-alive, Upgrade", "Sec-WebSocket-Key": "of my own",
            "Sec-WebSocket-Version": "13", "sec-websocket-protocol": "b"}
    with Peer(subprotocol="b") as peer:
        run = wsload("-c", 2, "-d", "200ms", "--subprotocol", "a,b", *(a for h in ours.items() for a in ("-H", "%s: %s" % h)),
                     "-H", "Cookie: a=1", "-H", "Cookie: b=2", peer.url)
    assert run.report["connect_failures"] == {} and trouble(run) == {}
    for lines in peer.heads:
        names = [line.split(":")[0].lower() for line in lines[1:]]
        assert sorted(names) == sorted([*(name.lower() for name in ours), "cookie", "cookie"])
        assert {"%s: %s" % h for h in ours.items()} < set(lines)
    with Peer() as peer:
        assert wsload("-c", 1, "-d", "200ms", "-H", "Sec-WebSocket-Key:", peer.url).counts["connected"] == 1


def test_a_subprotocol_that_is_not_granted(wsload):
    with Peer() as peer:
        run = wsload("-c", 1, "-d", "200ms", "--subprotocol", "chat.v1", peer.url)
    assert run.report["connect_failures"] == {"wrong handshake": 1}
