# SPDX-License-Identifier: MIT
"""Connecting and sending: one and many, typed and random, once and repeated."""

import json
import re

import pytest

from clients import ask_operator, wait_open
from metrics import read


def listed(wsd):
    return [c["connectionId"] for c in ask_operator(wsd.admin_port, "/api/v1/connections?limit=1000").json["connections"]]


def test_connect_one(page, wsd):
    page.connect("alice")
    row = page.row("alice")
    assert (row["instance"], row["trail"], row["text"]) == ("test", "", "open")
    assert row["buttons"] == ["Disconnect", "Drop"]
    assert listed(wsd) == ["alice"]
    assert "connected to test, new session" in page.wait_log("new session")
    page.wait_text("n-open", "1")
    page.wait_row("alice", "/ms/.test(shown['round trip'])")  # by its pings alone


def test_connect_many(page, wsd):
    page.connect("load", many=40)
    wait_open(wsd, 40)
    assert sorted(listed(wsd)) == sorted(f"load-{n + 1}" for n in range(40))
    page.wait_text("n-open", "40")
    page.wait('return document.getElementById("instances").getAttribute("aria-label") === "40 answered by test"', "bar")
    page.click("all-disconnect")
    page.wait_text("n-open", "0")
    wait_open(wsd, 0)
    page.click("all-remove")
    page.wait_text("connections-count", "0")


def test_many_keep_to_the_servers_limit(browser, start):
    """More than may come at once: they wait for their turn here instead of being refused there."""
    wsd = start(RATE_LIMIT_CONNECT="20/5")
    browser.open(wsd)
    browser.connect("load", many=15)
    assert len(listed(wsd)) == 15
    assert read(wsd).get('websocket_handshakes_refused_total{reason="rate_limited"}', 0) == 0


def test_too_many_for_a_browser(page):
    page.connect("load", many=3)
    page.fill("id", "more")
    page.fill("many", 198)
    page.click("connect")
    page.wait('return document.getElementById("id-hint").textContent.includes("197 more")', "hint")
    assert page.text("connections-count") == "3"


def test_same_id_twice(page):
    page.connect("alice")
    page.click("connect")
    page.wait_text("id-hint", "alice is connected here already.")
    assert page.text("connections-count") == "1"


@pytest.mark.parametrize("id", ["a b", "\N{SNOWMAN}", "x" * 129, "a/b", "<b>"])
def test_wrong_id_is_refused(page, id):
    page.expect_console("Error during WebSocket handshake")
    page.connect(id, wait=False)
    row = page.wait_row(id, 'shown.state === "closed"')
    assert row["text"] == "refused: an id is 1 to 128 ASCII letters, digits, or . _ ~ -"
    assert row["buttons"] == ["Reconnect", "Remove"]
    assert page.run("return document.querySelector('#rows th b')") is None
    page.wait_text("n-errors", "1")


def test_id_in_use_elsewhere_is_refused(page, wsd, client):
    client(wsd, "/ws/chat/alice")
    page.expect_console("Unexpected response code: 409")
    page.connect("alice", wait=False)
    assert "may be in use elsewhere" in page.wait_row("alice", 'shown.state === "closed"')["text"]


@pytest.mark.parametrize("typed, data", [("hello", "hello"), ('{"a": [1, null]}', {"a": [1, None]}), ("12", 12),
                                         ('<img src=x onerror="alert(1)">', '<img src=x onerror="alert(1)">')], ids=str)
def test_send_typed(page, wsd, typed, data):
    page.connect("alice")
    page.send(typed)
    page.wait_row("alice", "shown.count === '1'")
    sent = json.loads(re.search(r"\{.*", page.wait_log('"type":"message"')).group())
    assert sent["data"] == data
    assert '"count":1' in page.wait_log('"type":"message_response"')
    assert read(wsd)["websocket_messages_total"] == 1
    assert page.run("return document.querySelector('#log img')") is None


def test_send_to_one_of_many(page):
    page.connect("load", many=3)
    page.choose("target", "load-2")
    page.send("for you")
    page.wait_row("load-2", "shown.count === '1'")
    assert [page.row(f"load-{n}")["count"] for n in (1, 3)] == ["0", "0"]


def test_send_to_a_random_one(page, wsd):
    page.connect("load", many=3)
    page.choose("target", "any")
    for _ in range(5):
        page.click("send")
    page.wait('return [...document.querySelectorAll("#rows td[data-label=Count]")]'
              ".reduce((sum, td) => sum + Number(td.textContent), 0) === 5", "5 messages")
    assert read(wsd)["websocket_messages_total"] == 5


def test_send_random(page):
    page.connect("alice")
    page.driver.find_element("css selector", "[name=kind][value=random]").click()
    assert not page.element("data").is_displayed()
    page.fill("size", 3000)
    page.click("send")
    page.wait_row("alice", "shown.count === '1'")
    page.click("send")
    page.wait('return document.querySelectorAll("#log li.out").length === 2', "both in the log")
    sent = [re.search(r'"data":"([a-z0-9]+)', line).group(1) for line in page.log() if '"type":"message"' in line]
    assert len(sent) == 2 and len(sent[0]) > 1900 and sent[0] != sent[1]  # the log cuts long lines


def test_repeat(page, wsd):
    page.connect("load", many=3)
    page.fill("rate", 200)
    page.fill("times", 50)
    page.click("repeat")
    for n in (1, 2, 3):
        page.wait_row(f"load-{n}", "shown.count === '50'")
    page.wait_text("repeat", "Repeat")
    page.wait_text("repeat-state", "50 sent to each")
    assert read(wsd)["websocket_messages_total"] == 150
    page.wait('return /ms|s$/.test(document.getElementById("p99").textContent)', "percentiles")
    assert page.run('return document.querySelectorAll("#latency-plot path.line[d^=M]").length') == 3


def test_repeat_until_stopped(page, wsd):
    page.connect("alice")
    page.fill("rate", 50)
    page.click("repeat")
    page.wait_text("repeat", "Stop")
    page.wait_row("alice", "Number(shown.count) >= 20")
    page.click("repeat")
    page.wait_text("repeat", "Repeat")
    sent = int(page.text("repeat-state").split()[0])
    page.wait_row("alice", f"Number(shown.count) === {sent}")
    assert read(wsd)["websocket_messages_total"] == sent


def test_nobody_to_send_to(page):
    assert not page.element("send").is_enabled() and not page.element("repeat").is_enabled()
    page.connect("alice")
    assert page.element("send").is_enabled() and page.element("repeat").is_enabled()


def test_rate_limit_is_told_before_and_after(browser, start):
    browser.open(start(RATE_LIMIT_MESSAGE="10/100"))
    browser.connect("alice")
    browser.fill("rate", 1000)
    browser.wait_text("rate-hint", "More than the server takes of one connection: 10 a second.")
    browser.fill("times", 150)
    browser.click("repeat")
    browser.wait_log("rate_limited: too many messages")
    browser.wait('return Number(document.getElementById("n-errors").textContent) > 0', "errors")
