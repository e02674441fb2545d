# SPDX-License-Identifier: MIT
"""Clients that come back: with their session, not before they may, and not when they must not."""
from peer import Peer


def once(seen, path):
    seen.setdefault(path, 0)
    seen[path] += 1
    return seen[path] == 1


def leaver(code=1012, goodbye=True, reconnect=True, retry_after=300, at=10):
    left = {}

    def answer(peer, c, message, count):
        peer.reply(c, message, count)
        if count == at and once(left, c.path.split("?")[0]):
            c.left_at = peer.loop.time()
            peer.left = getattr(peer, "left", {})
            peer.left[c.path.split("?")[0]] = peer.loop.time()
            if goodbye:
                c.say(type="goodbye", reason="restart", total=count, reconnect=reconnect, retryAfter=retry_after)
            c.close(code)

    return answer


def test_sessions_are_resumed_after_a_goodbye(wsload):
    back = {}

    def refuse(c):
        back.setdefault(c.path.split("?")[0], []).append(c.peer.loop.time())

    with Peer(leaver(), refuse=refuse) as peer:
        run = wsload("-c", 5, "--interval", "20ms", "-d", "2s", "--resume", peer.url)
    c = run.counts
    assert c["goodbyes"] == c["closed"] == c["reconnects"] == c["resumed"] == 5
    assert c["not_resumed"] == c["resume_count_errors"] == c["count_errors"] == 0
    assert run.report["close_codes"] == {"1012": 5}
    assert len([p for p, _, _ in peer.handshakes if "?session=s" in p]) == 5
    for path, left in peer.left.items():
        assert 0.3 <= back[path][1] - left < 0.6
    assert 0.3 <= run.report["downtime"]["p50"] < 0.6
    assert c["sent"] == c["answered"] + c["lost"]


def test_a_restart_without_goodbye_is_followed_at_once(wsload):
    with Peer(leaver(goodbye=False)) as peer:
        run = wsload("-c", 3, "--interval", "20ms", "-d", "1s", "--resume", peer.url)
    assert run.counts["resumed"] == 3
    assert run.report["downtime"]["max"] < 0.2


def test_a_goodbye_for_good_is_respected(wsload):
    with Peer(leaver(code=1001, reconnect=False)) as peer:
        run = wsload("-c", 3, "--interval", "20ms", "-d", "1s", "--resume", peer.url)
    assert run.counts["reconnects"] == 0
    assert peer.established == 3


def test_without_the_option_nobody_comes_back(wsload):
    with Peer(leaver()) as peer:
        run = wsload("-c", 3, "--interval", "20ms", "-d", "1s", "--fail-if", "closed>0", peer.url)
    assert run.status == 1
    assert run.counts["reconnects"] == 0 and run.counts["closed"] == 3


def test_a_lost_session_is_noticed(wsload):
    with Peer(leaver(), resumes=False) as peer:
        run = wsload("-c", 3, "--interval", "20ms", "-d", "1s", "--resume", "--fail-if", "not_resumed>0", peer.url)
    assert run.status == 1
    assert run.counts["not_resumed"] == 3


def test_a_count_that_went_back_is_noticed(wsload):
    def answer(peer, c, message, count):
        leave(peer, c, message, count)
        if c.closed:
            peer.sessions[c.session] -= 3

    leave = leaver()
    with Peer(answer) as peer:
        run = wsload("-c", 3, "--interval", "20ms", "-d", "1s", "--resume", peer.url)
    assert run.counts["resumed"] == 3
    assert run.counts["resume_count_errors"] == 3
