# SPDX-License-Identifier: MIT
"""How connections end, and come back: goodbyes, close codes, sessions."""

import signal
import socket

import pytest

from clients import http, wait_open
from process import free_port, listener


def ends(page, id="alice"):
    return page.wait_row(id, 'shown.state === "closed" || shown.state === "waiting"')


def test_disconnect(page, wsd):
    """The server says goodbye, and the session is over."""
    page.connect("alice")
    page.send("x")
    page.wait_row("alice", "shown.count === '1'")
    page.press("alice", "Disconnect")
    assert ends(page)["text"] == "closed: 1000 asked for (goodbye: disconnect)"
    page.wait_log("goodbye: disconnect")
    wait_open(wsd, 0)
    page.press("alice", "Reconnect")
    assert page.wait_row("alice", 'shown.state === "open"')["count"] == "0"


def test_drop_and_resume(page, wsd):
    page.connect("alice")
    for n in range(3):
        page.send(f"message {n}")
    page.wait_row("alice", "shown.count === '3'")
    page.press("alice", "Drop")
    assert ends(page)["text"] == "closed: 1000 asked for"
    wait_open(wsd, 0)
    page.press("alice", "Reconnect")
    row = page.wait_row("alice", 'shown.state === "open"')
    assert (row["count"], row["text"]) == ("3", "session resumed at 3")
    page.wait_log("session resumed at count 3")
    page.send("one more")
    page.wait_row("alice", "shown.count === '4'")


def test_operator_disconnects(browser, start):
    wsd = start(admin=("v4", "unix"))
    browser.open(wsd)
    browser.connect("alice")
    assert http(wsd.address("admin", 1), "/api/v1/connections/alice", "DELETE").status in (200, 202, 204)
    row = ends(browser)
    assert row["text"] == "closed: 1008 policy (goodbye: disconnected by operator)"
    assert row["state"] == "closed"  # it was not asked to come back
    browser.wait_log("goodbye: disconnected by operator")


@pytest.mark.parametrize("number, reason, code", [
    (signal.SIGTERM, "shutdown", "1001 the server shuts down"),
    (signal.SIGUSR2, "restart", "1012 the server restarts"),
], ids=["stop", "restart"])
def test_server_goes_and_comes_back(browser, start, unit, number, reason, code):
    """The clients are told, and come back to the next process by themselves, when they were asked to."""
    first = start(unit=unit, PARKING="off", DRAIN_TIMEOUT=500)
    browser.open(first)
    browser.connect("load", many=3)
    first.stop(number)
    for n in (1, 2, 3):
        browser.wait_log(f"load-{n}goodbye: {reason}, come back in ")
        assert f"closed: {code} (goodbye: {reason})" in browser.wait_log(f"load-{n}closed: ")
    second = start(unit=unit, PARKING="off")
    for n in (1, 2, 3):
        browser.wait_row(f"load-{n}", 'shown.state === "open"')
    wait_open(second, 3)


def test_no_coming_back_unless_wanted(browser, start, unit):
    wsd = start(unit=unit, PARKING="off", DRAIN_TIMEOUT=500)
    browser.open(wsd)
    browser.click("auto")
    browser.connect("alice")
    wsd.stop()
    row = browser.wait_row("alice", 'shown.state === "closed"')
    assert row["text"] == "closed: 1001 the server shuts down (goodbye: shutdown)"


def test_server_dies(browser, start, unit):
    """No goodbye, no close frame: it tries again, less and less often, until there is somebody."""
    wsd = start(unit=unit)
    browser.open(wsd)
    browser.connect("alice")
    wsd.send_signal(signal.SIGKILL)
    row = browser.wait_row("alice", 'shown.state === "waiting"')
    assert "closed: 1006 cut without a close frame; reconnecting in" in row["text"]
    wsd.wait_exit()
    start(unit=unit)
    browser.wait_row("alice", 'shown.state === "open"')


def test_give_up_waiting(browser, start, unit):
    wsd = start(unit=unit)
    browser.open(wsd)
    browser.connect("alice")
    wsd.send_signal(signal.SIGKILL)
    assert wsd.wait_exit() == -signal.SIGKILL
    browser.wait_row("alice", 'shown.state === "waiting"')
    # the rows may change under the mouse: by the keyboard's way
    browser.run("""document.querySelector('#rows [aria-label="Drop alice"]').click()""")
    assert browser.wait_row("alice", 'shown.state === "closed"')["buttons"] == ["Reconnect", "Remove"]


def test_replaced_by_another_page(page, wsd, raw):
    """Who brings the session takes the connection over."""
    page.connect("alice")
    token = page.wait_log('"session":"').partition('"session":"')[2].partition('"')[0]
    other = raw(wsd).open(f"/ws/chat/alice?session={token}")
    assert ends(page)["text"] == "closed: 4001 replaced by another connection (goodbye: replaced)"
    other.sock.close()


def test_rate_limit_closes(browser, start):
    browser.open(start(RATE_LIMIT_MESSAGE="5/20"))
    browser.connect("alice")
    browser.fill("rate", 1000)
    browser.fill("times", 200)
    browser.click("repeat")
    row = ends(browser)
    assert (row["state"], row["text"]) == ("closed", "closed: 1008 policy (goodbye: rate limit)")


def test_server_is_away(browser, start):
    """The page says so, and says when it is back."""
    sock = socket.create_server(("127.0.0.1", 0))  # whose port can be taken again at once
    wsd = start(sockets=[("public", sock.dup()), ("admin", listener())])
    browser.open(wsd)
    browser.wait_text("serving-instance", "test")
    port = wsd.port
    wsd.stop()
    sock.close()
    browser.expect_console("ERR_CONNECTION_REFUSED")
    browser.wait_text("serving-text", "does not answer")
    browser.connect("alice", wait=False)
    assert browser.wait_row("alice", 'shown.state === "closed"')["text"] == "refused: the server does not answer"
    start(sockets=[], HOST="127.0.0.1", PORT=port, ADMIN_PORT=free_port())
    browser.wait('return document.getElementById("serving-text").textContent.startsWith("running")', "the server")
