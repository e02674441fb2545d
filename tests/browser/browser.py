# SPDX-License-Identifier: MIT
"""Chromium, driven through chromedriver, with the web client in it.

Every wait is for a change of the page (a MutationObserver in it), has one generous limit, and sleeps nowhere."""

import json
import os

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from process import PATIENCE

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
             "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--window-size=1440,1000")

# Runs before the page's own scripts, in each page.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
	violations.push(event.effectiveDirective + " " + event.blockedURI));
"""

WAIT = """
const done = arguments[arguments.length - 1];
const found = () => { %s };
const finish = (value) => { observer.disconnect(); clearTimeout(timer); done(value); };
const look = () => { const value = found(); if (value) finish(value); };
const observer = new MutationObserver(look);
const timer = setTimeout(() => finish(null), %d);
observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
look();
"""

# What a row of the table shows, by the names of its columns.
ROW = """
const row = [...document.querySelectorAll("#rows tr")].find((tr) => tr.dataset.id === %s);
if (!row) return null;
const shown = { id: row.dataset.id, state: row.dataset.state, text: row.querySelector("td.state").textContent };
for (const td of row.querySelectorAll("td[data-label]"))
	if (!["", "State"].includes(td.dataset.label)) shown[td.dataset.label.toLowerCase()] = td.textContent;
shown.instance = row.querySelector(".badge").textContent;
shown.trail = row.querySelector(".trail").textContent;
shown.buttons = [...row.querySelectorAll("button")].filter((b) => !b.hidden).map((b) => b.textContent);
"""


def start_chromium():
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"  # for the way to chromedriver
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_script_timeout(PATIENCE + 10)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    return driver


class Browser:
    """One page at a time. What the console said is looked at when the scenario ends: see expect_console()."""

    def __init__(self, driver):
        self.driver = driver
        self.expected = []
        self.said = []
        self.size(1440, 1000)
        self.media()
        driver.get_log("browser")

    # ------------------------------------------------------------ how it is looked at

    def size(self, width, height, mobile=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2 if mobile else 1, "mobile": mobile})

    def media(self, scheme="light", motion="no-preference"):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]})

    # ------------------------------------------------------------ going and waiting

    def open(self, daemon, role="public"):
        host, port = daemon.address(role)[:2]
        self.driver.get(f"http://{host}:{port}/")
        self.wait('return !document.getElementById("connect").disabled', "the client to be ready")
        return self

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def wait(self, script, what, show="return document.body.innerText"):
        """The first true value that the body of this function returns; it is asked again whenever the page changes."""
        value = self.driver.execute_async_script(WAIT % (script, PATIENCE * 1000))
        assert value, f"no {what} within {PATIENCE:.0f} s; the page shows\n{self.run(show)}"
        return value

    def wait_text(self, id, text):
        """Until the element shows exactly this."""
        return self.wait(f'return document.getElementById("{id}").textContent.trim() === {json.dumps(text)}', f"{id}: {text}")

    def wait_log(self, text):
        """Until the log shows a line with this in it; that line."""
        return self.wait('return [...document.querySelectorAll("#log li")].map((li) => li.textContent)'
                         f".find((line) => line.includes({json.dumps(text)}))", f"log line with {text}")

    def wait_row(self, id, condition):
        """Until the row of a connection fulfils a condition on `shown`; what it shows."""
        return self.wait(ROW % json.dumps(id) + f"return {condition} ? shown : null", f"{id} with {condition}")

    # ------------------------------------------------------------ reading and doing

    def text(self, id):
        return self.run("return document.getElementById(arguments[0]).textContent.trim()", id)

    def row(self, id):
        return self.run(ROW % json.dumps(id) + "return shown")

    def log(self):
        return self.run('return [...document.querySelectorAll("#log li")].map((li) => li.textContent)')

    def element(self, id):
        return self.driver.find_element(By.ID, id)

    def click(self, id):
        self.element(id).click()

    def fill(self, id, value):
        field = self.element(id)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(value))

    def choose(self, id, value):
        self.element(id).find_element(By.CSS_SELECTOR, f"option[value={json.dumps(value)}]").click()

    def press(self, id, name):
        """A button in the row of a connection."""
        self.driver.find_element(By.CSS_SELECTOR, f'#rows [aria-label="{name} {id}"]').click()

    def connect(self, id, many=1, wait=True):
        """Connects and waits until all of them are open."""
        self.fill("id", id)
        self.fill("many", many)
        self.click("connect")
        names = [id] if many == 1 else [f"{id}-{n + 1}" for n in range(many)]
        if wait:
            self.wait(f"""
                const open = new Set([...document.querySelectorAll("#rows [data-state=open]")].map((tr) => tr.dataset.id));
                return {json.dumps(names)}.every((name) => open.has(name));
            """, f"{id} open")

    def send(self, text):
        self.fill("data", text)
        self.click("send")

    # ------------------------------------------------------------ the console

    def expect_console(self, part):
        """A line that the scenario provokes, and that the browser writes by itself."""
        self.expected.append(part)

    def console(self):
        """What was said beyond what is expected."""
        self.said += [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in self.said if not any(part in line for part in self.expected)]

    def check_clean(self):
        assert self.console() == []
        assert self.run("return window.violations || []") == []
        for part in self.expected:
            assert any(part in line for line in self.said), f"the console never said {part}"
        self.driver.get("about:blank")
