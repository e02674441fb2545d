# SPDX-License-Identifier: MIT
"""A WebSocket server that misbehaves exactly as told, so that wsload's findings can be compared with the truth.

It speaks the protocol of wsd on plain sockets (no WebSocket library would let it misbehave) in a thread of its own, and
counts what it did.
"""
import asyncio
import base64
import hashlib
import json
import struct
import threading
import time
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload, fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        head += bytes([len(payload)])
    elif len(payload) < 65536:
        head += b"\x7e" + struct.pack(">H", len(payload))
    else:
        head += b"\x7f" + struct.pack(">Q", len(payload))
    return head + payload


class Connection:
    def __init__(self, peer, reader, writer):
        self.peer, self.reader, self.writer = peer, reader, writer
        self.count = 0
        self.held = None
        self.closed = False

    def send(self, opcode, payload, fin=True):
        self.writer.write(frame(opcode, payload, fin))

    def say(self, **message):
        self.send(TEXT, json.dumps(message).encode())

    def close(self, code):
        self.send(CLOSE, struct.pack(">H", code))
        self.closed = True

    async def handshake(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.path = lines[0].split(" ")[1]
        self.peer.heads.append([line for line in lines if line])
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        names = {name.lower() for name in headers}
        self.peer.handshakes.append((self.path, headers, self.writer.get_extra_info("peername")[0]))
        refusal = self.peer.refuse(self) if callable(self.peer.refuse) else self.peer.refuse
        if refusal:
            self.writer.write(b"HTTP/1.1 %d No\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n" % refusal)
            return False
        key = headers.get("Sec-WebSocket-Key", "").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        if self.peer.wrong_accept:
            accept = accept[::-1]
        extra = ""
        if "sec-websocket-protocol" in names and self.peer.subprotocol:
            extra = "Sec-WebSocket-Protocol: %s\r\n" % self.peer.subprotocol
        self.writer.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: %s\r\n%s\r\n" % (accept, extra)).encode())
        return True

    def establish(self):
        url = urllib.parse.urlsplit(self.path)
        token = urllib.parse.parse_qs(url.query).get("session", [None])[0]
        resumed = token in self.peer.sessions and self.peer.resumes
        self.count = self.peer.sessions.get(token, 0) if resumed else 0
        self.session = token if resumed else "s%d" % len(self.peer.handshakes)
        self.peer.established += 1
        if not self.peer.mute:
            self.say(type="connection_established", connectionId=url.path.rsplit("/", 1)[1], count=self.count,
                     session=self.session, resumed=resumed, heartbeatInterval=30000)

    async def read_frame(self):
        head = await self.reader.readexactly(2)
        length = head[1] & 0x7f
        if length == 126:
            length = struct.unpack(">H", await self.reader.readexactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", await self.reader.readexactly(8))[0]
        assert head[1] & 0x80, "client frames are masked"
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(length)
        key = (mask * (length // 4 + 1))[:length]
        plain = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
        return head[0] & 0xf, plain

    async def run(self):
        if not await self.handshake():
            return
        self.establish()
        while not self.closed:
            opcode, payload = await self.read_frame()
            if opcode == CLOSE:
                self.peer.client_closes.append(struct.unpack(">H", payload[:2])[0] if payload else 1005)
                if not self.peer.ignore_close:
                    self.send(CLOSE, payload[:2])
                    return
            elif opcode == PONG:
                self.peer.pongs.append(payload)
            elif opcode == TEXT:
                message = json.loads(payload)
                self.peer.received += 1
                self.peer.messages.append(message) if len(self.peer.messages) < 10 else None
                self.count += 1
                self.peer.sessions[self.session] = self.count
                if self.peer.delay:
                    due = asyncio.get_running_loop().time() + self.peer.delay
                    asyncio.get_running_loop().call_at(due, self.peer.answer, self, message, self.count)
                else:
                    self.peer.answer(self, message, self.count)


class Peer:
    """Use as a context manager; the address is in .url. `answer` may be replaced to misbehave."""

    def __init__(self, answer=None, delay=0, refuse=None, wrong_accept=False, mute=False, ignore_close=False,
                 subprotocol=None, resumes=True, tls=None, host="127.0.0.1"):
        if answer:
            self.answer = lambda c, message, count: answer(self, c, message, count)
        self.delay, self.refuse, self.wrong_accept, self.mute = delay, refuse, wrong_accept, mute
        self.ignore_close, self.subprotocol, self.resumes, self.tls = ignore_close, subprotocol, resumes, tls
        self.host = host
        self.heads = []
        self.handshakes, self.client_closes, self.pongs, self.messages = [], [], [], []
        self.sessions, self.connections = {}, set()
        self.established = self.received = self.answered = 0

    def reply(self, c, message, count):
        c.say(type="message_response", count=count, timestamp="2026-01-01T00:00:00.000Z", id=message["id"])
        self.answered += 1

    def answer(self, c, message, count):
        self.reply(c, message, count)

    def stall(self, seconds):
        """Nothing at all happens for so long, as when a server is stopped."""
        time.sleep(seconds)

    async def serve(self, reader, writer):
        c = Connection(self, reader, writer)
        self.connections.add(c)
        try:
            await c.run()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(c)
            writer.close()

    def _thread(self, started):
        async def main():
            server = await asyncio.start_server(self.serve, self.host, 0, backlog=4096, ssl=self.tls)
            scheme = "wss" if self.tls else "ws"
            self.port = server.sockets[0].getsockname()[1]
            self.url = "%s://%s:%d" % (scheme, "[%s]" % self.host if ":" in self.host else self.host, self.port)
            self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            started.set()
            await self.stop.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run(main())

    def __enter__(self):
        started = threading.Event()
        self.thread = threading.Thread(target=self._thread, args=(started,))
        self.thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)
