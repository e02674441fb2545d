# SPDX-License-Identifier: MIT
"""Clients that fall silent, each in a way of its own, and neither answer pings nor close."""

import socket

from clients import PING, TEXT, frame, message

ANSWERS = 4000  # more than fit all buffers on the way, those of the kernel and the server's own


def half_a_header(raw):
    raw.send(frame(TEXT, message())[:1])


def half_a_mask(raw):
    raw.send(frame(TEXT, message())[:4])


def half_a_frame(raw):
    raw.send(frame(TEXT, message("x" * 100))[:40])


def little_of_a_long_frame(raw):
    raw.send(frame(TEXT, message("x" * 60000))[:300])


def half_a_ping(raw):
    raw.send(frame(PING, b"x" * 100)[:50])


def half_a_message(raw):
    raw.send(frame(TEXT, message("x" * 100)[:50], fin=False))


def a_ping(raw):
    raw.send(frame(PING, b"are you there"))


def full_window(raw):
    """It asks and asks, and reads nothing; its socket should have a small receive buffer."""
    raw.sock.setblocking(False)
    data = b"".join(frame(TEXT, message(1, id="i" * 100)) for _ in range(100))
    try:
        for _ in range(ANSWERS // 100):
            while rest := data[raw.sock.send(data):]:
                data = rest
    except BlockingIOError:
        pass
    raw.sock.settimeout(None)


# What those who have been greeted do. No restart can take them along.
STUCK = {"half a header": half_a_header, "half a mask": half_a_mask, "half a frame": half_a_frame,
         "a little of a long frame": little_of_a_long_frame, "half a ping": half_a_ping, "half a message": half_a_message,
         "a ping, and no pong": a_ping}
DEAF = {"reads nothing": full_window}


def half_closed(raw):
    a_ping(raw)
    raw.sock.shutdown(socket.SHUT_WR)


# What those do who have not.
UNHEARD = {"says nothing": lambda raw: None,
           "half a handshake": lambda raw: raw.send(raw.request()[:60]),
           "half a plain request": lambda raw: raw.send(b"GET /health HTTP/1.1\r\nHost: x\r\n"),
           "half a body": lambda raw: raw.send(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")}
