# SPDX-License-Identifier: MIT
"""How it is used and looked at: keyboard alone, a phone, dark and light."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

BACKGROUND = "return getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(245, 246, 248)", "rgb(15, 18, 23)"


def press(page, *keys):
    ActionChains(page.driver).send_keys(*keys).perform()


def focused(page):
    return page.run("const e = document.activeElement; return e.id || e.getAttribute('aria-label') || e.tagName")


def tab_to(page, name, most=60):
    """Tab by Tab, each of which has to show where it is."""
    for _ in range(most):
        press(page, Keys.TAB)
        style = page.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
        assert style[0] not in ("none", "") and style[1] != "0px", (focused(page), style)
        if focused(page) == name:
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_keyboard_alone(page):
    tab_to(page, "id")
    press(page, "alice", Keys.ENTER)  # Tab has selected what was there
    page.wait_row("alice", 'shown.state === "open"')
    tab_to(page, "data")
    press(page, "typed by hand", Keys.ENTER)
    page.wait_row("alice", "shown.count === '1'")
    assert '"data":"typed by hand"' in page.wait_log('"type":"message"')
    tab_to(page, "Disconnect alice")
    press(page, Keys.ENTER)
    page.wait_row("alice", 'shown.state === "closed"')
    assert focused(page) == "Reconnect alice"  # what was left is gone; the next thing to do has the focus
    press(page, Keys.ENTER)
    page.wait_row("alice", 'shown.state === "open"')
    tab_to(page, "filter")
    press(page, "no such text")
    page.wait('return document.getElementById("log-state").textContent.startsWith("0 lines. ")', "empty log")


def test_shortcuts(page):
    press(page, "c")
    assert focused(page) == "id"
    press(page, "c")
    assert page.element("id").get_attribute("value").endswith("c")  # typed, and no shortcut
    page.run("document.activeElement.blur()")
    press(page, "/")
    assert focused(page) == "filter"
    assert page.element("filter").get_attribute("value") == ""
    page.run("document.activeElement.blur()")
    press(page, "p")
    assert page.element("pause").get_attribute("aria-pressed") == "true"
    press(page, "m")
    assert focused(page) == "data"


def test_status_is_announced(page):
    page.connect("alice")
    page.wait_text("status", "alice connected to test, new session")
    assert page.element("status").get_attribute("role") == "status"


@pytest.mark.parametrize("width", [320, 360, 768, 1024, 1440])
def test_no_sideways_scrolling(page, width):
    page.connect("load", many=3)
    page.connect("x" * 128)
    page.run("document.getElementById('data').value = 'w'.repeat(3000)")
    page.click("send")
    page.wait_log("www")
    page.size(width, 780, mobile=width < 800)
    page.wait(f"return innerWidth === {width}", "the width", "return innerWidth")
    assert page.run("return document.documentElement.scrollWidth") <= width
    wide = page.run("""
        const inside = (e) => e.closest("#log, #table-box, .unseen, .skip, .instances");
        return [...document.querySelectorAll("body *")]
            .filter((e) => !inside(e) && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map((e) => e.tagName + "#" + e.id);
    """)
    assert wide == []
    if width <= 1024:  # the rows are cards there
        assert page.run("const b = document.getElementById('table-box'); return b.scrollWidth <= b.clientWidth")


def test_follows_the_system(browser, wsd):
    browser.media("dark")
    browser.open(wsd)
    assert browser.run(BACKGROUND) == DARK
    browser.media("light")
    assert browser.run(BACKGROUND) == LIGHT


def test_own_choice_stays(browser, wsd):
    browser.open(wsd)
    browser.click("theme")
    browser.wait_text("theme", "Theme: light")
    browser.click("theme")
    browser.wait_text("theme", "Theme: dark")
    assert browser.run(BACKGROUND) == DARK
    browser.open(wsd)
    assert browser.text("theme") == "Theme: dark"
    assert browser.run(BACKGROUND) == DARK
    browser.click("theme")
    assert browser.run(BACKGROUND) == LIGHT


def test_storage_may_be_forbidden(browser, wsd):
    script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
        Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });
    """})
    try:
        browser.open(wsd)
        browser.click("theme")
        browser.click("theme")
        assert browser.run(BACKGROUND) == DARK
    finally:
        browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


# The WCAG's ratio of two colours as getComputedStyle() gives them.
CONTRAST = """
const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const pick = (colour) => {
	for (const one of [back, colour]) {
		c.fillStyle = one;
		c.fillRect(0, 0, 1, 1);
	}
	return c.getImageData(0, 0, 1, 1).data;
};
let back = "white";
const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => sum + w * linear(c[i] / 255), 0);
const low = [];
for (const e of document.querySelectorAll("body *")) {
	const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
	if (!own || !e.checkVisibility() || e.closest(":disabled, .unseen, .skip, svg, option, noscript")) continue;
	const grounds = [];
	for (let up = e; up; up = up.parentElement) grounds.unshift(getComputedStyle(up).backgroundColor);
	back = "white";
	for (const one of grounds) { const d = pick(one); back = `rgb(${d[0]} ${d[1]} ${d[2]})`; }
	const a = light(pick(getComputedStyle(e).color)), b = light(pick(back));
	const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	if (ratio < 4.5) low.push(`${e.tagName} "${e.textContent.slice(0, 30)}" ${ratio.toFixed(2)}`);
}
return low;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser, pair, scheme):
    """WCAG 2, 1.4.3, of all text that shows: with both instances in the table, errors, and all panels."""
    browser.media(scheme, "reduce")
    browser.open(pair.running["blue"], "admin")
    browser.connect("alice")
    assert pair.hand_over("blue", "green")["moved"] == 1
    browser.wait_row("alice", 'shown.instance === "green"')
    browser.wait('return document.getElementById("serving-text").className === "warn"', "standby")
    browser.expect_console("Error during WebSocket handshake")
    browser.connect("b b", wait=False)
    browser.wait_row("b b", 'shown.state === "closed"')
    browser.click("pause")
    assert browser.run(CONTRAST) == []


def test_reduced_motion(browser, wsd):
    browser.media(motion="reduce")
    browser.open(wsd)
    browser.connect("alice")
    moving = browser.run("""
        const moves = (e) => getComputedStyle(e).transitionDuration.split(", ").some((d) => d !== "0s");
        return [...document.querySelectorAll("*")].filter(moves).map((e) => e.className);
    """)
    assert moving == []
