# SPDX-License-Identifier: MIT
"""Every expression of contrib/ is asked for at a real Prometheus that has watched two real instances."""

import math
import re

import pytest

from prom import dashboard, filled_in, panels, rules

QUERIES = [(f"{panel['id']} {panel['title']} {target['refId']}", panel, target)
           for panel in panels() for target in panel["targets"]]
ANNOTATIONS = [one for one in dashboard()["annotations"]["list"] if "expr" in one]
OF_OTHERS = ("node_", "nginx_")  # not wsd's metrics


def by_name(given):
    return {"argvalues": [one[1:] for one in given], "ids": [one[0] for one in given]}


def test_both_instances_are_scraped(live):
    found = {(one["labels"]["job"], one["labels"]["instance"]): one["health"]
             for one in live.prometheus.ask("targets")["activeTargets"]}
    assert found == {("wsd", "blue"): "up", ("wsd", "green"): "up"}


def test_rules_are_loaded_and_without_error(live):
    def judged():
        found = [rule for group in live.prometheus.ask("rules")["groups"] for rule in group["rules"]]
        assert not [rule for rule in found if rule["health"] == "err"], found
        return len(found) if all(rule["health"] == "ok" for rule in found) else 0

    assert live.prometheus.wait(judged, "evaluation of all rules") == len(rules("alert")) + len(rules("record"))


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_alert_can_be_asked(live, rule):
    live.prometheus.query(rule["expr"])


@pytest.mark.parametrize("rule", rules("record"), ids=lambda rule: rule["record"])
def test_recorded_series_is_there(live, rule):
    """What the rule asks for, and what it records, for each instance that it is about."""
    assert live.prometheus.query(rule["expr"])
    found = live.prometheus.wait(lambda: live.prometheus.query(rule["record"]), rule["record"])
    instances = {dict(labels).get("instance") for labels in found}
    assert instances == ({"blue", "green"} if rule["record"].startswith("instance") else {None})


def selected(expr):
    """The metrics that an expression asks for: words that are no labels, no functions and no operators."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on|ignoring) *\([^)]*\)", " ", expr)
    return set(re.findall(r"\b[a-z][\w:]*[a-z]\b(?! *\()", bare)) - {"and", "or", "unless", "offset"}


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_metrics_of_an_alert_exist(live, rule):
    """An alert on a name that does not exist would be silent for ever."""
    used = selected(rule["expr"])
    assert used
    unknown = used - set(live.prometheus.ask("label/__name__/values"))
    assert not [name for name in unknown if not name.startswith(OF_OTHERS)]


def test_labels_of_the_alerts_exist(live):
    """Nor does one see anything that asks for a value which no label has."""
    for rule in rules("alert"):
        for selector in re.findall(r"[a-z][\w:]*\{[^}]*\}", rule["expr"]):
            if not selector.startswith(OF_OTHERS) and 'job="proxy"' not in selector:
                assert live.prometheus.query(selector), (rule["alert"], selector)


@pytest.mark.parametrize("panel, target", **by_name(QUERIES))
def test_panel_has_data(live, panel, target):
    expr = filled_in(target["expr"])

    def values():
        if target["instant"]:
            return [value for value in live.prometheus.query(expr).values() if not math.isnan(value)]
        return [value for series in live.prometheus.query_range(expr) for value in series if not math.isnan(value)]

    assert live.prometheus.wait(values, f"data for {panel['title']}: {expr}")


@pytest.mark.parametrize("title", [panel["title"] for panel in panels() if panel["title"].startswith("Green: ")])
def test_blue_and_green_have_the_same_panels(title):
    def exprs(name, instance):
        panel, = [one for one in panels() if one["title"] == name]
        return [target["expr"].replace(f'"{instance}"', '"*"') for target in panel["targets"]]

    assert exprs(title, "green") == exprs(title.replace("Green", "Blue"), "blue")


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=lambda one: one["name"])
def test_annotation_has_data(live, annotation):
    """Starts, who serves, handoffs, and the alert about the one that failed."""
    assert live.prometheus.wait(lambda: live.prometheus.query_range(annotation["expr"]), annotation["name"])


def test_failed_handoff_fires(live):
    def firing():
        return [one for one in live.prometheus.ask("alerts")["alerts"]
                if one["state"] == "firing" and one["labels"]["alertname"] == "WsdHandoffFailed"]

    alert, = live.prometheus.wait(firing, "alert about the handoff")
    assert alert["labels"]["instance"] == "blue"
    assert alert["annotations"]["summary"] == "A handoff from blue failed"


def test_slow_client_and_errors_are_counted(live):
    found = {dict(labels)["code"]: value
             for labels, value in live.prometheus.query('websocket_errors_total{instance="blue"} > 0').items()}
    assert found == {"slow_client": 1, "invalid_json": 1, "invalid_message": 1, "unknown_type": 1, "unsupported": 1}
