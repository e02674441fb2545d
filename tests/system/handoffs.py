# SPDX-License-Identifier: MIT
"""For scenarios of the handoff: the link's messages by hand, and what becomes of clients."""

import array
import fcntl
import os
import signal
import socket
import struct

from process import PATIENCE

HELLO, WELCOME, NO, OFFER, TAKEN, REFUSED, SESSIONS, DONE, BYE, SESSION = range(1, 11)


def sealed(words, seals=0x1 | 0x2 | 0x4):  # F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW
    fd = os.memfd_create("arbiter", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, 4 * words)
    fcntl.fcntl(fd, 1024 + 9, seals)
    return fd


def hello(low=1, high=1, magic=b"wsdlink"):
    return struct.pack("<8sII40s40s", magic, low, high, b"evil", b"0")


def field(tag, value):
    return struct.pack("<BI", tag, len(value)) + value


def state_of(name="guest", *more):
    return b"".join([field(1, name.encode()), field(2, b"t" * 16), *more])


def fields_of(data):
    """{tag: value}"""
    found = {}
    while data:
        tag, size = struct.unpack("<BI", data[:5])
        found[tag], data = data[5:5 + size], data[5 + size:]
    return found


def session_of(name, count, token=b"t" * 16, ttl_ms=60000):
    body = b"".join([field(1, name.encode()), field(2, token), field(3, struct.pack("<Q", count)),
                     field(15, struct.pack("<Q", ttl_ms))])
    return struct.pack("<I", len(body)) + body


def sessions_in(data):
    """[(name, token in hex, count)]"""
    found = []
    while data:
        size = struct.unpack("<I", data[:4])[0]
        fields = fields_of(data[4:4 + size])
        found.append((fields[1].decode(), fields[2].hex(), int.from_bytes(fields[3], "little")))
        data = data[4 + size:]
    return found


class Peer:
    """Speaks on handoff.sock by hand."""

    def __init__(self, path=None, sock=None):
        self.sock = sock or socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(PATIENCE)
        if path:
            self.sock.connect(path)

    @classmethod
    def accept(cls, sock, low=1, high=2):
        """The taking side: one that connects is welcomed."""
        sock.settimeout(PATIENCE)
        self = cls(sock=sock.accept()[0])
        data, fds, _, _ = socket.recv_fds(self.sock, 65536, 4)
        for fd in fds:
            os.close(fd)
        assert data[0] == HELLO and len(fds) == 1, data
        self.say(WELCOME, 0, hello(low, high))
        return self

    def say(self, kind, index=0, body=b"", fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([struct.pack("<BxxxI", kind, index) + body], ancillary)

    def hear(self):
        """(kind, index, body); None at the end."""
        try:
            data = self.sock.recv(70000)
        except ConnectionResetError:
            return None
        if not data:
            return None
        kind, index = struct.unpack("<BxxxI", data[:8])
        return kind, index, data[8:]

    def greet(self, words=8):
        fd = sealed(words)
        try:
            self.say(HELLO, 0, hello(), [fd])
        finally:
            os.close(fd)
        assert self.hear()[0] == WELCOME
        return self

    def finish(self):
        self.say(DONE)
        assert self.hear()[0] == BYE
        self.sock.close()


def told_to_come_back(c, total=None):
    """Reads up to the end; the goodbye."""
    goodbye = c.read_json()
    assert (goodbye["type"], goodbye["reason"], goodbye["reconnect"]) == ("goodbye", "restart", True), goodbye
    assert total is None or goodbye["total"] == total
    assert c.read_close() == 1012
    c.sock.close()
    return goodbye


MOMENTS = [0, 1, 5, 20, 60, 100, 150, 190]


def interrupted(pair, crowd, who, seen=0, clients=200, by=signal.SIGKILL, **how):
    """Clients whose handoff was begun, and one side of it ended when so many further answers had come."""
    people = crowd(pair.running["blue"], clients)
    people.pump_answers(clients)
    pair.begin("blue", "green", **how)
    people.pump_answers(seen)
    pair.running[who].send_signal(by)
    people.pump(lambda: pair.running[who].status is not None, "exit")
    return people
