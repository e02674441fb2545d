# SPDX-License-Identifier: MIT
"""The dashboard as data: what Grafana would stumble over."""

import json

import pytest
import yaml

from prom import GRAFANA, dashboard, panels

GRAFANAS_OWN = "-- Grafana --"
UNITS = {"short", "none", "percentunit", "mps", "cps", "ops", "reqps", "s", "bytes", "Bps"}


def provisioned(kind):
    return yaml.safe_load((GRAFANA / "provisioning" / kind / "wsd.yml").read_text())


def walk(value):
    """All objects in it."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(one)


def test_written_as_it_is_read():
    """Two blanks, a newline at the end, so that a change shows as what it is."""
    text = (GRAFANA / "dashboards" / "wsd.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_stable_names():
    board = dashboard()
    assert (board["uid"], board["title"]) == ("wsd", "wsd")
    assert "id" not in board
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in panels()]
    assert len(set(zip(titles, (panel["type"] for panel in panels())))) == len(titles)


def test_datasources_are_provisioned():
    known = {one["uid"] for one in provisioned("datasources")["datasources"]} | {GRAFANAS_OWN}
    used = {one["datasource"]["uid"] for one in walk(dashboard()) if "datasource" in one}
    assert used == known


def test_provisioning_reads_the_folder_of_the_manual():
    provider, = provisioned("dashboards")["providers"]
    assert f"-t {provider['options']['path']} dashboards/wsd.json" in (GRAFANA / "README.md").read_text()


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel['id']} {panel['title']}")
def test_panel_is_whole(panel):
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["description"]
    refs = [target["refId"] for target in panel["targets"]]
    assert refs and len(set(refs)) == len(refs)
    for target in panel["targets"]:
        assert target["expr"] and target["legendFormat"]
        assert target["instant"] != target["range"]


def test_panels_do_not_overlap():
    taken = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_annotations_tell_of_deploys_and_handoffs():
    names = [one["name"] for one in dashboard()["annotations"]["list"]]
    assert {"Starts", "Deploys", "Handoffs", "Alerts"} <= set(names)
