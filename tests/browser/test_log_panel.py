# SPDX-License-Identifier: MIT
"""The log: filters, pause, clear, and its bound."""

import re


def talk(page):
    page.connect("load", many=2)
    page.choose("target", "load-1")
    page.send("apples")
    page.send("pears")
    page.wait_row("load-1", "shown.count === '2'")
    page.wait('return document.querySelectorAll("#log li.in").length >= 4', "answers")


def wait_lines(page, condition):
    page.wait(f'const lines = [...document.querySelectorAll("#log li")]; return {condition}', condition)
    return page.log()


def test_filter_by_text(page):
    talk(page)
    page.fill("filter", "PEARS")
    lines = wait_lines(page, "lines.length === 1")
    assert '"data":"pears"' in lines[0]
    page.fill("filter", "nothing like it")
    wait_lines(page, "lines.length === 0")
    assert page.text("log-state").startswith("0 lines. ")


def test_filter_by_kind_and_connection(page):
    talk(page)
    page.choose("filter-kind", "out")
    assert all('"type":"message"' in line for line in wait_lines(page, "lines.length === 2"))
    page.choose("filter-kind", "note")
    assert all("connected to test" in line for line in wait_lines(page, "lines.length === 2"))
    page.choose("filter-connection", "load-2")
    assert "load-2" in wait_lines(page, "lines.length === 1")[0]
    page.choose("filter-kind", "ping")
    lines = wait_lines(page, "lines.length >= 4")
    assert all(re.search(r'load-2\{"type":"p[io]ng"', line) for line in lines), lines
    assert any('"instance":"test"' in line for line in lines)
    page.choose("filter-kind", "bad")
    wait_lines(page, "lines.length === 0")


def test_filter_holds_for_what_comes(page):
    talk(page)
    page.fill("filter", "plums")
    wait_lines(page, "lines.length === 0")
    page.send("cherries")
    page.send("plums")
    assert '"data":"plums"' in wait_lines(page, "lines.length > 0")[0]
    assert len(page.log()) == 1


def test_pause(page):
    talk(page)
    before = page.log()
    page.click("pause")
    assert page.element("pause").get_attribute("aria-pressed") == "true"
    page.send("meanwhile")
    page.wait_row("load-1", "shown.count === '3'")
    page.wait_text("log-state", "Paused. 2 more since.")
    assert page.log() == before
    page.click("pause")
    assert '"data":"meanwhile"' in page.wait_log("meanwhile")
    assert len(page.log()) == len(before) + 2


def test_clear(page):
    talk(page)
    page.click("clear")
    wait_lines(page, "lines.length === 0")
    page.send("after")
    page.wait_log('"data":"after"')


def test_is_bounded(page):
    page.connect("load", many=4)
    page.fill("rate", 400)
    page.fill("times", 200)
    page.click("repeat")
    for n in range(1, 5):
        page.wait_row(f"load-{n}", "shown.count === '200'")
    page.choose("filter-kind", "in")
    assert len(wait_lines(page, "lines.length > 0")) <= 1000
    page.choose("filter-kind", "out")
    assert len(wait_lines(page, "lines.length > 0")) <= 1000
    page.choose("filter-kind", "")
    assert len(wait_lines(page, "lines.length >= 1000")) == 1000
    assert page.text("n-errors") == "0"
    # what is rare is not pushed out by what is not
    page.choose("filter-kind", "note")
    assert all("connected to test" in line for line in wait_lines(page, "lines.length === 4"))


def test_stays_at_the_latest_line(page):
    talk(page)
    page.fill("times", 60)
    page.fill("rate", 300)
    page.click("repeat")
    page.wait_row("load-1", "shown.count === '62'")
    page.wait('return document.querySelectorAll("#log li").length >= 120', "lines")
    where = "const log = document.getElementById('log'); return log.scrollHeight - log.scrollTop - log.clientHeight"
    assert page.run(where) < 8
    page.run("""
        const log = document.getElementById("log");
        window.scrolled = 0;
        log.addEventListener("scroll", () => { document.body.dataset.scrolled = String(++scrolled); });
        log.scrollTop = 0;
    """)
    page.wait("return document.body.dataset.scrolled", "scrolling")
    page.send("last")
    page.wait_log('"data":"last"')
    assert page.run("return document.getElementById('log').scrollTop") == 0
