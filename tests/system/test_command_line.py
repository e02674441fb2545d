# SPDX-License-Identifier: MIT
"""Command line and configuration: what is wrong is said in one line."""

import re

import pytest

from process import run_to_end

CHECK = "--check-config"


@pytest.mark.parametrize("name, value", [
    ("PORT", "0"), ("PORT", "65536"), ("PORT", "3001x"), ("PORT", " 3001"), ("PORT", "-1"), ("PORT", "0x10"),
    ("PORT", "99999999999999999999"),
    ("HOST", "no such host"), ("HOST", "300.1.1.1"), ("ADMIN_HOST", "x"), ("ADMIN_PORT", "http"),
    ("MAX_CONNECTIONS", "0"), ("MAX_CONNECTIONS", "many"), ("MAX_CONNECTIONS", "1e3"),
    ("HEARTBEAT_INTERVAL", "30s"), ("HEARTBEAT_INTERVAL", "1"), ("CONNECTION_TIMEOUT", "-5"),
    ("LOG_LEVEL", "loud"), ("LOG_LEVEL", "INFO "), ("LOG_FORMAT", "xml"), ("WORKERS", "0"), ("WORKERS", "10000"),
    ("MAX_MESSAGE_BYTES", "1"), ("SEND_QUEUE_BYTES", "x"), ("DRAIN_TIMEOUT", "1.5"), ("PARKING_GRACE", "-1"),
    ("SESSION_TTL", "forever"), ("INSTANCE", "bl ue"), ("INSTANCE", "x" * 33), ("RATE_LIMIT_CONNECT", "5/"), ("RATE_LIMIT_MESSAGE", "/5"),
    ("RATE_LIMIT_ADMIN", "-1"), ("MAX_CONNECTIONS_PER_IP", "some"), ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("TRUSTED_PROXIES", "example.org"), ("ALLOWED_ORIGINS", "https://a b"), ("METRICS_ALLOW", "all"),
    ("GRAFANA_URL", "grafana.example"),
    ("ADMIN_TOKEN", "short"),
])
@pytest.mark.parametrize("args", [(), (CHECK,)], ids=["start", "check"])
def test_bad_value_is_one_line_and_status_78(args, name, value):
    wsd = run_to_end(*args, **{"LOG_FORMAT": "text", name: value})
    assert wsd.status == 78, wsd.text()
    assert len(wsd.lines) == 1, wsd.text()
    assert name in wsd.text()
    if name == "ADMIN_TOKEN":
        assert value not in wsd.text(), "a secret is not shown"
    else:
        assert value.strip() in wsd.text()
    assert wsd.stdout == ""


def test_good_configuration_is_confirmed():
    wsd = run_to_end(CHECK)
    assert wsd.status == 0
    assert wsd.lines == []


def test_too_few_open_files_are_no_good_configuration():
    wsd = run_to_end(CHECK, MAX_CONNECTIONS=5000, before="ulimit -n 1024")
    assert wsd.status == 78
    assert "MAX_CONNECTIONS=5000 needs" in wsd.text() and "raise LimitNOFILE=" in wsd.text()
    assert run_to_end(CHECK, MAX_CONNECTIONS=100, before="ulimit -n 1024").status == 0


def test_empty_value_is_the_default():
    assert run_to_end(CHECK, PORT="", LOG_LEVEL="").status == 0


def test_unknown_variables_are_no_error():
    assert run_to_end(CHECK, environment={"WSD_COLOUR": "red", "WS_COLOUR": "red"}).status == 0


def test_a_misspelt_variable_is_told():
    wsd = run_to_end(CHECK, environment={"MAX_CONECTIONS": "5"}, LOG_FORMAT="text")
    assert wsd.status == 0
    assert "MAX_CONECTIONS is no variable of wsd, and has no effect: is MAX_CONNECTIONS meant?" in wsd.text()


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(option):
    wsd = run_to_end(option)
    assert wsd.status == 0
    for name in ("HOST", "PORT", "MAX_CONNECTIONS", "SESSION_TTL", "ADMIN_TOKEN", "--check-config", "--version"):
        assert name in wsd.stdout


def test_version():
    wsd = run_to_end("--version")
    assert wsd.status == 0
    assert re.fullmatch(r"wsd \d+\.\d+\.\d+\S*\n", wsd.stdout)


def test_version_verbose():
    wsd = run_to_end("--version", "--verbose")
    assert wsd.status == 0
    for library in ("libwebsockets", "libuv", "libmicrohttpd", "libsystemd"):
        assert re.search(rf"^{library} +\d", wsd.stdout, re.M)


@pytest.mark.parametrize("args", [("--nonsense",), ("-x",), ("stray",), (CHECK, "stray")])
def test_wrong_usage_is_status_64_or_2(args):
    wsd = run_to_end(*args)
    assert wsd.status in (2, 64)
    assert wsd.stdout == "" and wsd.lines
