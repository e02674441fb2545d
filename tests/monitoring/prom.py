# SPDX-License-Identifier: MIT
"""Debian's Prometheus with the configuration of contrib/, and two instances of wsd that it watches."""

import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

from clients import BINARY, TEXT, Raw, frame, http, message
from process import BUILD, PATIENCE, TOP, Wsd, free_port
from handoffs import Peer
from instances import Instances, wait_for

PROMETHEUS = TOP / "contrib" / "prometheus"
GRAFANA = TOP / "contrib" / "grafana"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RATE = "10s"  # of panels, in the place of Grafana's $__rate_interval


def rules(kind):
    """All rules of a kind, alert or record."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def dashboard():
    return json.loads((GRAFANA / "dashboards" / "wsd.json").read_text())


def panels():
    """Those that ask for something; rows don't."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def filled_in(expr):
    """As Grafana would send it, with all instances chosen."""
    expr = expr.replace("$__rate_interval", RATE).replace("$instance", ".*")
    assert "$" not in expr, f"an unknown variable in {expr}"
    return expr


def adapted(directory, ports):
    """The shipped configuration with nothing changed but places and times."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    assert config.pop("rule_files") == ["/etc/prometheus/rules/wsd-*.yml"]
    config["rule_files"] = [str(PROMETHEUS / "rules" / "wsd-*.yml")]
    del config["alerting"]
    for job in config["scrape_configs"]:
        for targets in job.get("static_configs", []):
            assert len(targets["targets"]) == 1
            targets["targets"] = [f"127.0.0.1:{ports[targets['labels']['instance']]}"]
        for found in job.get("file_sd_configs", []):
            found["files"] = [one.replace("/etc/prometheus", str(directory)) for one in found["files"]]
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


class Prometheus:
    """One in the foreground, that keeps its data in a folder of the test."""

    def __init__(self, directory, ports):
        self.port = free_port()
        self.log = open(directory / "prometheus.log", "w+")
        command = ["prometheus", f"--config.file={adapted(directory, ports)}", f"--storage.tsdb.path={directory / 'data'}",
                   "--storage.tsdb.retention.time=30d", f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.wait(self._ready, "Prometheus to be ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _ready(self):
        assert self.process.poll() is None, self.said()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=PATIENCE).status == 200
        except OSError:
            return False

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def ask(self, path, **parameters):
        """The data of an answer of the HTTP API; an error is a failure of the test."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        assert told["status"] == "success" and not told.get("warnings"), (parameters, told)
        return told["data"]

    def query(self, expr):
        """{labels, as a sorted tuple: value} of now."""
        return {tuple(sorted(one["metric"].items())): float(one["value"][1])
                for one in self.ask("query", query=expr)["result"]}

    def query_range(self, expr, seconds=120):
        """Each series of the last seconds, as a list of its values."""
        now = time.time()
        found = self.ask("query_range", query=expr, start=now - seconds, end=now, step=1)["result"]
        return [[float(value) for _, value in one["values"]] for one in found]

    @staticmethod
    def wait(found, what, patience=PATIENCE):
        """The first true value of found(). Prometheus has no way to tell when it has scraped, so it is asked again."""
        deadline = time.monotonic() + patience
        while not (value := found()):
            assert time.monotonic() < deadline, f"no {what} within {patience:.0f} s"
            time.sleep(0.1)
        return value

    def close(self):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        said = self.said()
        self.log.close()
        assert status == 0, said


class Everything:
    """blue and green, clients that load them, one that is slow, some that err; a handoff that fails and one that doesn't."""

    def __init__(self, directory):
        self.directory = directory
        self.daemons = []
        self.load = self.prometheus = self.instances = None
        self.handoffs = tempfile.TemporaryDirectory(prefix="wsd-")

    def _start(self, **how):
        daemon = Wsd(SEND_TIMEOUT=500, **how)
        self.daemons.append(daemon)
        return daemon

    def begin(self):
        self.instances = Instances(self._start, self.handoffs.name)
        blue, green = self.instances("blue"), self.instances("green")
        self.prometheus = Prometheus(self.directory, {"blue": blue.admin_port, "green": green.admin_port})
        self.prometheus.wait(lambda: len(self.prometheus.query('up{job="wsd"} == 1')) == 2, "scrape of both")
        self.load = subprocess.Popen([BUILD / "loadtest" / "wsload", "-c", "20", "-r", "400", "-d", "10m", "--progress", "off",
                                      "--quiet", f"ws://127.0.0.1:{blue.port}"], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._err(blue)
        self._be_slow(blue)
        self.prometheus.wait(lambda: self.prometheus.query('websocket_messages_total{instance="blue"} > 400'), "traffic")
        self._hand_over()

    @staticmethod
    def _err(daemon):
        nonsense = (frame(TEXT, "{"), frame(TEXT, "{}"), frame(TEXT, '{"type":"dance"}'), frame(BINARY, b"x"))
        with Raw(daemon.port) as client:
            client.open("/ws/chat/clumsy")
            for one in nonsense:
                client.send(one)
                assert client.read_json()["type"] == "error"
        with Raw(daemon.port) as client:
            assert client.handshake("/ws/chat/not an id").status == 400
        assert http(daemon.port, "/nowhere").status == 404

    @staticmethod
    def _be_slow(daemon):
        with Raw(daemon.port, receive_buffer=4096) as client:
            client.open("/ws/chat/deaf")
            client.sock.setblocking(False)
            burst, sent = frame(TEXT, message("x", id="i" * 200)) * 200, 0
            try:
                while not daemon.logged(WS_CONNECTION_ID="deaf", WS_CLOSE_CODE=1013):
                    sent += client.sock.send(burst[sent % len(burst):])
            except OSError:
                pass  # wsd has stopped reading
            daemon.wait_log(WS_CONNECTION_ID="deaf", WS_CLOSE_CODE=1013)

    def _hand_over(self):
        other = Peer(self.instances.socket("green")).greet()
        state = self.instances.hand_over("blue", "green")
        assert state["state"] == "failed", state  # green takes from one at a time
        other.sock.close()
        wait_for(self._handed_over, "handoff")
        self.prometheus.wait(lambda: self.prometheus.query('wsd_handoffs_total{result="done"} == 1'), "handoff in Prometheus")
        self.prometheus.wait(lambda: self.prometheus.query('rate(websocket_messages_total{instance="green"}[5s]) > 10'),
                             "traffic at green")

    def _handed_over(self):
        """Green may not have noticed yet that the other one has gone."""
        if self.instances.api("blue", "POST", "/api/v1/handoff", {"to": "green"}).status != 202:
            return False
        state = wait_for(lambda: self.instances.over("blue"), "end of the handoff")
        return state["state"] == "done" and state["moved"] >= 20

    def end(self):
        try:
            if self.load:
                self.load.terminate()
                self.load.wait(PATIENCE)
            if self.prometheus:
                self.prometheus.close()
            for daemon in self.daemons:
                daemon.stop()
        finally:
            for daemon in self.daemons:
                daemon.cleanup()
            if self.instances:
                self.instances.close()
            self.handoffs.cleanup()
