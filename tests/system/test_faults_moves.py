# SPDX-License-Identifier: MIT
"""Memory and descriptors that run out while connections change their process, or are told to go: in a restart, a handoff and
a stop. A fault costs the connection that it was for; the others go on, and what cannot go on is told, or closed and can be
resumed. doc/faults.md."""

import errno
import json
import os
import selectors
import signal

import pytest

from blocks import Modules
from clients import CLOSE, Closed, Raw, message, wait_open
from faults import Ends, points, unusable
from instances import wait_for

pytestmark = pytest.mark.skipif(unusable() is not None, reason=unusable() or "")

N = 4  # connections
FOREVER = pytest.mark.parametrize("forever", [False, True], ids=["once", "from then on"])


class Someone:
    """A client that has said something, and knows what comes next."""

    def __init__(self, address, name, session=None):
        self.name = name
        self.raw = Raw(address)
        self.raw.open(f"/ws/chat/{name}" + (f"?session={session}" if session else ""))
        assert self.raw.greeting["resumed"] is (session is not None)
        self.count = self.raw.greeting["count"]
        self.session = self.raw.greeting["session"]
        self.ask()

    def ask(self):
        self.count += 1
        self.raw.send_text(message(id=self.count))
        answer = self.raw.read_json()
        assert answer["type"] == "message_response", answer
        assert (answer["id"], answer["count"]) == (self.count, self.count), answer

    def fate(self):
        """kept: it goes on; told: it was said goodbye; lost: it was closed without. Nothing else."""
        try:
            self.raw.send_text(message(id=self.count + 1))
        except ConnectionError:
            pass  # reading tells
        try:
            opcode, payload = self.raw.read_frame()
            if opcode == CLOSE:
                assert payload == b"\x03\xf4", payload  # 1012, and no memory for what the goodbye would say
                return "lost"
            answer = json.loads(payload)
            if answer["type"] == "message_response":
                assert (answer["id"], answer["count"]) == (self.count + 1, self.count + 1), answer
                self.count += 1
                return "kept"
            assert answer["type"] == "goodbye", answer
            self.raw.read_close()
            return "told"
        except Closed:
            return "lost"

    def close(self):
        self.raw.sock.close()


def fates_of(people):
    fates = [one.fate() for one in people]
    return {fate: fates.count(fate) for fate in ("kept", "told", "lost")}


# ---------------------------------------------------------------- stop


@FOREVER
@pytest.mark.parametrize("kind", ["memory"])
def test_stop(faulty, faults, kind, forever):
    """SIGTERM says goodbye to everybody, with whatever memory there is."""
    n = count = 0
    ends = Ends(faults)
    while n <= count:
        wsd = faulty()
        people = [Someone(wsd.port, f"p{i}") for i in range(N)]
        modules = Modules(wsd.pid)
        faults.arm(kind, first=n, every=1 if forever else 0, error=errno.ENOMEM)
        wsd.send_signal(signal.SIGTERM)
        for one in people:
            try:
                assert one.raw.read_json()["reason"] == "shutdown"
                assert one.raw.read_close() == 1001
                one.close()
            except Closed:
                raise AssertionError(f"call {n} of {count}: {one.name} was not told\nat {faults.place(wsd.pid)}") from None
        assert wsd.wait_exit() == 0, f"call {n} of {count}\n{wsd.text()}"
        faults.disarm()
        ends.look(modules, f"call {n} of {count}")
        if n == 0:
            count = faults.calls
            todo = iter(points(count))
        n = next(todo, count + 1)
    print(f"{count} calls")


# ---------------------------------------------------------------- restart


@FOREVER
@pytest.mark.parametrize("kind, error", [("memory", errno.ENOMEM), ("send_unix", errno.ENOBUFS)])
def test_parking(faulty, faults, unit, start, kind, error, forever):
    """SIGUSR2. Those whom a fault does not meet are parked, and go on in the next process; the others are told."""
    n = count = 0
    kept = 0
    ends = Ends(faults)
    while n <= count:
        wsd = faulty(unit=unit, PARKING="on")
        people = [Someone(wsd.port, f"p{i}") for i in range(N)]
        modules = Modules(wsd.pid)
        faults.arm(kind, first=n, every=1 if forever else 0, error=error)
        wsd.send_signal(signal.SIGUSR2)
        let_go(wsd, people)
        where = f"call {n} of {count} at {faults.place(wsd.pid)}"
        assert wsd.wait_exit() == 0, f"{where}\n{wsd.text()}"
        if n == 0:
            count = faults.calls
            todo = iter(points(count))
        faults.disarm()
        ends.look(modules, where)
        wsd = start(unit=unit, PARKING="on")
        fates = fates_of(people)
        kept += fates["kept"]
        # those of one batch are parked together
        assert fates["lost"] == 0 and (forever or kind != "memory" or fates["kept"] >= N - 1), f"{fates}: {where}\n{wsd.text()}"
        for one in people:
            one.close()
        wsd.stop()
        n = next(todo, count + 1)
    print(f"{count} calls, {kept} kept")


def let_go(wsd, people):
    """Who is told to go answers, so that the process need not wait."""
    with selectors.DefaultSelector() as selector:
        for one in people:
            selector.register(one.raw.sock, selectors.EVENT_READ, one)
        while wsd.status is None:
            for key, _ in selector.select(0.05):
                selector.unregister(key.fileobj)
                data = key.fileobj.recv(65536)
                key.data.raw.buffer += data
                if b"goodbye" in key.data.raw.buffer:
                    key.fileobj.shutdown(1)


@pytest.mark.parametrize("kind, error", [("memory", errno.ENOMEM), ("socket", errno.EMFILE), ("epoll", errno.ENOSPC)])
def test_taking_up(start, faulty, faults, unit, kind, error):
    """The next process runs out while it starts: then it ends, and the one after it takes all up; or it serves, and has told
    how many it could not take up."""
    n = count = 0
    kept = lost = failed = 0
    ends = Ends(faults)
    while n <= count:
        wsd = start(unit=unit, PARKING="on")
        people = [Someone(wsd.port, f"p{i}") for i in range(N)]
        wsd.send_signal(signal.SIGUSR2)
        assert wsd.wait_exit() == 0
        faults.arm(kind, first=n, error=error)
        second = faulty(wait=False, unit=unit, PARKING="on")
        second.wait_ready_or_end()
        if n == 0:
            count = faults.calls
            todo = iter(points(count))
        where = f"call {n} of {count} at {faults.place(second.pid)}"
        faults.disarm()
        ended = second.status is not None
        modules = None if ended else Modules(second.pid)
        if ended:
            # libuv and libwebsockets put descriptors of their own into epoll, and end the process if they cannot
            allowed = (-signal.SIGABRT, -signal.SIGSEGV) if kind == "epoll" else ()
            assert second.status in (1, 71, 78, *allowed), f"{where}\n{second.status}\n{second.text()}"
            second = start(unit=unit, PARKING="on")
        fates = fates_of(people)
        assert fates["lost"] <= (0 if ended else 1), f"{fates}: {where}\n{second.text()}"
        kept, lost, failed = kept + fates["kept"], lost + fates["lost"], failed + ended
        for one in people:
            one.close()
        second.stop()
        if modules:
            ends.look(modules, where)
        n = next(todo, count + 1)
    print(f"{count} calls, {failed} starts failed, {kept} kept, {lost} lost")


# ---------------------------------------------------------------- handoff


@FOREVER
@pytest.mark.parametrize("side", ["blue", "green"])
@pytest.mark.parametrize("how, kind, error", [("move", "memory", errno.ENOMEM), ("move", "socket", errno.EMFILE),
                                              ("move", "memfd", errno.EMFILE), ("move", "send_unix", errno.ENOBUFS),
                                              ("close", "memory", errno.ENOMEM), ("move", "epoll", errno.ENOSPC)])
def test_handoff(instance, faults, side, how, kind, error, forever):
    """One side runs out. Each client goes on, on either side, or was told to come back; who was closed instead is the one
    that the fault was for. All that were closed can come back with their session."""
    both = {name: instance(name, environment=faults.environment if name == side else {}) for name in ("blue", "green")}
    fds = {}
    tally = {"kept": 0, "told": 0, "lost": 0, "failed": 0, "not begun": 0}
    tries = {}

    def once(n):
        """How many calls there were."""
        people = [Someone(both["blue"].port, f"p{i}") for i in range(N)]
        # not what asks how it stands, and needs memory each time
        faults.arm(kind, first=n, every=1 if forever else 0, error=error, thread="!MHD")
        tries[faults.turn] = n
        state = hand_over(instance, faults, how)
        calls = faults.calls
        where = f"call {n} at {faults.place(both[side].pid)}: {state}"
        faults.disarm()
        for name, daemon in both.items():
            assert daemon.status is None, f"{name}: {where}\n{daemon.text()}"
        fates = fates_of(people)
        assert fates["lost"] <= (N if forever else 1), f"{fates}: {where}"
        accept(instance, "blue")
        come_back(both, people, N if forever else 1, where)
        for fate, times in fates.items():
            tally[fate] += times
        tally["failed"] += bool(state) and state["state"] == "failed"
        tally["not begun"] += not state
        for name, daemon in both.items():
            wait_open(daemon, 0)
            most = fds.setdefault(name, fds_of(daemon))
            wait_for(lambda: fds_of(daemon) <= most, f"{most} descriptors of {name}; {where}")
        return calls

    for daemon in both.values():  # each worker makes what it keeps with its first connection
        for one in [Someone(daemon.port, f"p{i}") for i in range(N)]:
            one.close()
        wait_open(daemon, 0)
    once(0)
    count = once(0)
    makers = faults.blocks_at_rest(both[side]).makers()
    for n in points(count, 2):
        once(n)
    once(0)
    faults.nothing_left(both[side], makers, tries)
    print(f"{count} calls, {tally}")


def hand_over(instance, faults, how):
    """How it ended; None: it did not begin. Memory is short for a while, not for ever: until ten questions have failed."""
    try:
        response = instance.api("blue", "POST", "/api/v1/handoff", {"to": "green", "connections": how})
    except (Closed, ConnectionError):
        response = None  # it was this connection; whether the order got through, the state tells
        faults.disarm()
        if instance.state("blue")["state"] == "none":
            return None
    if response and response.status != 202:
        assert response.status in (409, 500, 503), (response.status, response.body)
        return None
    failed = 0

    def over():
        nonlocal failed
        try:
            state = instance.state("blue")
        except (Closed, ConnectionError):
            state = {}
        if state.get("state") == "running":
            instance.running["blue"].listen()
        if "state" not in state:
            failed += 1
            if failed == 10:
                faults.disarm()
        return state.get("state", "running") != "running" and state

    return wait_for(over, "end of the handoff")


def accept(instance, name):
    answer = instance.api(name, "POST", "/api/v1/accept", {"accept": True})
    assert answer.status == 200, (answer.status, answer.body)


def come_back(both, people, most, where):
    """Who was closed is known on one of the sides, but for the one that the fault was for."""
    unknown = 0
    for one in people:
        one.close()
    for daemon in both.values():
        wait_open(daemon, 0)
    for one in people:
        for daemon in both.values():
            with Raw(daemon.port) as raw:
                raw.open(f"/ws/chat/{one.name}?session={one.session}")
                one.found = raw.greeting["resumed"]
            if one.found:
                break
        unknown += not one.found
    assert unknown <= most, f"{unknown} sessions are lost: {where}"


def fds_of(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))
