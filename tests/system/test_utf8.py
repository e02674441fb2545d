# SPDX-License-Identifier: MIT
"""Text that is not UTF-8 fails the connection with 1007, wherever it stands and however it was cut (RFC 6455, 8.1)."""

import pytest

from clients import CONTINUATION, PING, TEXT, frame

BAD = {
    "a lone continuation": b"\x80",
    "an overlong slash": b"\xc0\xaf",
    "an overlong zero": b"\xe0\x80\x80",
    "a surrogate": b"\xed\xa0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "0xff": b"\xff",
    "a cut character": b"\xe2\x82",
}
GOOD = "a\u00e4\u20ac\U0001f600\U0010ffff\ud7ff\ue000".encode()


def in_message(text):
    return b'{"type":"message","data":"' + text + b'"}'


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("where", ["front", "in the data", "end", "in a name"])
def test_one_frame(wsd, raw, bad, where):
    c = raw(wsd).open("/ws/chat/u")
    c.send(frame(TEXT, {
        "front": bad + in_message(b"x"),
        "in the data": in_message(b"x" + bad + b"x"),
        "end": in_message(b"x") + bad,
        "in a name": b'{"type":"message","data":1,"' + bad + b'":1}',
    }[where]))
    assert c.read_close() == 1007
    wsd.wait_log(WS_CONNECTION_ID="u", WS_CLOSE_CODE=1007)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_fragments(wsd, raw, bad):
    c = raw(wsd).open()
    text = in_message(b"x" + bad + b"x")
    at = text.index(bad) + 1
    c.send(frame(TEXT, text[:at], fin=False) + frame(CONTINUATION, text[at:]))
    assert c.read_close() == 1007


@pytest.mark.parametrize("cut", range(1, len(GOOD)))
def test_characters_may_be_split_between_fragments(wsd, raw, cut):
    c = raw(wsd).open()
    text = in_message(GOOD)
    at = text.index(GOOD) + cut
    c.send(frame(TEXT, text[:at], fin=False))
    c.send(frame(PING, b"p"))
    c.read_frame()
    c.send(frame(CONTINUATION, text[at:]))
    assert c.read_json()["count"] == 1


@pytest.mark.parametrize("cut", range(1, 4))
def test_half_a_character_before_an_empty_final_fragment(wsd, raw, cut):
    """libwebsockets' own check lets it pass and then trips over the next message."""
    c = raw(wsd).open()
    c.send(frame(TEXT, in_message(b"x") + "\U0001f600".encode()[:cut], fin=False) + frame(CONTINUATION, b""))
    assert c.read_close() == 1007


def test_good_message_after_one_that_was_split_in_a_character(wsd, raw):
    c = raw(wsd).open()
    for _ in range(3):
        text = in_message("\u20ac".encode())
        at = text.index(b"\xe2") + 1
        c.send(frame(TEXT, text[:at], fin=False) + frame(CONTINUATION, text[at:], fin=False) + frame(CONTINUATION, b""))
        assert c.read_json()["type"] == "message_response"


def test_binary_need_not_be_utf8(wsd, raw):
    from clients import BINARY
    c = raw(wsd).open()
    c.send(frame(BINARY, b"\xff\xfe"))
    assert c.read_json()["code"] == "unsupported"
