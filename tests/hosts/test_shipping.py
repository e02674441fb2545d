# SPDX-License-Identifier: MIT
"""rsyslog with the files of contrib/elk: what wsd logs arrives at a bulk endpoint, with its types, once, and whatever happens
in between. The endpoint is the test's own (elastic.py): Debian has no Elasticsearch."""

import json

import pytest

from clients import message
from elastic import ELK, shipping
from host import BAD_CONFIG, CLOSED, OPENED, STOPPED

SHIPPING = "ws-elasticsearch"
STATE = "/var/lib/ws-elasticsearch"


@pytest.fixture
def elastic(host):
    with shipping(host) as it:
        yield it


def visit(host, name):
    client = host.client(name)
    client.ask(message())
    client.ask('{"type":"disconnect"}')


def test_connection_as_it_arrives(host, elastic, figure):
    elastic.start()
    host.systemctl("start", SHIPPING, "ws@blue.socket")
    visit(host, "alice")
    elastic.wait(lambda: elastic.find(MESSAGE_ID=CLOSED))
    host.systemctl("stop", "ws@blue.service")
    elastic.wait(lambda: elastic.find(MESSAGE_ID=STOPPED))
    opened, = elastic.find(MESSAGE_ID=OPENED)
    closed, = elastic.find(MESSAGE_ID=CLOSED)
    entries = host.journal("-u", "ws@blue", "WS_CONNECTION_ID=alice")
    for document, entry in zip((opened, closed), entries):
        ours = {name: value for name, value in entry.items() if name.startswith("WS_")}
        assert {name: str(document[name]) for name in ours} == ours
        for name in ("MESSAGE", "MESSAGE_ID", "_HOSTNAME", "_BOOT_ID", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER"):
            assert document[name] == entry[name]
        assert document["PRIORITY"] == 6 and document["_PID"] == int(entry["_PID"])
        assert document["WS_CLIENT_IP"] == "127.0.0.1"
        micros = int(entry["__REALTIME_TIMESTAMP"])
        assert document["@timestamp"].endswith(f".{micros % 1000000:06}+00:00")
        assert "_CAP_EFFECTIVE" not in document and "_SOURCE_REALTIME_TIMESTAMP" not in document
    assert (closed["WS_MESSAGES"], closed["WS_CLOSE_CODE"], closed["WS_RESUMED"] if "WS_RESUMED" in closed else 0) == (1, 1000, 0)
    figure("the end of a connection as it arrives", json.dumps(closed))
    assert not elastic.wrong


def test_what_else_is_shipped(host, elastic):
    """Errors go to their own index, systemd's lines about the units and wsctl's come too, and those of others do not."""
    elastic.start()
    host.set("green", WORKERS="none")
    host.systemctl("start", SHIPPING)
    host.systemctl("start", "ws@green", check=False)
    host.sh("printf 'MESSAGE=switched\\nSYSLOG_IDENTIFIER=wsctl\\nPRIORITY=6\\nWS_DEPLOY_STEP=switch\\n' | logger --journald")
    host.sh("logger --tag other hello; logger --tag wsctl last")
    elastic.wait(lambda: elastic.find(MESSAGE="last") and elastic.find(index="logs-wsd.errors-default", MESSAGE_ID=BAD_CONFIG))
    assert elastic.find(MESSAGE="switched")[0]["WS_DEPLOY_STEP"] == "switch"
    assert [document for document in elastic.find(UNIT="ws@green.service") if document["SYSLOG_IDENTIFIER"] == "systemd"]
    assert not elastic.find(MESSAGE_ID=BAD_CONFIG) and not elastic.find(MESSAGE="hello")
    assert all(document["PRIORITY"] <= 3 for document in elastic.find(index="logs-wsd.errors-default"))
    assert not elastic.wrong


def test_nothing_is_lost_while_it_is_away(host, elastic, figure):
    """Nobody listens; there is more than rsyslog has room for, and it is restarted meanwhile; then all is there, once."""
    host.set(RATE_LIMIT_CONNECT=0)
    host.systemctl("start", SHIPPING, "ws@blue.socket")
    for _ in range(3):
        host.run("wsload", "--connections", "1000", "--in-flight", "0", "--duration", "1ms", "--progress", "off", "ws://127.0.0.1:3001")
        host.systemctl("restart", SHIPPING)
    host.systemctl("stop", "ws@blue.service")
    elastic.start()
    elastic.wait(lambda: elastic.find(MESSAGE_ID=STOPPED))
    for kind in (OPENED, CLOSED):
        assert len(elastic.find(MESSAGE_ID=kind)) == len(host.journal(f"MESSAGE_ID={kind}")) == 3000
    figure("lines that came when it was back", f"{len(elastic.documents)} in {elastic.requests} requests")
    assert not elastic.wrong


def test_killed(host, elastic):
    """So that it cannot write down how far it has read: it reads more than once, and nothing is doubled."""
    elastic.start()
    host.systemctl("start", SHIPPING, "ws@blue.socket")
    for name in ("alice", "bob", "carol"):
        visit(host, name)
        elastic.wait(lambda: elastic.find(MESSAGE_ID=CLOSED, WS_CONNECTION_ID=name))
        host.systemctl("kill", "--signal=KILL", SHIPPING)
        host.systemctl("restart", SHIPPING)
    elastic.wait(lambda: 409 in elastic.answers)
    assert len(elastic.find(MESSAGE_ID=OPENED)) == len(elastic.find(MESSAGE_ID=CLOSED)) == 3
    assert not elastic.wrong


def test_journal_sent_again_is_not_doubled(host, elastic):
    """As it is when rsyslog's note of how far it has read is lost."""
    elastic.start()
    host.systemctl("start", SHIPPING, "ws@blue.socket")
    visit(host, "alice")
    elastic.wait(lambda: elastic.find(MESSAGE_ID=CLOSED))
    host.systemctl("stop", SHIPPING)
    host.sh(f"rm {STATE}/imjournal.state")
    host.systemctl("start", SHIPPING)
    elastic.wait(lambda: 409 in elastic.answers)
    visit(host, "bob")
    elastic.wait(lambda: elastic.find(MESSAGE_ID=CLOSED, WS_CONNECTION_ID="bob"))
    assert len(elastic.find(WS_CONNECTION_ID="alice")) == 2
    assert not elastic.wrong


def test_lines_refused_for_now_and_for_good(host, elastic):
    """429 for single lines, then 400 for some: others are not held up, the former come again, the latter are kept aside."""
    elastic.verdict = lambda document: {"bad": 400, "busy": 429}.get(document.get("WS_CONNECTION_ID"), 0)
    elastic.start()
    host.systemctl("start", SHIPPING, "ws@blue.socket")
    for name in ("alice", "busy", "bad", "bob"):
        visit(host, name)
    elastic.wait(lambda: all(elastic.find(MESSAGE_ID=CLOSED, WS_CONNECTION_ID=name) for name in ("alice", "bob")))
    visit(host, "dave")
    elastic.wait(lambda: elastic.find(WS_CONNECTION_ID="dave"))  # so that the answers before have been written down
    assert not resend(host)  # still busy
    assert not elastic.find(WS_CONNECTION_ID="busy")
    elastic.verdict = lambda document: {"bad": 400}.get(document.get("WS_CONNECTION_ID"), 0)
    assert resend(host)
    assert len(elastic.find(WS_CONNECTION_ID="busy")) == 2
    refused = [json.loads(line) for line in host.sh(f"cat {STATE}/refused.json").splitlines()]
    assert [line["document"]["MESSAGE_ID"] for line in refused] == [OPENED, CLOSED]
    assert all(line["answer"]["status"] == 400 and line["document"]["WS_CONNECTION_ID"] == "bad" for line in refused)
    assert set(host.sh(f"ls {STATE}").split()) - {"imjournal.state"} == {"refused.json", "rsyslogd.pid"}
    # rsyslog has opened a new file, and goes on
    visit(host, "bad")
    visit(host, "carol")
    elastic.wait(lambda: elastic.find(MESSAGE_ID=CLOSED, WS_CONNECTION_ID="carol"))
    host.systemctl("stop", SHIPPING)
    assert resend(host) and host.sh(f"wc -l <{STATE}/refused.json").strip() == "4"
    assert not elastic.wrong


def test_requests_refused_as_a_whole(host, elastic):
    """503, as when there is no master: rsyslog does not send those again by itself."""
    elastic.status = 503
    elastic.start()
    host.systemctl("start", SHIPPING, "ws@blue.socket")
    visit(host, "alice")
    elastic.wait(lambda: [document for document in elastic.turned_away if document.get("MESSAGE_ID") == CLOSED])
    host.systemctl("stop", SHIPPING)  # the answer has been written when it has ended
    assert not resend(host)
    elastic.status = 0
    assert resend(host)
    assert len(elastic.find(WS_CONNECTION_ID="alice")) == 2
    assert not elastic.wrong


def test_journal_of_their_own(host, elastic):
    """LogNamespace=, with README.md's drop-in."""
    readme = (ELK / "README.md").read_text()
    dropin = "".join(line.strip() + "\n" for line in readme[readme.index("    # /etc/systemd/system/ws-elastic"):].splitlines()[1:3])
    host.write("/etc/systemd/system/ws-elasticsearch.service.d/namespace.conf", dropin)
    host.sh("""
        cd /usr/share/doc/wsd/examples/journald
        install -D -m 644 journald@ws.conf /etc/systemd/journald@ws.conf
        install -D -m 644 namespace.conf /etc/systemd/system/ws@.service.d/namespace.conf
        systemctl daemon-reload""")
    elastic.start()
    host.systemctl("start", "ws@blue.socket")
    visit(host, "alice")
    host.systemctl("start", SHIPPING)
    elastic.wait(lambda: elastic.find(MESSAGE_ID=CLOSED, WS_CONNECTION_ID="alice"))
    assert not elastic.wrong


def resend(host):
    """True if nothing is left over."""
    return host.systemctl("start", "ws-elasticsearch-resend", check=False).status == 0
