# SPDX-License-Identifier: MIT
"""A handoff with "connections": "close": nothing moves, but each client is told to come back as soon as the other
instance has its session, and is resumed there with the count that it was told."""

import select
import signal
import tempfile
from pathlib import Path

import pytest

import metrics
from clients import TEXT, Raw, frame, http, message, wait_open
from crowd import HABITS
from handoffs import (BYE, DONE, MOMENTS, OFFER, REFUSED, SESSION, SESSIONS, TAKEN, Peer, interrupted, sessions_in,
                      told_to_come_back)
from process import listener


def drain_to(instances, people=None, source="blue", to="green"):
    state = instances.hand_over(source, to, people, connections="close")
    assert (state["mode"], state["to"], state["moved"], state["unmovable"]) == ("close", to, 0, 0), state
    return state


def messages_of(*daemons):
    return sum(metrics.read(daemon)["websocket_messages_total"] for daemon in daemons)


def resume(raw, daemon, c, path, count):
    new = raw(daemon).open(f"{path}?session={c.greeting['session']}")
    assert (new.greeting["resumed"], new.greeting["count"]) == (True, count), new.greeting
    assert new.ask(message())["count"] == count + 1
    return new


# ---------------------------------------------------------------- what works


def test_all_come_back_elsewhere(pair, crowd):
    """While they talk without a pause. Nothing is lost by count: what both have counted is what was answered."""
    blue, green = pair.running["blue"], pair.running["green"]
    people = crowd(blue, 48, habits=HABITS, elsewhere=green.port)
    people.pump_answers()
    state = drain_to(pair, people)
    assert (state["state"], state["connections"], state["closed"]) == ("done", 48, 48), state
    assert (state["refused"], state["kept"]) == (0, 0), state
    people.pump(lambda: len(people.returned) == 48, "return of all")
    for one in people.returned:
        assert (one.goodbye, one.code, one.total, one.wrong) == ("restart", 1012, one.answered, []), vars(one)
        assert 0 <= one.retry_after <= 48
    people.check_goes_on()
    wait_open(blue, 0)
    wait_open(green, 48)
    people.settle()
    assert messages_of(blue, green) == people.answered  # of each the whole session's
    assert metrics.read(blue)['websocket_connections_closed_total{code="1012"}'] == 48
    assert metrics.read(blue)['websocket_sessions_moved_total{direction="out"}'] == 48
    assert metrics.read(green)['websocket_sessions_moved_total{direction="in"}'] == 48
    assert metrics.read(green)["websocket_sessions_resumed_total"] == 48
    assert http(blue.admin_port, "/readyz").json["reason"] == "standby"
    blue.stop()
    people.resume()
    people.check_goes_on()


def test_there_and_back(pair, crowd):
    people = crowd(pair.running["blue"], 24, habits=HABITS)
    for turn in range(4):
        source, to = ("blue", "green") if turn % 2 == 0 else ("green", "blue")
        assert pair.api(to, "POST", "/api/v1/accept", {"accept": True}).status == 200
        people.elsewhere = pair.running[to].port
        people.pump_answers()
        state = drain_to(pair, people, source, to)
        assert (state["state"], state["closed"]) == ("done", 24), (state, people.broken())
        people.pump(lambda: len(people.returned) == 24 * (turn + 1), "return of all")
    people.check_goes_on()


def test_more_than_may_stand_still_at_once(pair, crowd):
    blue, green = pair.running["blue"], pair.running["green"]
    people = crowd(blue, 700, habits=("talk", "idle", "idle", "idle"), elsewhere=green.port)
    state = drain_to(pair, people)
    assert (state["state"], state["closed"], state["refused"], state["kept"]) == ("done", 700, 0, 0), state
    people.pump(lambda: len(people.returned) == 700, "return of all")
    people.check_goes_on()


def test_nobody_is_there(pair):
    state = drain_to(pair)
    assert (state["state"], state["connections"], state["closed"]) == ("done", 0, 0)


def test_half_a_message_is_not_counted(pair, raw):
    """Nor does anybody wait for its rest."""
    blue, green = pair.running["blue"], pair.running["green"]
    c = raw(blue).open("/ws/chat/half")
    assert c.ask(message())["count"] == 1
    c.send(frame(TEXT, message("x" * 100)[:50], fin=False))
    pair.begin("blue", "green", connections="close")
    told_to_come_back(c, total=1)
    resume(raw, green, c, "/ws/chat/half", 1)
    state = pair.wait_over("blue")
    assert (state["state"], state["closed"], state["unmovable"]) == ("done", 1, 0), state


def test_unix_clients_come_back_as_well(instance, raw):
    green = instance("green")
    with tempfile.TemporaryDirectory(prefix="wsd-") as folder:
        instance.make_sockets("blue", listener("unix", folder, "public"))
        c = raw(instance("blue").address()).open("/ws/chat/local")
        c.ask(message())
        instance.begin("blue", "green", connections="close")
        told_to_come_back(c, total=1)
        resume(raw, green, c, "/ws/chat/local", 1)
        state = instance.wait_over("blue")
        assert (state["state"], state["closed"]) == ("done", 1), state


def test_id_in_use_over_there_is_refused(pair, raw):
    """It is told all the same: it cannot stay."""
    blue, green = pair.running["blue"], pair.running["green"]
    mine, theirs = raw(blue).open("/ws/chat/bob"), raw(green).open("/ws/chat/bob")
    pair.begin("blue", "green", connections="close")
    told_to_come_back(mine, total=0)
    state = pair.wait_over("blue")
    assert (state["state"], state["closed"], state["refused"]) == ("done", 0, 1), state
    assert theirs.ask(message())["count"] == 1


def test_without_sessions_over_there(instance, raw):
    blue, green = instance("blue"), instance("green", SESSION_TTL="0")
    c = raw(blue).open("/ws/chat/bob")
    c.ask(message())
    instance.begin("blue", "green", connections="close")
    told_to_come_back(c, total=1)
    state = instance.wait_over("blue")
    assert (state["state"], state["closed"], state["refused"]) == ("done", 0, 1), state
    new = raw(green).open("/ws/chat/bob?session=" + c.greeting["session"])
    assert (new.greeting["resumed"], new.greeting["count"]) == (False, 0)


@pytest.mark.parametrize("how", ["closed", "Move", "", 1, None, True, ["close"], "close\0"])
def test_wrong_order(pair, how):
    response = pair.api("blue", "POST", "/api/v1/handoff", {"to": "green", "connections": how})
    assert (response.status, response.json["error"]["code"]) == (400, "invalid_parameter")
    assert pair.state("blue")["state"] == "none"


def test_to_move_is_the_default(pair, raw):
    c = raw(pair.running["blue"]).open()
    state = pair.hand_over("blue", "green", connections="move")
    assert (state["mode"], state["moved"], state["closed"]) == ("move", 1, 0), state
    assert c.ask(message())["count"] == 1


# ---------------------------------------------------------------- the order of things, by hand


@pytest.fixture
def blue(instance):
    """An instance, and green's handoff socket in the hands of the scenario: accept() welcomes blue when it has begun."""
    daemon = instance("blue", PARKING="on", WORKERS="1")
    (Path(instance.directory) / "green").mkdir()
    sock = listener("seqpacket", f"{instance.directory}/green", "handoff")
    links = []

    def accept(low=1, high=2, **how):
        instance.begin("blue", "green", **how)
        links.append(Peer.accept(sock, low, high))
        return links[-1]

    daemon.accept = accept
    yield daemon
    for each in [sock] + [link.sock for link in links]:
        each.close()


def hear_session(link, name, count):
    """Its index."""
    kind, index, body = link.hear()
    assert kind == SESSION and [(n, c) for n, _, c in sessions_in(body)] == [(name, count)]
    return index


def silent(c):
    return not c.buffer and not select.select([c.sock], [], [], 0)[0]


def test_nobody_is_told_before_the_session_is_there(blue, instance, raw):
    c = raw(blue).open("/ws/chat/bob")
    c.ask(message())
    link = blue.accept(connections="close")
    index = hear_session(link, "bob", 1)
    c.send_text(message())  # not read any more
    assert http(blue.admin_port, "/health").status == 200
    assert instance.state("blue")["closed"] == 0
    assert silent(c)
    link.say(TAKEN, index)
    told_to_come_back(c, total=1)
    assert link.hear() == (DONE, 0, b"")
    link.say(BYE)
    state = instance.wait_over("blue")
    assert (state["state"], state["closed"]) == ("done", 1), state


def test_what_was_not_taken_goes_on(blue, instance, raw):
    """The link breaks while it stands still: what the client has said meanwhile is answered here."""
    c = raw(blue).open("/ws/chat/bob")
    c.send(frame(TEXT, message()[:9], fin=False))
    link = blue.accept(connections="close")
    hear_session(link, "bob", 0)
    c.send(frame(0, message()[9:]))
    link.sock.close()
    assert c.read_json()["count"] == 1
    state = instance.wait_over("blue")
    assert (state["state"], state["closed"], state["kept"]) == ("failed", 0, 1), state
    assert c.ask(message())["count"] == 2
    assert http(blue.admin_port, "/readyz").status == 200


def test_no_more_than_256_stand_still_at_once(blue, instance, raw):
    """Of one worker; the others talk on meanwhile, and have their turn when some of these are gone."""
    people = {f"c{i}": raw(blue).open(f"/ws/chat/c{i}") for i in range(300)}
    link = blue.accept(connections="close")
    asked = {}
    while len(asked) < 256:
        kind, index, body = link.hear()
        assert kind == SESSION
        asked[sessions_in(body)[0][0]] = index
    others = [name for name in people if name not in asked]
    assert [people[name].ask(message())["count"] for name in others] == [1] * 44
    assert not select.select([link.sock], [], [], 0)[0]
    for name, index in asked.items():
        link.say(TAKEN, index)
        told_to_come_back(people[name], total=0)
    for _ in others:
        kind, index, body = link.hear()
        name, _, count = sessions_in(body)[0]
        assert (kind, name in others, count) == (SESSION, True, 1)
        link.say(TAKEN, index)
        told_to_come_back(people[name], total=1)
    assert hear_all(link, {}) == []
    state = instance.wait_over("blue")
    assert (state["state"], state["closed"]) == ("done", 300), state


def test_second_handoff_while_one_runs(blue, instance, raw):
    c = raw(blue).open("/ws/chat/bob")
    link = blue.accept(connections="close")
    index = hear_session(link, "bob", 0)
    for how in ("close", "move"):
        response = instance.api("blue", "POST", "/api/v1/handoff", {"to": "green", "connections": how})
        assert (response.status, response.json["error"]["code"]) == (409, "busy"), response.body
    assert instance.api("blue", "POST", "/api/v1/accept", {"accept": True}).status == 409
    assert instance.state("blue")["state"] == "running"
    link.say(TAKEN, index)
    told_to_come_back(c)


def test_previous_version_is_not_drained_to(blue, instance, raw):
    """It could not confirm a session; so nothing begins."""
    c = raw(blue).open("/ws/chat/bob")
    link = blue.accept(1, 1, connections="close")
    assert link.hear() is None
    state = instance.wait_over("blue")
    assert (state["state"], state["closed"], state["kept"]) == ("failed", 0, 0), state
    assert "older version" in state["reason"]
    assert c.ask(message())["count"] == 1
    assert http(blue.admin_port, "/readyz").status == 200


def hear_all(link, answers):
    """Answers what comes until DONE; [(kind, names)]."""
    heard = []
    while (one := link.hear())[0] != DONE:
        kind, index, body = one
        heard.append((kind, [name for name, _, _ in sessions_in(body)] if kind in (SESSION, SESSIONS) else []))
        if kind in answers:
            link.say(answers[kind], index)
    link.say(BYE)
    return heard


def test_previous_version_is_moved_to_as_ever(blue, instance, raw):
    """It knows nothing of sessions that come alone: who cannot move is told at once, and its session comes at the end."""
    c = raw(blue).open("/ws/chat/bob")
    c.send(frame(TEXT, message()[:9], fin=False))
    assert hear_all(blue.accept(1, 1), {}) == [(SESSIONS, ["bob"])]
    told_to_come_back(c, total=0)
    state = instance.wait_over("blue")
    assert (state["state"], state["unmovable"], state["closed"]) == ("done", 1, 0), state


def test_who_cannot_move_is_told_when_its_session_is_there(blue, instance, raw):
    c = raw(blue).open("/ws/chat/bob")
    c.send(frame(TEXT, message()[:9], fin=False))
    link = blue.accept()
    index = hear_session(link, "bob", 0)
    assert silent(c)
    link.say(TAKEN, index)
    told_to_come_back(c, total=0)
    assert hear_all(link, {}) == []
    state = instance.wait_over("blue")
    assert (state["state"], state["moved"], state["unmovable"], state["closed"]) == ("done", 0, 1, 1), state


@pytest.mark.parametrize("then", [TAKEN, REFUSED])
def test_who_is_refused_is_told_when_its_session_is_there(blue, instance, raw, then):
    c = raw(blue).open("/ws/chat/bob")
    c.ask(message())
    link = blue.accept()
    kind, index, _ = link.hear()
    assert kind == OFFER
    link.say(REFUSED, index, b"no memory")
    index = hear_session(link, "bob", 1)
    assert silent(c)
    link.say(then, index, b"")
    told_to_come_back(c, total=1)
    assert hear_all(link, {}) == ([] if then == TAKEN else [(SESSIONS, ["bob"])])
    state = instance.wait_over("blue")
    assert (state["state"], state["refused"], state["closed"]) == ("done", 1, int(then == TAKEN)), state


@pytest.mark.parametrize("how", ["close", "move"])
def test_sessions_of_closed_connections_go_first(blue, instance, raw, how):
    """Their clients may come back at any time. Each is told once, or the other side would get an old count back."""
    gone = raw(blue).open("/ws/chat/gone")
    gone.ask(message())
    gone.sock.close()
    wait_open(blue, 0)
    c = raw(blue).open("/ws/chat/bob")
    link = blue.accept(connections=how)
    kind, _, body = link.hear()
    assert kind == SESSIONS and sessions_in(body) == [("gone", gone.greeting["session"], 1)]
    kind, index, _ = link.hear()
    assert kind == (SESSION if how == "close" else OFFER)
    link.say(TAKEN, index)
    if how == "close":
        told_to_come_back(c, total=0)
    assert hear_all(link, {}) == []


def test_sessions_are_still_here_when_it_fails(blue, instance, raw):
    gone = raw(blue).open("/ws/chat/gone")
    gone.ask(message())
    gone.sock.close()
    wait_open(blue, 0)
    raw(blue).open("/ws/chat/bob")
    link = blue.accept(connections="close")
    assert link.hear()[0] == SESSIONS
    link.sock.close()
    assert instance.wait_over("blue")["state"] == "failed"
    resume(raw, blue, gone, "/ws/chat/gone", 1).sock.close()
    wait_open(blue, 1)
    link = blue.accept(connections="close")
    kind, _, body = link.hear()
    assert kind == SESSIONS and sessions_in(body) == [("gone", gone.greeting["session"], 2)]


# ---------------------------------------------------------------- one side dies, or is stopped


@pytest.mark.parametrize("seen", MOMENTS)
def test_receiver_dies(pair, crowd, seen):
    """Those who were not told go on where they are."""
    blue = pair.running["blue"]
    people = interrupted(pair, crowd, "green", seen, connections="close")
    state = pair.wait_over("blue", people)
    people.pump(lambda: sum(one.ended for one in people.all) >= state["closed"], "end of those that were told")
    assert len(people.broken()) == state["closed"], (state, people.broken()[:5])
    for one in people.all:
        assert one.whole or (one.goodbye, one.code, one.total, one.wrong) == ("restart", 1012, one.answered, [])
    people.pump_answers()
    people.settle()
    wait_open(blue, 200 - state["closed"])
    assert state["refused"] == 0
    if state["state"] == "failed":
        assert state["closed"] + state["kept"] <= 200
        assert http(blue.admin_port, "/readyz").status == 200
    else:
        assert state["closed"] == 200


@pytest.mark.parametrize("seen", MOMENTS)
def test_sender_dies(pair, crowd, seen):
    """Whoever was told is resumed over there. So are those whose session had been taken when it died."""
    green = pair.running["green"]
    people = interrupted(pair, crowd, "blue", seen, connections="close")
    line = people.pump(lambda: next(iter(green.logged("took over")), None), "end of the link")
    people.pump(lambda: all(one.ended for one in people.all), "end of all")
    resumed = 0
    for one in people.all:
        with Raw(green.port) as c:
            greeting = c.open(f"{one.path}?session={one.session}").greeting
        resumed += greeting["resumed"]
        if one.goodbye:
            assert (greeting["resumed"], greeting["count"]) == (True, one.total) and one.total == one.answered
        elif greeting["resumed"]:
            assert one.answered <= greeting["count"] <= one.asked
    assert resumed == int(line["WS_SESSIONS"])


@pytest.mark.parametrize("who", ["blue", "green"])
def test_stop_in_the_midst(pair, crowd, who):
    """SIGTERM: each client either goes on or is told."""
    people = interrupted(pair, crowd, who, clients=100, by=signal.SIGTERM, connections="close")
    people.pump_answers()
    for one in people.all:
        assert one.whole or (one.goodbye and one.code in (1001, 1012) and not one.wrong), people.broken()[:5]
        assert not one.goodbye or one.total == one.answered
    pair.running[who].stop()


def test_restart_in_the_midst(blue, instance, raw):
    """SIGUSR2: the link ends, and who stood still goes on with the others, in the next process."""
    c = raw(blue).open("/ws/chat/bob")
    c.ask(message())
    link = blue.accept(connections="close")
    hear_session(link, "bob", 1)
    c.send_text(message())
    blue.send_signal(signal.SIGUSR2)
    assert link.hear() is None
    assert blue.wait_exit() == 0
    instance("blue", PARKING="on")
    assert c.read_json()["count"] == 2
    assert c.ask(message())["count"] == 3


def test_drain_in_the_midst(blue, instance, raw):
    """An operator's drain: it tells them, and what is under way is finished."""
    c = raw(blue).open("/ws/chat/bob")
    link = blue.accept(connections="close")
    index = hear_session(link, "bob", 0)
    assert instance.api("blue", "POST", "/api/v1/drain").status == 202
    link.say(TAKEN, index)
    told_to_come_back(c, total=0)
    assert hear_all(link, {}) == []
    state = instance.wait_over("blue")
    assert (state["state"], state["closed"]) == ("done", 1), state
