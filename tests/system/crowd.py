# SPDX-License-Identifier: MIT
"""Many clients in one thread, each with its own habits, that notice everything that must not happen to a connection
which changes its process: an end, a goodbye, a lost, repeated or misplaced answer."""

import json
import selectors
import struct
import time

from clients import CLOSE, CONTINUATION, PING, PONG, TEXT, Raw, frame, message
from process import PATIENCE


HABITS = ("idle", "talk", "ping", "fragments", "long", "byte")
PING_EACH = 8  # messages; who pings with each of them never stands still long enough (doc/handoff.md, Limits)


class Talker:
    """One client in a closed loop: it says the next thing when the last has been answered. habit: idle, talk, ping,
    fragments, long (60 kB messages) or byte (reads one byte at a time)."""

    def __init__(self, address, path, habit, before=None, may_be_new=False):
        self.raw = Raw(address)
        self.raw.open(path + (f"?session={before.session}" if before else ""))
        self.path, self.habit = path, habit
        greeting = self.raw.greeting
        self.session = greeting["session"]
        self.buffer = self.raw.buffer
        self.raw.sock.setblocking(False)
        self.asked = self.answered = before.total if before else 0
        self.pings = self.pongs = 0
        self.goodbye = self.total = self.retry_after = self.code = None
        self.reconnect = self.ended = False
        self.wrong = []
        if may_be_new and (greeting["resumed"], greeting["count"]) == (False, 0):
            self.asked = self.answered = 0
        elif (greeting["resumed"], greeting["count"]) != (before is not None, self.answered):
            self.wrong.append(greeting)
        self.to_send = b""

    def fileno(self):
        return self.raw.sock.fileno()

    # ------------------------------------------------------------ speaking

    def say(self):
        self.asked += 1
        data = "x" * (60000 if self.habit == "long" else 10 + self.asked % 50)
        text = message(data, id=self.asked)
        now_and_then = self.asked % PING_EACH == 0
        if self.habit == "fragments":
            between = frame(PING, b"between") if now_and_then else b""
            out = frame(TEXT, text[:7], fin=False) + between + frame(CONTINUATION, text[7:20], fin=False)
            out += frame(CONTINUATION, text[20:])
            self.pings += bool(between)
        else:
            out = frame(TEXT, text)
        if self.habit == "ping" and now_and_then:
            out = frame(PING, b"before") + out  # two at once get one pong, as RFC 6455, 5.5.3 lets the server do
            self.pings += 1
        self._send(out)

    def _send(self, data=b""):
        self.to_send += data
        try:
            while self.to_send:
                self.to_send = self.to_send[self.raw.sock.send(self.to_send[:65536]):]
        except BlockingIOError:
            pass
        except ConnectionError:
            self.to_send = b""  # reading tells what happened

    # ------------------------------------------------------------ listening

    def readable(self, talking):
        self._send()
        try:
            data = self.raw.sock.recv(1 if self.habit == "byte" else 65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
            return
        self.buffer += data
        while self._one_frame(talking):
            pass

    def _one_frame(self, talking):
        if len(self.buffer) < 2:
            return False
        n, at = self.buffer[1], 2
        if n == 126:
            if len(self.buffer) < 4:
                return False
            n, at = struct.unpack("!H", self.buffer[2:4])[0], 4
        if len(self.buffer) < at + n:
            return False
        opcode, payload = self.buffer[0], self.buffer[at:at + n]
        self.buffer = self.buffer[at + n:]
        if opcode & 0xf0 != 0x80:
            self.wrong.append(f"frame head {opcode:#x}")
        self._frame(opcode & 0x0f, payload, talking)
        return True

    def _frame(self, opcode, payload, talking):
        if opcode == PING:
            self._send(frame(PONG, payload))
        elif opcode == PONG:
            self.pongs += 1
        elif opcode == CLOSE:
            self.code = struct.unpack("!H", payload[:2])[0] if payload else None
            self._send(frame(CLOSE, payload))
        elif opcode == TEXT:
            self._text(json.loads(payload), talking)
        else:
            self.wrong.append(f"opcode {opcode}")

    def _text(self, value, talking):
        if value["type"] == "message_response":
            self.answered += 1
            if (value["count"], value["id"]) != (self.answered, self.answered):
                self.wrong.append(f"answer {self.answered} has count {value['count']} and id {value['id']}")
            if talking:
                self.say()
        elif value["type"] == "goodbye":
            self.goodbye, self.total = value["reason"], value["total"]
            self.reconnect, self.retry_after = value["reconnect"], value.get("retryAfter")
        elif value["type"] != "heartbeat":
            self.wrong.append(value)

    @property
    def whole(self):
        return not (self.ended or self.goodbye or self.code or self.wrong)


class Crowd:
    """n clients with these habits in turn; those that are not idle begin to talk at once. Who is told to come back,
    and is closed, does so at once to the address `elsewhere`, if there is one, with its session. With `stubborn`, so does who is
    closed without such a word, and has counted its answers itself; its session may have stayed where it was closed."""

    def __init__(self, address, n, habits=("talk",), prefix="c", elsewhere=None, stubborn=False):
        self.selector = selectors.DefaultSelector()
        self.all = []
        self.returned = []  # as they were before
        self.elsewhere = elsewhere
        self.stubborn = stubborn
        self.talking = True
        for i in range(n):
            one = Talker(address, f"/ws/chat/{prefix}{i}", habits[i % len(habits)])
            self.all.append(one)
            self.selector.register(one, selectors.EVENT_READ, one)
        for one in self.all:
            if one.habit != "idle":
                one.say()

    def pump(self, until, what="what is waited for"):
        """Lets them talk until until() is true; returns its value."""
        deadline = time.monotonic() + PATIENCE
        while not (value := until()):
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE:.0f} s; {self}"
            self._turn()
        return value

    def _turn(self):
        for key, _ in self.selector.select(0.02):
            one = key.data
            one.readable(self.talking)
            if one.ended:
                self.selector.unregister(one)
                self._come_back(one)
        for one in self.all:
            if one.to_send:
                one._send()

    def _come_back(self, one):
        if self.stubborn and one.total is None:
            one.reconnect, one.total = True, one.answered
        if self.elsewhere is None or not one.reconnect or one.wrong:
            return
        one.raw.sock.close()
        new = Talker(self.elsewhere, one.path, one.habit, before=one, may_be_new=self.stubborn)
        self.returned.append(one)
        self.all[self.all.index(one)] = new
        self.selector.register(new, selectors.EVENT_READ, new)
        if new.habit != "idle" and self.talking:
            new.say()

    @property
    def answered(self):
        return sum(one.answered for one in self.all)

    def pump_answers(self, n=None):
        """Until n more answers have come in all; n not given: until each that talks has got two more."""
        if n is not None:
            goal = self.answered + n
            self.pump(lambda: self.answered >= goal, f"{n} answers")
            return
        goals = [(one, one.answered + 2) for one in self.all if one.habit != "idle" and one.whole]
        self.pump(lambda: all(one.answered >= goal or not one.whole for one, goal in goals), "two answers for each")

    def settle(self):
        """They fall silent; all that was asked must be answered."""
        self.talking = False
        self.pump(lambda: all(one.ended or (one.answered == one.asked and one.pongs == one.pings)
                              for one in self.all if one.whole), "answers to all that was asked")
        self.talking = True

    def resume(self):
        for one in self.all:
            if one.habit != "idle" and one.whole:
                one.say()

    def broken(self):
        return [(one.path, one.habit, one.ended, one.goodbye, one.code, one.wrong) for one in self.all if not one.whole]

    def check_whole(self):
        assert not self.broken(), self.broken()[:5]

    def check_goes_on(self):
        """Nobody has lost anything, idle ones neither: each asks and is answered."""
        self.pump_answers()
        self.settle()
        for one in self.all:
            if one.habit == "idle" and one.whole:
                one.say()
        self.settle()
        self.check_whole()
        self.resume()

    def __str__(self):
        return f"{self.answered} answers, broken: {self.broken()[:5]}"

    def close(self):
        for one in self.all:
            one.raw.sock.close()
        self.selector.close()
