# SPDX-License-Identifier: MIT
"""/metrics of the daemon, and wsd-metrics(7), which are made from one table: each metric has type, unit and help."""

import re
import subprocess

import pytest

from clients import http
from process import BUILD

# It is a gauge, and keeps its name for the dashboards that have it.
KNOWN = 'websocket_connections_total non-counter metrics should not have "_total" suffix'
SUFFIXES = {"seconds": "_seconds", "bytes": "_bytes", "info": "_info", "descriptors": "_fds"}


@pytest.fixture
def page(start):
    return http(start().admin_port, "/metrics").body.decode()


def described():
    """{name: (type, unit, help)} of the manual."""
    text = (BUILD / "doc" / "wsd-metrics.7").read_text().replace("\\-", "-").replace("\\e", "\\")
    found = re.findall(r'^\.TP\n\.BR (\S+) " \((\w+), (\w+)\)"\n(.+)$', text, re.M)
    assert len(found) > 30
    return {name: rest for name, *rest in found}


def test_promtool_has_nothing_to_say(page):
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
    assert (done.stdout + done.stderr).split("\n") == [KNOWN, ""], done.stdout + done.stderr


def test_page_and_manual_have_the_same_metrics(page):
    types = dict(re.findall(r"^# TYPE (\S+) (\w+)$", page, re.M))
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", page, re.M))
    manual = described()
    assert {name: (kind, helps[name]) for name, kind in types.items()} == \
        {name: (kind, text) for name, (kind, _, text) in manual.items()}


def test_each_metric_has_type_unit_and_help():
    for name, (kind, unit, text) in described().items():
        assert kind in ("counter", "gauge", "histogram"), name
        assert len(text) > 10 and text.endswith("."), (name, text)
        assert kind == "counter" or not name.endswith("_total") or name in KNOWN, name
        assert kind != "counter" or name.endswith("_total"), name
        stem = name.removesuffix("_total")
        assert stem.endswith(SUFFIXES.get(unit, "")), (name, unit)
        assert unit in SUFFIXES or not stem.endswith(tuple(SUFFIXES.values())), (name, unit)


def test_samples_belong_to_their_family(page):
    family = None
    for line in page.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
        elif not line.startswith("#"):
            assert re.match(rf"{family}(_bucket|_sum|_count)?[ {{]", line), (family, line)
