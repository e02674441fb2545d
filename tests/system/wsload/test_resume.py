# SPDX-License-Identifier: MIT
"""Clients that come back: with their session, not before they may, and not when they must not."""
import pytest

from peer import Peer


def once(seen, path):
    seen.setdefault(path, 0)
    seen[path] += 1
    return seen[path] == 1


def leaver(code=1012, goodbye=True, reconnect=True, retry_after=300, at=10, off=0):
    left = {}

    def answer(peer, c, message, count):
        peer.reply(c, message, count)
        if count == at and once(left, c.path.split("?")[0]):
            peer.left = getattr(peer, "left", {})
            peer.left[c.path.split("?")[0]] = peer.loop.time()
            if goodbye:
                c.say(type="goodbye", reason="restart", total=count + off, reconnect=reconnect, retryAfter=retry_after)
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
    assert c["sent"] == c["answered"] + c["not_accepted"]


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


def test_what_was_not_counted_at_a_goodbye_is_not_lost(wsload):
    """Four are under way at any time: when one is answered with a goodbye behind, the other three never were taken."""
    with Peer(leaver(), resumes=True) as peer:
        run = wsload("-c", 5, "-i", 4, "-d", "1s", "--resume", "--fail-if", "lost>0 not_resumed>0", peer.url)
    c = run.counts
    assert run.status == 0 and c["resumed"] == 5
    assert c["sent"] == c["answered"] + c["not_accepted"]
    assert 0 < c["not_accepted"] <= 20
    assert c["answered"] == peer.received == sum(peer.sessions.values())
    assert c["lost"] == c["repeated"] == c["count_errors"] == c["resume_count_errors"] == 0


def test_what_was_counted_but_not_answered_is_lost(wsload):
    leave = leaver()

    def answer(peer, c, message, count):
        if count not in (8, 9):
            leave(peer, c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 5, "-i", 4, "-d", "1s", "--answer-timeout", "10s", "--resume", peer.url)
    c = run.counts
    assert c["resumed"] == 5
    assert c["sent"] == c["answered"] + c["not_accepted"] + c["lost"]
    assert c["lost"] == c["lost_at_close"] and c["lost"] >= 10
    assert c["answered"] == peer.received - c["lost"]
    assert c["resume_count_errors"] == 0


@pytest.mark.parametrize("off", [-1, 1000])
def test_a_goodbye_with_a_wrong_total_is_noticed(wsload, off):
    with Peer(leaver(off=off)) as peer:
        run = wsload("-c", 3, "-i", 4, "-d", "1s", "--resume", "--fail-if", "count_errors>0", peer.url)
    assert run.status == 1
    assert run.counts["count_errors"] == run.counts["resume_count_errors"] == 3


def test_an_answer_after_all_is_repeated(wsload):
    """The goodbye had said that it would not come."""
    def answer(peer, c, message, count):
        if count == 10 and not c.closed:
            c.say(type="goodbye", reason="restart", total=9, reconnect=True, retryAfter=0)
            peer.reply(c, message, count)
            c.close(1012)
        else:
            peer.reply(c, message, count)

    with Peer(answer, resumes=False) as peer:
        run = wsload("-c", 1, "-i", 1, "-d", "500ms", "--resume", peer.url)
    assert run.counts["repeated"] == run.counts["goodbyes"] == run.counts["not_accepted"] > 0
