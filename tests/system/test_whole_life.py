# SPDX-License-Identifier: MIT
"""One daemon through all that happens in its life. `contrib/dev check --valgrind` runs this to look for leaks."""

import signal

from clients import CLOSE, CONTINUATION, PING, TEXT, ask_operator, close_payload, frame, http, message


def test_from_start_to_stop_with_everything_in_between(start, raw, client):
    wsd = start(public=("v4", "unix"), admin=("v4", "unix"), MAX_CONNECTIONS=40, DRAIN_TIMEOUT=300,
                HEARTBEAT_INTERVAL=200, MAX_MESSAGE_BYTES=2000, LOG_LEVEL="debug")
    polite = client(wsd, "/ws/chat/polite")
    polite.ask({"type": "message", "data": "x", "id": "y"})
    polite.ask({"type": "ping"})
    for bad in ("nonsense", {"type": "dance"}, b"binary"):
        assert polite.ask(bad)["type"] == "error"
    raw(wsd.address("public", 1)).open("/ws/chat/unix").ask(message())
    session = raw(wsd).open("/ws/chat/again").greeting["session"]
    raw(wsd).open("/ws/chat/again?session=" + session)
    for how in (dict(method="POST"), dict(path="/ws/chat/a b"), dict(drop=["Host"]), dict(path="/ws/chat/polite"),
                dict(add=[("X", "y" * 9000)])):
        assert raw(wsd).handshake(**how).status >= 400
    for n, end in enumerate((
            frame(CLOSE, close_payload(1000)), frame(TEXT, b"\xff"), frame(TEXT, "x", rsv=4), frame(TEXT, "x" * 3000),
            frame(TEXT, '{"type":"disconnect"}'), frame(CLOSE, b"x"), frame(TEXT, "x", fin=False), b"\x81")):
        c = raw(wsd).open(f"/ws/chat/end{n}")
        c.send(end)
        if n >= 6:
            c.sock.close()
        else:
            c.read_end()
    wsd.wait(lambda: len(wsd.logged("closed")) >= 9, "closed connections")
    half = raw(wsd).open("/ws/chat/half")
    half.send(frame(TEXT, message()[:9], fin=False) + frame(PING, "p") + frame(CONTINUATION, message()[9:], fin=False))
    deaf = raw(wsd, receive_buffer=4096).open("/ws/chat/deaf")
    deaf.send(frame(TEXT, message(id="i" * 200)) * 300)
    waiting = raw(wsd)
    waiting.send(waiting.request()[:30])
    silent = raw(wsd)
    for path in ("/", "/health", "/healthz", "/readyz", "/nothing"):
        for side in ("public", "admin"):
            http(wsd.address(side), path)
    for path in ("/metrics", "/api/v1/connections", "/api/v1/connections/polite"):
        assert ask_operator(wsd.admin_port, path).status == 200
    http(wsd.address("admin", 1), "/api/v1/connections/unix", "DELETE")
    full = [raw(wsd) for _ in range(45)]
    statuses = {c.handshake(f"/ws/chat/full{n}").status for n, c in enumerate(full)}
    assert statuses == {101, 503}
    while polite.recv_any()["type"] != "heartbeat":
        pass
    wsd.send_signal(signal.SIGTERM)
    assert wsd.wait_exit() == 0
    wsd.check_reports()
    del silent
