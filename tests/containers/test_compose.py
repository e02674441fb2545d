# SPDX-License-Identifier: MIT
"""compose.yaml as Compose itself reads it. No engine is there to run it: these are the promises that can be seen in it."""

import json

import pytest

from conftest import WORK

SERVICES = ("net", "blue", "green", "traefik", "prometheus", "grafana", "redis")
compose = json.loads((WORK / "compose.json").read_text()) if WORK.exists() else {"services": {}}


def test_has_the_whole_stack():
    assert sorted(compose["services"]) == sorted(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_is_closed_and_bounded(name):
    service = compose["services"][name]
    assert service["cap_drop"] == ["ALL"] and service["read_only"] and service["security_opt"] == ["no-new-privileges:true"]
    limits = service["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) > 0 and limits["pids"] > 0
    # one network, so that what is handed over stays where it is
    assert name == "net" or (service["network_mode"] == "service:net" and "ports" not in service)


def test_metrics_are_kept_for_30_days():
    assert "--storage.tsdb.retention.time=30d" in compose["services"]["prometheus"]["command"]


def test_instances_can_hand_over():
    blue, green = (compose["services"][name] for name in ("blue", "green"))
    volumes = [[(volume["source"], volume["target"]) for volume in service["volumes"]] for service in (blue, green)]
    assert volumes == [[("run", "/run/ws")]] * 2
    ports = [service["environment"][name] for service in (blue, green) for name in ("PORT", "ADMIN_PORT")]
    assert ports == ["3001", "3101", "3002", "3102"]  # as contrib/traefik and contrib/prometheus have them
    assert all(service["ulimits"]["nofile"] >= 15600 for service in (blue, green))
