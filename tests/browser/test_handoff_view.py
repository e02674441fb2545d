# SPDX-License-Identifier: MIT
"""A deploy as the page shows it: the instance of each connection changes while the connection goes on."""

import re

from clients import ask_operator, wait_open

# All states that any row shows, from now on.
WATCH_STATES = """
window.states = new Set([...document.querySelectorAll("#rows tr")].map((tr) => tr.dataset.state));
new MutationObserver((changes) => changes.forEach((one) => states.add(one.target.dataset.state)))
	.observe(document.getElementById("rows"), { subtree: true, attributeFilter: ["data-state"] });
"""


def seconds(row):
    return int(re.fullmatch(r"(?:(\d+) min )?0?(\d+) s", row["up"]).group(2))


def test_blue_to_green_and_back(pair, browser):
    blue, green = pair.running["blue"], pair.running["green"]
    browser.open(blue)
    browser.connect("load", many=6)
    browser.fill("rate", 20)
    browser.click("repeat")
    before = {n: browser.wait_row(f"load-{n}", "shown.up !== '0 s' && Number(shown.count) > 10") for n in range(1, 7)}
    assert {row["instance"] for row in before.values()} == {"blue"}
    browser.run(WATCH_STATES)
    assert pair.hand_over("blue", "green")["moved"] == 6
    for n in range(1, 7):
        row = browser.wait_row(f"load-{n}", 'shown.instance === "green"')
        assert row["trail"] == "blue \u2192"
        assert seconds(row) >= seconds(before[n])
        assert "moved from blue to green after " in browser.wait_log(f"load-{n}moved from")
        browser.wait_row(f"load-{n}", f"Number(shown.count) > {int(row['count'])}")
    assert browser.run("return [...states]") == ["open"]
    browser.wait_text("n-moved", "6")
    browser.wait('return document.getElementById("instances").getAttribute("aria-label") === "6 answered by green"', "bar")
    browser.wait('return document.querySelector("#latency-plot .mark.green")', "mark in the plot")
    wait_open(green, 6)

    assert pair.api("blue", "POST", "/api/v1/accept", {"accept": True}).status == 200
    assert pair.hand_over("green", "blue")["moved"] == 6
    for n in range(1, 7):
        browser.wait_row(f"load-{n}", 'shown.instance === "blue" && shown.trail === "blue \u2192 green \u2192"')
    assert browser.run("return [...states]") == ["open"]
    browser.wait_text("n-moved", "12")
    browser.click("repeat")
    browser.wait_text("repeat", "Repeat")
    assert browser.text("n-errors") == "0"


def test_old_instance_stops_after_its_connections_moved(pair, browser):
    """As in a deploy: whoever moved does not notice, and the page says which instance answers at its own address."""
    blue, green = pair.running["blue"], pair.running["green"]
    browser.open(blue)
    browser.connect("alice")
    browser.run(WATCH_STATES)
    assert pair.hand_over("blue", "green")["moved"] == 1
    browser.wait_row("alice", 'shown.instance === "green"')
    browser.wait_log("blue is standby now")
    blue.stop()
    browser.send("still here")
    browser.wait_row("alice", "shown.count === '1'")
    assert browser.run("return [...states]") == ["open"]
    assert ask_operator(green.admin_port, "/api/v1/connections/alice").json["messages"] == 1
