# SPDX-License-Identifier: MIT
"""The page itself: it loads without a complaint, keeps to its policy, and shows what the server tells."""

import pytest

from clients import ask_operator, http

BOTH = pytest.mark.parametrize("side", ["public", "admin"])


@BOTH
def test_loads(browser, wsd, side):
    browser.open(wsd, side)
    browser.wait_text("serving-instance", "test")
    assert "running" in browser.text("serving-text")
    health = browser.text("health")
    for part in ("Statusok", "Instancetest", "Staterunning", "Connections0"):
        assert part in health
    assert browser.console() == []


def test_policy_is_in_force(page):
    """So that no violation in the other scenarios says something."""
    page.run("""
        const script = document.createElement("script");
        script.textContent = "window.evil = 1";
        document.body.append(script);
        document.body.setAttribute("style", "color: red");
        fetch("http://127.0.0.2:1/").catch(() => {});
    """)
    page.wait("return violations.length >= 3", "violations")
    violations = page.run("return violations.splice(0)")
    assert any(v.startswith("script-src-elem inline") for v in violations), violations
    assert any(v.startswith("style-src-attr inline") for v in violations), violations
    assert any(v.startswith("connect-src") for v in violations), violations
    assert page.run("return window.evil") is None
    page.expect_console("Content Security Policy")


def test_metrics_only_on_the_admin_side(browser, wsd):
    browser.open(wsd, "public")
    browser.wait('return document.getElementById("metrics-note").textContent.includes("admin address")', "reason")
    assert not browser.element("metrics").is_displayed()
    browser.open(wsd, "admin")
    browser.wait('return document.getElementById("metrics").textContent.includes("Connections0")', "metrics")
    assert browser.element("metrics").is_displayed()
    link = browser.run('return new URL(document.querySelector("#metrics-note a").href).pathname')
    assert http(wsd.admin_port, link).status == 200


def test_metrics_not_allowed(browser, start):
    """It is told beforehand, instead of asking and being refused, which the console would show."""
    browser.open(start(METRICS_ALLOW="192.0.2.0/24"), "admin")
    browser.wait('return document.getElementById("metrics-note").textContent.includes("METRICS_ALLOW")', "reason")


def test_admin_side_connects_to_the_public_port(browser, wsd):
    browser.open(wsd, "admin")
    browser.connect("alice")
    assert ask_operator(wsd.admin_port, "/api/v1/connections/alice").status == 200
    browser.wait('return document.getElementById("metrics").textContent.includes("Connections1")', "metrics")


@BOTH
def test_links(browser, start, side):
    wsd = start(GRAFANA_URL="https://grafana.example/d/wsd?a=1&b=2", PROMETHEUS_URL="http://prometheus.example:9090")
    browser.open(wsd, side)
    links = browser.wait("""
        const links = [...document.querySelectorAll("#links a")];
        return links.length > 0 && links.map((a) => [a.textContent, a.href, a.rel]);
    """, "links")
    assert links == [["Grafana", "https://grafana.example/d/wsd?a=1&b=2", "noopener noreferrer"],
                     ["Prometheus", "http://prometheus.example:9090/", "noopener noreferrer"]]
    assert browser.element("links").is_displayed()


def test_no_links(page):
    page.wait_text("serving-instance", "test")
    assert not page.element("links").is_displayed()


def test_health_follows_the_server(browser, wsd, client):
    browser.open(wsd)
    client(wsd, "/ws/chat/someone")
    browser.wait('return document.getElementById("health").textContent.includes("Connections1")', "connection")
    assert http(wsd.admin_port, "/health").json["connections"] == 1


def test_names_for_all_controls(page):
    """What a screen reader says of each; and nothing that could be used lacks a name."""
    page.connect("alice")
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = ("button", "textbox", "searchbox", "combobox", "spinbutton", "checkbox", "radio", "link", "log", "table", "region",
             "image")
    named = {}
    for node in tree:
        role = node.get("role", {}).get("value")
        if role in roles and not node["ignored"]:
            name = node.get("name", {}).get("value", "")
            assert name, node
            named.setdefault(role, []).append(name)
    assert "Connection id" in named["textbox"]
    assert {"Connect", "Send", "Disconnect alice", "Drop alice", "Pause"} <= set(named["button"])
    assert any("round trips" in name for name in named["image"]) and "1 answered by test" in named["image"]


def test_is_cached_but_asked_for(browser, wsd):
    """The second time the server says that nothing has changed."""
    browser.open(wsd)
    browser.open(wsd)
    text = http(wsd.admin_port, "/metrics").body.decode()
    line = next((line for line in text.split("\n") if line.startswith('http_requests_total{path="/client*",code="304"}')), None)
    assert line and int(line.split()[1]) >= 10, text
