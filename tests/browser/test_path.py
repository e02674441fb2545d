# SPDX-License-Identifier: MIT
"""Behind the real NGINX, below a path of its site, set up by the command that doc/proxies.md has for that."""

import re
import subprocess

import pytest

import proxies
from clients import Closed, http
from process import TOP

PATH = "/chat/"


class NginxBelowPath(proxies.Nginx):
    def adapt(self, source, target, *changes):
        path = super().adapt(source, target, *changes)
        if target == "server.conf":
            text = (TOP / "doc/proxies.md").read_text()
            command = re.search(r"^    (sed -i -e 's,location /ws/.*?) /etc/ws/nginx/server.conf$", text, re.M | re.S).group(1)
            subprocess.run(["sh", "-c", f"{command} '{path}'"], check=True)
        return path

    def health(self):
        try:
            return http(self.port, PATH + "health").json
        except (OSError, ValueError, Closed):
            return {}


@pytest.fixture
def site(wsd, tmp_path):
    if not proxies.program("nginx"):
        pytest.skip("nginx is not installed")
    ports = wsd.port, wsd.admin_port
    proxy = NginxBelowPath(tmp_path, {"blue": ports, "green": ports})
    proxy.wait_for = lambda _: proxies.Nginx.wait_for(proxy, "test")
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.close()


def test_below_a_path(browser, site):
    """Everything works there, and nothing is asked for elsewhere."""
    browser.driver.get(f"http://127.0.0.1:{site.port}{PATH}")
    browser.wait('return document.getElementById("connect") && !document.getElementById("connect").disabled', "the client")
    browser.wait_text("serving-instance", "test")
    browser.connect("alice")
    browser.send("hello")
    browser.wait_row("alice", "shown.count === '1'")
    asked = browser.run("""
        return performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname);
    """)
    assert {f"{PATH}client/app.js", f"{PATH}client/client.css", f"{PATH}client.json", f"{PATH}health"} <= set(asked)
    assert [path for path in asked if not path.startswith(PATH)] == []
    assert http(site.port, "/client/app.js").status in (403, 404), "the rest of the site is another's"
    browser.press("alice", "Disconnect")
    browser.wait_row("alice", "shown.state === 'closed'")
    handshakes = [line for line in site.log().splitlines() if '"GET /chat/ws/chat/alice" 101 ' in line]
    assert len(handshakes) == 1, site.log()
