# SPDX-License-Identifier: MIT
"""What may stand as connectionId in /ws/chat/{connectionId}."""

import pytest


@pytest.mark.parametrize("path, connection_id", [
    ("a", "a"),
    ("A-Z.a_z~09", "A-Z.a_z~09"),
    ("x" * 128, "x" * 128),
    ("%61lice", "alice"),
    ("%7E%5f%2D%2e", "~_-."),
    ("alice?", "alice"),
    ("alice?other=1&x", "alice"),
])
def test_accepted(wsd, raw, path, connection_id):
    assert raw(wsd).open("/ws/chat/" + path).greeting["connectionId"] == connection_id


@pytest.mark.parametrize("path", [
    "", "x" * 129, "a/b", "a%2Fb", "a%", "a%4", "a%zz", "a%00b", "a+b", "a%20b", "%C3%A4", "\xe4", "a;b", "a:b",
    "%61" * 129,
], ids=lambda path: ascii(path[:10]))
def test_refused_with_400(wsd, raw, path):
    response = raw(wsd).handshake("/ws/chat/" + path)
    # "a/b" is no path of ours at all; both answers are fair
    assert response.status in ((400, 404) if path in ("a/b", "") else (400,))
    assert "close" in response.headers["connection"].lower().split(", ")
