# SPDX-License-Identifier: MIT
"""An endpoint that speaks as much of Elasticsearch as a shipper of logs meets: /_bulk with an answer for each item, ids that
exist once, documents refused for a field that doesn't fit the index template, requests refused as a whole. It checks what it
is sent, and what is wrong with a request itself is an error that the test sees."""

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import pathlib
import ssl
import subprocess
import threading
import time

from host import PATIENCE

ELK = pathlib.Path(__file__).parents[2] / "contrib/elk"
TYPES = {name: entry["type"] for name, entry in json.loads((ELK / "component-template.json").read_text())
         ["template"]["mappings"]["properties"].items()}
USER, PASSWORD = "wsd-shipper", "no-guess"


def fits(kind, value):
    """As the template says, and not only near enough for Elasticsearch, which takes "3" for a number too."""
    if kind in ("long", "integer", "byte"):
        return type(value) is int and -128 <= value < {"long": 1 << 63, "integer": 1 << 31, "byte": 128}[kind]
    if kind == "date":
        return datetime.datetime.fromisoformat(value).utcoffset() == datetime.timedelta(0)
    if kind == "ip":
        return bool(ipaddress.ip_address(value))
    return isinstance(value, str)


class Elastic:
    """Documents by (index, id). status, if set, is the answer to whole requests; verdict(document) to single ones."""

    def __init__(self, host):
        self.host, self.documents, self.wrong, self.requests, self.answers, self.turned_away = host, {}, [], 0, [], []
        self.status, self.verdict = 0, lambda document: 0
        self.changed = threading.Condition()
        self.server = None
        host.sh("mkdir -p /etc/ws /etc/tls")
        certificate = host.root / "etc/tls/elastic.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout",
                        host.work / "elastic.key"], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, host.work / "elastic.key")

    def start(self):
        elastic = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = PATIENCE

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, answer = elastic.asked(self, body)
                except Exception as problem:
                    status, answer = 400, {"error": {"reason": repr(problem)}, "status": 400}
                    with elastic.changed:
                        elastic.wrong.append(f"{problem!r}: {body[:2000]!r}")
                        elastic.changed.notify_all()
                reply = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def do_GET(self):  # the health check
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def get_request(self):
                sock, address = self.socket.accept()
                sock.settimeout(PATIENCE)
                return elastic.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

            def handle_error(self, *_):
                pass  # a client that has gone

        with self.host.network():
            self.server = Server(("127.0.0.1", 9200), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def asked(self, request, body):
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        assert request.headers["Authorization"] == expected, request.headers["Authorization"]
        assert request.path.split("?")[0] == "/_bulk", request.path
        assert request.headers["Content-Type"].split(";")[0] in ("application/json", "application/x-ndjson")
        assert body.endswith(b"\n")
        lines = [json.loads(line) for line in body.decode().split("\n")[:-1]]
        assert len(lines) % 2 == 0
        with self.changed:
            self.requests += 1
            self.changed.notify_all()
            if self.status:
                self.answers.append(self.status)
                self.turned_away += lines[1::2]
                return self.status, {"error": {"type": "unavailable", "reason": "asked to"}, "status": self.status}
            items = [self._item(*pair) for pair in zip(lines[0::2], lines[1::2])]
            self.answers += [item["create"]["status"] for item in items]
            return 200, {"took": 1, "errors": any(item["create"]["status"] > 299 for item in items), "items": items}

    def _item(self, action, document):
        (verb, target), = action.items()
        assert verb == "create", action  # all that a data stream takes
        key = target["_index"], target["_id"]
        answer = {"_index": f".ds-{key[0]}-000001", "_id": key[1]}  # a data stream's own index
        misfits = [name for name, value in document.items() if name in TYPES and not fits(TYPES[name], value)]
        refused = self.verdict(document)
        if key in self.documents:
            answer |= {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "exists already"}}
        elif refused:
            answer |= {"status": refused, "error": {"type": "refused", "reason": "asked to"}}
        elif misfits or "@timestamp" not in document:
            answer |= {"status": 400, "error": {"type": "document_parsing_exception", "reason": f"failed to parse {misfits}"}}
        else:
            self.documents[key] = document
            answer |= {"status": 201, "result": "created"}
        return {"create": answer}

    def wait(self, what):
        """Until what() is true; looked at after each request."""
        limit = time.monotonic() + PATIENCE
        with self.changed:
            while not what():
                assert not self.wrong, self.wrong
                assert self.changed.wait(limit - time.monotonic()), f"{self.requests} requests, {len(self.documents)} documents"

    def find(self, index="logs-wsd-default", **fields):
        with self.changed:
            return [document for (place, _), document in self.documents.items()
                    if place == index and all(document.get(name) == value for name, value in fields.items())]


@contextlib.contextmanager
def shipping(host):
    """A machine that ships its log with the files of contrib/elk as they are; only elasticsearch.env is the test's."""
    elastic = Elastic(host)
    for name in ("elasticsearch.conf", "ws-elasticsearch.service", "ws-elasticsearch-resend.service", "ws-elasticsearch-rewind",
                 "ws-elasticsearch-resend"):
        place = "/etc/systemd/system" if name.endswith("service") else "/etc/ws" if name.endswith("conf") else "/usr/local/sbin"
        host.write(f"{place}/{name}", (ELK / name).read_text())
    settings = dict(line.split("=", 1) for line in (ELK / "elasticsearch.env").read_text().splitlines() if not line.startswith("#"))
    settings |= {"ELASTICSEARCH_URL": "https://127.0.0.1:9200", "ELASTICSEARCH_USER": USER, "ELASTICSEARCH_PASSWORD": PASSWORD,
                 "ELASTICSEARCH_CA": "/etc/tls/elastic.pem"}
    host.write("/etc/ws/elasticsearch.env", "".join(f'{name}="{value}"\n' for name, value in settings.items()))
    host.systemctl("daemon-reload")
    try:
        yield elastic
    finally:
        elastic.stop()
