# SPDX-License-Identifier: MIT
"""Alerts and recording rules, as promtool judges them; each alert is tested, documented and says what to do."""

import re
import subprocess

import pytest
import yaml

from prom import PROMETHEUS, RULES, TESTS, adapted, rules
from process import TOP

ALERTS = rules("alert")
NAMES = [rule["alert"] for rule in ALERTS]


def promtool(*args):
    done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_configuration(tmp_path):
    """As shipped, and with its rules where they are here."""
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    said = promtool("check", "config", adapted(tmp_path, {"blue": 3101, "green": 3102}))
    assert f"{len(RULES)} rule files found" in said


def test_targets_are_the_admin_ports_of_the_package():
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    wsd, = [job for job in config["scrape_configs"] if job["job_name"] == "wsd"]
    for one in wsd["static_configs"]:
        unit = TOP / "systemd" / f"ws-admin@{one['labels']['instance']}.socket.d" / "10-address.conf"
        assert f"ListenStream={one['targets'][0]}" in unit.read_text().splitlines()


@pytest.mark.parametrize("path", sorted((PROMETHEUS / "targets").glob("*.yml")), ids=lambda path: path.stem)
def test_target_files(path, tmp_path):
    """What is copied to /etc/prometheus/targets is read from there."""
    config = adapted(tmp_path, {"blue": 3101, "green": 3102})
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / path.name).write_text(path.read_text())
    promtool("check", "config", config)
    jobs = yaml.safe_load(config.read_text())["scrape_configs"]
    assert [job for job in jobs for found in job.get("file_sd_configs", []) for pattern in found["files"]
            if (tmp_path / "targets" / path.name).match(pattern)]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_well_formed(path):
    promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_they_should(path):
    assert "SUCCESS" in promtool("test", "rules", path)


def tried():
    """{alert: [how many are expected]} of all tests."""
    found = {}
    for path in TESTS:
        for group in yaml.safe_load(path.read_text())["tests"]:
            for one in group.get("alert_rule_test", []):
                found.setdefault(one["alertname"], []).append(len(one["exp_alerts"]))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_is_seen_to_fire_and_not_to_fire(name):
    expected = tried()[name]
    assert max(expected) > 0, "no test in which it fires"
    assert min(expected) == 0, "no test in which it does not"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_one_event_is_enough_even_before_the_first_scrape(rule):
    """increase() of a series that begins with 1 is 0: where one event is an alert, one that is new counts from zero."""
    for counter, window in re.findall(r"increase\(([^)]*)\[(\w+)\]\) > 0(?![.\d])", rule["expr"]):
        assert f"({counter} > 0 unless {counter} offset {window})" in rule["expr"]


def test_nothing_else_is_tested():
    assert set(tried()) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_each_alert_says_what_to_do(rule):
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    place, anchor = rule["annotations"]["runbook"].split("#")
    assert place == "/usr/share/doc/wsd/examples/prometheus/alerts.md"
    assert anchor == rule["alert"].lower()
    assert re.search(r"`[^`]+`|[A-Z_]{6,}|dashboard|connections", rule["annotations"]["description"])


def test_each_alert_has_a_paragraph():
    text = (PROMETHEUS / "alerts.md").read_text()
    assert re.findall(r"^## (\w+)$", text, re.M) == [name for name in NAMES]
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        assert "ook" in section and "o:**" in section or "**do** as above" in section, section
