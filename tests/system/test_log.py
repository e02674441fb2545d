# SPDX-License-Identifier: MIT
"""What the log tells (JSON lines here; the journal gets the same fields)."""

import json

from clients import http, message


def test_connection_opens_and_closes_with_fields(wsd, client):
    c = client(wsd, "/ws/chat/told")
    c.ask({"type": "message", "data": 1})
    opened = wsd.wait_log("opened", WS_CONNECTION_ID="told")
    assert opened["WS_CLIENT_ADDRESS"].startswith("127.0.0.1")
    assert opened["WS_INSTANCE"] == "test"
    c.close()
    closed = wsd.wait_log("closed", WS_CONNECTION_ID="told", WS_CLOSE_CODE=1000)
    assert int(closed["WS_MESSAGES"]) == 1
    assert int(closed["WS_DURATION_MS"]) >= 0


def test_every_line_is_json(start, raw):
    wsd = start(LOG_LEVEL="debug")
    raw(wsd).open("/ws/chat/x").ask(message("\u00e4\n\x7f"))
    http(wsd.port, "/nothing")
    wsd.stop()
    for line in wsd.lines:
        json.loads(line)


def test_messages_are_logged_at_debug_only(start, raw):
    loud, calm = start(LOG_LEVEL="debug"), start(LOG_LEVEL="info")
    for wsd in (loud, calm):
        raw(wsd).open().ask(message())
        wsd.stop()
    assert loud.logged("sent a message")
    assert not calm.logged("sent a message")


def test_contents_are_never_logged(start, raw):
    wsd = start(LOG_LEVEL="debug", ADMIN_TOKEN="a-secret-that-nobody-sees")
    c = raw(wsd).open("/ws/chat/x")
    c.ask(message("my-private-words"))
    http(wsd.admin_port, "/metrics", headers=[("Authorization", "Bearer a-secret-that-nobody-sees")])
    wsd.stop()
    for secret in ("my-private-words", c.greeting["session"], "a-secret-that-nobody-sees"):
        assert secret not in wsd.text()


def test_level_error_is_silent_in_good_times(start, client):
    wsd = start(LOG_LEVEL="error")
    client(wsd).close()
    wsd.stop()
    assert wsd.lines == []


def test_text_format(start, client):
    wsd = start(LOG_FORMAT="text")
    client(wsd, "/ws/chat/reader").close()
    wsd.wait(lambda: "connection reader closed" in wsd.text(), "close")
    assert "\x1b" not in wsd.text(), "no colours where nobody looks"


def test_repeated_refusals_do_not_flood_the_log(start, raw):
    wsd = start(MAX_CONNECTIONS=1)
    raw(wsd).open()
    for n in range(200):
        assert raw(wsd).handshake(f"/ws/chat/r{n}").status == 503
    wsd.stop()
    assert len(wsd.lines) < 50
