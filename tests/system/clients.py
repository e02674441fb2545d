# SPDX-License-Identifier: MIT
"""Clients. Client drives Debian's python3-websockets and stands for the well-behaved; Raw is a bare socket that can break
every rule; http() sends one plain request."""

import asyncio
import json
import os
import socket
import struct
import threading
import time

import websockets

from process import ADMIN_TOKEN, PATIENCE

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3


class Closed(Exception):
    """The server ended the TCP connection."""


def connect(address, receive_buffer=None, source=None):
    if isinstance(address, int):
        address = ("127.0.0.1", address)
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    elif ":" in address[0]:
        sock = socket.socket(socket.AF_INET6)
    else:
        sock = socket.socket(socket.AF_INET)
    sock.settimeout(PATIENCE)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        sock.bind((source, 0))
    sock.connect(address if isinstance(address, str) else address[:2])
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def frame(opcode, payload=b"", *, fin=True, masked=True, rsv=0, length=None, form=None):
    """One frame; length lies about the payload's, form (7, 16, 64) forces a longer encoding of it."""
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload) if length is None else length
    form = form or (7 if n < 126 else 16 if n < 65536 else 64)
    bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if form == 7:
        head += bytes([bit | n])
    elif form == 16:
        head += bytes([bit | 126]) + struct.pack("!H", n)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", n)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    stream = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(payload), "big")


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + (reason.encode() if isinstance(reason, str) else reason)


def message(data="hello", **members):
    return json.dumps({"type": "message", "data": data, **members})


class Response:
    """An HTTP answer."""

    def __init__(self, head, body=b""):
        lines = head.decode("latin-1").split("\r\n")
        self.version, status, *_ = lines[0].split(" ", 2)
        self.status = int(status)
        self.fields = [(name.strip().lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines[1:])]
        self.headers = dict(self.fields)
        self.body = body

    def times(self, name):
        """How many fields of that name there are."""
        return sum(field == name.lower() for field, _ in self.fields)

    @property
    def json(self):
        return json.loads(self.body)


class Raw:
    """A socket with a buffer: sends what it is told, reads frames and answers piece by piece."""

    def __init__(self, address, **how):
        self.sock = connect(address, **how)
        self.buffer = b""

    @classmethod
    def of(cls, sock):
        """One that goes on with a socket that is connected already."""
        self = cls.__new__(cls)
        self.sock, self.buffer = sock, b""
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self.buffer)
        self.buffer += data

    def read(self, n):
        while len(self.buffer) < n:
            self._more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_until(self, mark):
        while mark not in self.buffer:
            self._more()
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def read_response(self, body=True):
        response = Response(self.read_until(b"\r\n\r\n"))
        if response.status != 101 and body:
            response.body = self.read(int(response.headers.get("content-length", 0)))
        return response

    def request(self, path="/ws/chat/raw", *, method="GET", version="HTTP/1.1", drop=(), add=(), **replace):
        """A correct handshake, but for what is dropped, added or replaced (names with _ for -)."""
        headers = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
                   "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
        for name, value in replace.items():
            headers[name.replace("_", "-")] = value
        lines = [f"{method} {path} {version}"]
        lines += [f"{k}: {v}" for k, v in headers.items() if k not in drop]
        lines += [f"{k}: {v}" for k, v in add]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def handshake(self, *args, **kwargs):
        """Sends request(...) and returns the answer."""
        self.send(self.request(*args, **kwargs))
        return self.read_response()

    def open(self, *args, **kwargs):
        """A handshake that must succeed; self.greeting is the first message."""
        response = self.handshake(*args, **kwargs)
        assert response.status == 101, (response.status, response.body)
        assert response.headers["sec-websocket-accept"] == ACCEPT
        self.greeting = self.read_json()
        assert self.greeting["type"] == "connection_established"
        return self

    # ------------------------------------------------------------ frames

    def read_frame(self):
        """(opcode, payload) of the next frame; the server's frames are whole, unmasked and without reserved bits."""
        first, second = self.read(2)
        assert first & 0xf0 == 0x80, f"frame head {first:#x} is not final or has reserved bits"
        assert second & 0x80 == 0, "the server masked a frame"
        n = second
        if n == 126:
            n = struct.unpack("!H", self.read(2))[0]
            assert n >= 126
        elif n == 127:
            n = struct.unpack("!Q", self.read(8))[0]
            assert n >= 65536
        return first & 0x0f, self.read(n)

    def read_json(self, skip_heartbeats=True):
        while True:
            opcode, payload = self.read_frame()
            if opcode == PING and skip_heartbeats:
                continue
            assert opcode == TEXT, (opcode, payload)
            value = json.loads(payload)
            if value["type"] != "heartbeat" or not skip_heartbeats:
                return value

    def send_text(self, text):
        self.send(frame(TEXT, text))

    def ask(self, text):
        self.send_text(text)
        return self.read_json()

    def read_close(self):
        """The code of the server's close frame, None if that was empty; other frames before it are skipped."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                assert len(payload) != 1
                payload[2:].decode()
                return struct.unpack("!H", payload[:2])[0] if payload else None

    def read_end(self):
        """Waits until the server closes; bytes that come before are returned."""
        try:
            while True:
                self._more()
        except Closed:
            data, self.buffer = self.buffer, b""
            return data


def http(address, path, method="GET", headers=(), version="HTTP/1.1", body=b"", **how):
    """One plain HTTP request on a connection of its own."""
    with Raw(address, **how) as raw:
        lines = [f"{method} {path} {version}", "Host: localhost", "Connection: close"]
        lines += [f"{k}: {v}" for k, v in headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        raw.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        response = raw.read_response(body=method != "HEAD")
        if "content-length" not in response.headers and method != "HEAD":
            response.body += raw.read_end()
        return response


def ask_operator(address, path, method="GET", headers=(), **how):
    """http() with the right to see and change all, also over TCP."""
    return http(address, path, method, [*headers, ("Authorization", f"Bearer {ADMIN_TOKEN}")], **how)


def wait_open(daemon, n):
    """Until the front desk knows of n connections: a closed one's id is free only then. /health is ahead of it."""
    deadline = time.monotonic() + PATIENCE
    while ask_operator(daemon.address("admin"), "/api/v1/connections?limit=1").json["total"] != n:
        assert time.monotonic() < deadline, f"not {n} connections in {PATIENCE:.0f} s\n{daemon.text()}"


class _Loop:
    """The event loop that all library clients run on, in a thread of its own."""

    _loop = None
    _lock = threading.Lock()

    @classmethod
    def run(cls, coroutine):
        with cls._lock:
            if cls._loop is None:
                cls._loop = asyncio.new_event_loop()
                threading.Thread(target=cls._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, cls._loop).result(PATIENCE)


class Refused(Exception):
    """The server answered the handshake with something else than 101."""

    def __init__(self, status, headers):
        super().__init__(status)
        self.status, self.headers = status, headers


class Client:
    """A well-behaved client: python3-websockets behind plain calls. Its library answers pings by itself."""

    def __init__(self, address, path="/ws/chat/client", greet=True, **options):
        if isinstance(address, int):
            address = ("127.0.0.1", address)
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        self._ws = _Loop.run(self._connect(f"ws://{host}:{address[1]}{path}", options))
        self.greeting = self.recv() if greet else None
        assert not greet or self.greeting["type"] == "connection_established"

    @staticmethod
    async def _connect(uri, options):
        try:
            return await websockets.connect(uri, ping_interval=None, open_timeout=PATIENCE, close_timeout=PATIENCE,
                                            max_queue=None, **options)
        except websockets.exceptions.InvalidHandshake as refusal:  # its members differ between the releases
            response = getattr(refusal, "response", refusal)
            raise Refused(response.status_code, response.headers) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, value):
        """A dict goes as JSON, str as text, bytes as binary, a list as one message in that many fragments."""
        _Loop.run(self._ws.send(json.dumps(value) if isinstance(value, dict) else value))

    def recv(self):
        """The next message that is no heartbeat."""
        while True:
            value = self.recv_any()
            if value["type"] != "heartbeat":
                return value

    def recv_any(self):
        async def one():
            return await asyncio.wait_for(self._ws.recv(), PATIENCE)
        return json.loads(_Loop.run(one()))

    def ask(self, value):
        self.send(value)
        return self.recv()

    def ping(self, payload="are you there"):
        """Waits for the pong."""
        async def there_and_back():
            await asyncio.wait_for(await self._ws.ping(payload), PATIENCE)
        _Loop.run(there_and_back())

    def wait_closed(self):
        """The close code that the server sent."""
        async def closed():
            await asyncio.wait_for(self._ws.wait_closed(), PATIENCE)
        _Loop.run(closed())
        return self._ws.close_code

    def close(self, code=1000, reason=""):
        _Loop.run(self._ws.close(code, reason))
        return self._ws.close_code
