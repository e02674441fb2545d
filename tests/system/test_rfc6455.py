# SPDX-License-Identifier: MIT
"""RFC 6455 as it binds a server: the opening handshake (4), closing (7), text (8), extensions (9) and limits (10). Frames
are in test_rfc6455_frames.py. doc/rfc6455.md lists every requirement with the scenario that shows it, here or elsewhere."""

import ast
import base64
import hashlib
import os
import re
import struct

import pytest

from clients import BINARY, CLOSE, CONTINUATION, KEY, PING, TEXT, Closed, close_payload, frame, message
from process import TOP

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
TABLE = TOP / "doc/rfc6455.md"


# ------------------------------------------------------------ the table


def scenarios():
    """FILE::NAME of everything in this folder that pytest would run."""
    for path in sorted((TOP / "tests/system").glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{path.stem}::{node.name}"


def test_every_scenario_in_the_table_exists():
    """The table in doc/ names none that is not there, and leaves out none that is written for it."""
    named = set(re.findall(r"`(test_\w+::test_\w+)`", TABLE.read_text()))
    there = set(scenarios())
    assert len(named) > 50
    assert named <= there, sorted(named - there)
    ours = {name for name in there if name.startswith("test_rfc6455")} - {"test_rfc6455::test_every_scenario_in_the_table_exists"}
    assert ours <= named, sorted(ours - named)


# ------------------------------------------------------------ 4: the opening handshake


def test_4_2_1_host_is_needed_once(wsd, raw):
    """4.2.1 (2): without a Host field, or with a second one, the handshake is refused."""
    assert raw(wsd).handshake(drop=["Host"]).status == 400
    assert raw(wsd).handshake(add=[("Host", "b")]).status == 400


@pytest.mark.parametrize("upgrade", ["websocket", "WEBSOCKET", "WebSocket", "h2c, websocket"])
@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, UPGRADE"])
def test_4_2_1_tokens_in_any_case(wsd, raw, upgrade, connection):
    """4.2.1 (3), (4): both tokens are matched without regard to case, also in lists."""
    raw(wsd).open(Upgrade=upgrade, Connection=connection)


def test_4_2_1_fields_in_any_order(wsd, raw):
    """4.2.1: the order of the fields says nothing."""
    for turn in range(1, 5):
        c = raw(wsd)
        first, *fields = c.request(f"/ws/chat/turn{turn}").decode().split("\r\n")[:-2]
        c.send("\r\n".join([first] + fields[turn:] + fields[:turn] + ["", ""]))
        assert c.read_response().status == 101


def test_4_2_1_nothing_is_sent_before_the_handshake_is_whole(wsd, raw):
    """4.2.1: the request is read to its end before it is answered, and bytes after it are frames already."""
    c = raw(wsd)
    request = c.request()
    c.send(request[:-1])
    probe = raw(wsd)
    probe.open("/ws/chat/probe")  # all that had been sent before has been looked at
    c.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        c.sock.recv(1)
    c.sock.setblocking(True)
    c.sock.settimeout(20)
    c.send(request[-1:] + frame(TEXT, message()))
    assert c.read_response().status == 101
    assert [c.read_json()["type"] for _ in range(2)] == ["connection_established", "message_response"]


@pytest.mark.parametrize("value", ["", "a b", "a;b", "a/b", "\xe9", ", ,", '"a"'], ids=repr)
def test_4_2_1_malformed_subprotocols_are_refused(wsd, raw, value):
    """4.2.1: any violation of the grammar ends the handshake; Sec-WebSocket-Protocol is 1#token."""
    assert raw(wsd).handshake(add=[("Sec-WebSocket-Protocol", value)]).status == 400


@pytest.mark.parametrize("value", ["", "a;", "a; b=", 'a; b=""', 'a; b="c d"', "=a", "a b", ";", "a; b=c=d"], ids=repr)
def test_9_1_malformed_extensions_are_refused(wsd, raw, value):
    """9.1: who receives a list that is not formed so must fail the connection."""
    assert raw(wsd).handshake(add=[("Sec-WebSocket-Extensions", value)]).status == 400


@pytest.mark.parametrize("value", ["permessage-deflate", "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame",
                                   'foo; bar="baz", permessage-deflate;server_no_context_takeover', "unknown"])
def test_9_1_extensions_that_are_not_taken_up_are_not_named(wsd, raw, value):
    """4.2.2 (6), 9.1: a server names only what it takes up; and as no extension is in use, reserved bits end the connection."""
    c = raw(wsd)
    response = c.handshake(add=[("Sec-WebSocket-Extensions", value)])
    assert response.status == 101
    assert "sec-websocket-extensions" not in response.headers
    c.read_json()
    c.send(frame(TEXT, message(), rsv=4))
    assert c.read_close() == 1002


@pytest.mark.parametrize("add", [[], ["chat"], ["chat, superchat"], ["chat", "superchat"]], ids=str)
def test_4_2_2_subprotocol_is_one_of_those_offered_or_none(wsd, raw, add):
    """4.2.2 (5): the field is left out unless one that the client offered is taken up, and never repeated (11.3.4)."""
    response = raw(wsd).handshake(add=[("Sec-WebSocket-Protocol", value) for value in add])
    assert response.status == 101
    assert response.times("sec-websocket-protocol") == 0


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"])
def test_11_3_lists_may_be_split_into_lines(wsd, raw, name):
    """11.3.2, 11.3.4: the lines are one list, of which no part may break the grammar, and which is not empty."""
    assert raw(wsd).handshake("/ws/chat/a", add=[(name, "one"), (name, ""), (name, "two, three")]).status == 101
    for lines in (["one", "a b"], ["a b", "one"], ["", ","]):
        assert raw(wsd).handshake("/ws/chat/b", add=[(name, value) for value in lines]).status == 400


def test_11_3_4_any_line_may_offer_what_is_taken_up(wsd, raw):
    for n, offers in enumerate((["wsd", "other"], ["other", "wsd"])):
        response = raw(wsd).handshake(f"/ws/chat/{n}", add=[("Sec-WebSocket-Protocol", offer) for offer in offers])
        assert response.headers["sec-websocket-protocol"] == "wsd"


@pytest.mark.parametrize("allowed, offers, answer", [
    ("*", ["one, two"], "one"),
    ("*", ["bearer.e30.e30.e30, two"], "two"),
    ("*", ["bearer.e30.e30.e30"], None),
    ("*", ["one", "wsd"], "wsd"),
    ("*", ["x" * 65 + ", " + "y" * 64], "y" * 64),
    ("*", [], None),
    ("two,Three", ["one, two, Three"], "two"),
    ("two,Three", ["Three, two"], "Three"),
    ("two,Three", ["three, on, tw"], None),
    (None, ["one"], None),
])
def test_4_2_2_subprotocols_that_the_operator_allows(start, raw, allowed, offers, answer):
    """SUBPROTOCOLS: clients that offer some and get none give up; what is answered means nothing. A token is never repeated."""
    c = raw(start(**({"SUBPROTOCOLS": allowed} if allowed else {})))
    response = c.handshake(add=[("Sec-WebSocket-Protocol", offer) for offer in offers])
    assert response.status == 101
    assert response.headers.get("sec-websocket-protocol") == answer
    assert response.times("sec-websocket-protocol") == (answer is not None)
    assert c.read_json()["type"] == "connection_established"
    assert c.ask(message())["count"] == 1


def test_4_2_2_client_that_insists_on_a_subprotocol(start, client):
    wsd = start(SUBPROTOCOLS="*")
    assert client(wsd, subprotocols=["chat.v1"]).ask({"type": "message", "data": 1})["count"] == 1


def test_4_2_2_answer(wsd, raw):
    """4.2.2 (5): status 101, Upgrade, Connection and Sec-WebSocket-Accept, each once (11.3.3)."""
    response = raw(wsd).handshake()
    assert (response.version, response.status) == ("HTTP/1.1", 101)
    assert response.headers["upgrade"].lower() == "websocket"
    assert response.headers["connection"].lower() == "upgrade"
    for name in ("upgrade", "connection", "sec-websocket-accept"):
        assert response.times(name) == 1
    assert response.times("sec-websocket-extensions") == response.times("content-length") == 0


def test_4_2_2_accept_is_made_from_the_key(wsd, raw):
    """4.2.2 (5.4): base64 of SHA-1 of key and GUID, the key as it was sent, without the blanks around it."""
    for n in range(30):
        key = base64.b64encode(os.urandom(16)).decode()
        padded = (key, f" {key}", f"{key} \t")[n % 3]
        response = raw(wsd).handshake(f"/ws/chat/k{n}", Sec_WebSocket_Key=padded)
        assert response.headers["sec-websocket-accept"] == base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


@pytest.mark.parametrize("version", ["0", "7", "8", "12", "14", "25", "13, 8", "", "x", "13.0", "+13"])
def test_4_4_other_versions_are_told_which_one_is_spoken(wsd, raw, version):
    """4.2.2 (4), 4.4: the handshake is ended with an error and Sec-WebSocket-Version says what is spoken here."""
    response = raw(wsd).handshake(Sec_WebSocket_Version=version)
    assert response.status == 426
    assert response.headers["sec-websocket-version"] == "13"
    assert response.times("sec-websocket-accept") == 0


def test_11_3_fields_that_may_come_once_come_once(wsd, raw):
    """11.3.1, 11.3.5: a second key or version is no correct handshake."""
    assert raw(wsd).handshake(add=[("Sec-WebSocket-Key", KEY)]).status == 400
    assert raw(wsd).handshake(add=[("Sec-WebSocket-Version", "13")]).status == 426


def test_4_2_2_unwelcome_origin_is_refused_with_403(start, raw):
    """4.2.2 (4), 10.2: an origin that is not accepted gets an HTTP error, and no WebSocket."""
    wsd = start(ALLOWED_ORIGINS="https://good.example")
    c = raw(wsd)
    response = c.handshake(add=[("Origin", "https://bad.example")])
    assert response.status == 403 and response.times("sec-websocket-accept") == 0
    c.read_end()


def test_4_2_1_refused_handshake_leaves_no_websocket(wsd, raw):
    """4.2.1: after the error nothing more of that client is processed."""
    c = raw(wsd)
    assert c.handshake(Sec_WebSocket_Version="8").status == 426
    c.send(frame(TEXT, message()))
    assert c.read_end() == b""
    assert not wsd.logged("opened")


# ------------------------------------------------------------ 7: closing


def test_7_1_1_server_closes_tcp_after_both_close_frames(wsd, raw):
    """5.5.1, 7.1.1: when both have said so the server closes the TCP connection, first and at once, without a reset."""
    c = raw(wsd).open()
    c.send(frame(CLOSE, close_payload(1000)))
    assert c.read_close() == 1000
    assert c.sock.recv(1) == b""  # a reset would raise


def test_7_1_1_server_closes_tcp_after_the_client_has_answered(wsd, raw):
    """7.1.1: likewise when it was the server who began."""
    c = raw(wsd).open()
    c.send_text('{"type":"disconnect"}')
    assert c.read_json()["type"] == "goodbye"
    assert c.read_close() == 1000
    c.send(frame(CLOSE, close_payload(1000)))
    assert c.sock.recv(1) == b""


def test_5_5_1_no_data_frame_follows_the_servers_close(wsd, raw):
    """5.5.1: after a Close frame no data frames are sent, whatever was asked before or after."""
    c = raw(wsd).open()
    c.send(frame(TEXT, '{"type":"disconnect"}') + frame(TEXT, message()) * 20 + frame(PING, "p"))
    assert c.read_json()["type"] == "goodbye"
    assert c.read_frame()[0] == CLOSE
    c.send(frame(TEXT, message()) * 20)
    assert c.read_end() == b""


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_5_5_1_close_is_answered_once_with_its_code(wsd, raw, code):
    """5.5.1: a Close frame is answered by one, which usually repeats the code; two are not answered by two."""
    c = raw(wsd).open()
    c.send(frame(CLOSE, close_payload(code, "why")) * 2)
    assert c.read_close() == code
    assert c.read_end() == b""


def test_5_5_1_close_between_fragments_is_answered(wsd, raw):
    """5.5.1, 5.4: also in the middle of a message, of which nothing is processed then."""
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(TEXT, message()[:9], fin=False) + frame(CLOSE, close_payload(1000)) + frame(CONTINUATION, message()[9:]))
    assert c.read_close() == 1000
    assert c.read_end() == b""
    assert wsd.wait_log("closed", WS_CONNECTION_ID="c")["WS_MESSAGES"] == 0


CAUSES = {
    "a reserved bit": (frame(TEXT, "x", rsv=1), {1002}),
    "bad UTF-8": (frame(TEXT, b'"\xff"'), {1007}),
    "too large": (frame(TEXT, "x" * 70000), {1009}),
    "asked for": (frame(TEXT, '{"type":"disconnect"}'), {1000}),
    "code 1005": (frame(CLOSE, close_payload(1005)), {1002, None}),
    "code 1006": (frame(CLOSE, close_payload(1006)), {1002, None}),
    "code 1015": (frame(CLOSE, close_payload(1015)), {1002, None}),
    "code 1004": (frame(CLOSE, close_payload(1004)), {1002, None}),
    "code 999": (frame(CLOSE, close_payload(999)), {1002, None}),
    "code 5000": (frame(CLOSE, close_payload(5000)), {1002, None}),
    "no code": (frame(CLOSE), {None, 1000}),
}


@pytest.mark.parametrize("data, codes", CAUSES.values(), ids=CAUSES)
def test_7_4_codes_that_may_not_be_sent_are_not(wsd, raw, data, codes):
    """7.4.1, 7.4.2: a Close frame never holds 1004, 1005, 1006 or 1015, nor what is below 1000 or undefined."""
    c = raw(wsd).open()
    c.send(data)
    opcode = payload = None
    try:
        while opcode != CLOSE:
            opcode, payload = c.read_frame()
    except Closed:
        payload = b""
    assert len(payload) != 1 and len(payload) <= 125  # 5.5, 5.5.1
    assert (struct.unpack("!H", payload[:2])[0] if payload else None) in codes
    payload[2:].decode()


def test_7_1_7_nothing_is_processed_after_a_failure(wsd, raw):
    """7.1.7: once the connection has failed, what the client goes on sending is neither answered nor counted."""
    c = raw(wsd).open("/ws/chat/c")
    c.send(frame(TEXT, message()) + frame(TEXT, b"\xff") + frame(TEXT, message()) * 5 + frame(PING, "p"))
    assert c.read_json()["count"] == 1
    assert c.read_frame()[0] == CLOSE
    assert c.read_end() == b""
    assert wsd.wait_log("closed", WS_CONNECTION_ID="c")["WS_MESSAGES"] == 1


def test_7_1_5_end_without_a_close_frame_is_1006(wsd, raw):
    """7.1.5: and one with an empty Close frame 1005; both are for the log only."""
    c = raw(wsd).open("/ws/chat/cut")
    c.sock.close()
    wsd.wait_log("closed", WS_CONNECTION_ID="cut", WS_CLOSE_CODE=1006)
    c = raw(wsd).open("/ws/chat/empty")
    c.send(frame(CLOSE))
    wsd.wait_log("closed", WS_CONNECTION_ID="empty", WS_CLOSE_CODE=1005)


# ------------------------------------------------------------ 8, 10


@pytest.mark.parametrize("text", [b"\xc3\x28", b"\xa0\xa1", b"\xe2\x28\xa1", b"\xf0\x28\x8c\xbc", b"\xf8\xa1\xa1\xa1\xa1",
                                  b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc1\xbf"], ids=repr)
def test_8_1_text_that_is_not_utf8_fails_the_connection(wsd, raw, text):
    """5.6, 8.1: whatever else the text is, and also when it comes in one byte a frame."""
    for data in (frame(TEXT, text), frame(TEXT, text[:1], fin=False) +
                 b"".join(frame(CONTINUATION, bytes([byte]), fin=False) for byte in text[1:]) + frame(CONTINUATION)):
        c = raw(wsd)
        c.open(f"/ws/chat/u{len(data)}")
        c.send(data)
        assert c.read_close() == 1007


def test_10_4_limits_hold_before_the_bytes_come(wsd, raw):
    """10.4: a length that is announced is refused as such, whether by frame or in sum."""
    for n, data in enumerate((frame(BINARY, "", length=65537, form=64), frame(TEXT, "x" * 60000, fin=False) +
                              frame(CONTINUATION, "", length=5537, form=16))):
        c = raw(wsd).open(f"/ws/chat/l{n}")
        c.send(data + b"x")
        assert c.read_json()["code"] == "too_large"
        assert c.read_close() == 1009
