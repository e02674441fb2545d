# SPDX-License-Identifier: MIT
"""What wsload measures is what was there: delays, stalls, rates, numbers of connections."""
import os

from peer import Peer

# A busy machine, or a slow build, adds to what is measured, and never takes from it.
SLOW = float(os.environ.get("WSD_TIME_SCALE", 1)) * 2


def test_a_known_delay(wsload):
    with Peer(delay=0.1) as peer:
        run = wsload("-c", 5, "-r", 100, "-d", "1s", "--fail-if", f"latency_p50>{int(130 * SLOW)}ms", peer.url)
    latency = run.report["latency"]
    assert run.status == 0
    assert 0.1 <= latency["min"]
    assert 0.1 <= latency["p50"] < 0.13 * SLOW
    assert latency["n"] == run.counts["answered"] > 0


def test_a_stall_is_charged_from_the_time_messages_were_due(wsload):
    def answer(peer, c, message, count):
        if peer.received == 500:
            peer.stall(1)
        peer.reply(c, message, count)

    with Peer(answer) as peer:
        run = wsload("-c", 10, "-r", 500, "-d", "4s", "--fail-if", "latency_max>900ms", peer.url)
    latency = run.report["latency"]
    assert run.status == 1
    assert 0.95 <= latency["max"] < 1.3 * SLOW
    assert 0.9 <= latency["p999"] < 1.3 * SLOW
    # 500 of the 2,000 messages were due during the stall, spread evenly over it
    slow = sum(1 for p in ("p90", "p95", "p99") if latency[p] > 0.3)
    assert slow == 3 and latency["p50"] < 0.1 * SLOW
    assert run.counts["lost"] == run.counts["missed"] == 0


def test_the_rate_is_kept(wsload):
    with Peer() as peer:
        run = wsload("-c", 8, "-r", 400, "-d", "2s", "--processes", 2, peer.url)
    assert run.counts["sent"] in range(796, 805)
    assert 390 / SLOW < run.report["summary"]["rate"] < 410


def test_the_interval_is_each_connections_own(wsload):
    with Peer() as peer:
        run = wsload("-c", 20, "--interval", "100ms", "-d", "1s", peer.url)
    assert run.counts["sent"] in range(190, 211)


def test_idle_connections_send_nothing(wsload):
    with Peer() as peer:
        run = wsload("-c", 30, "-i", 0, "-d", "300ms", peer.url)
    assert peer.received == run.counts["sent"] == 0
    assert run.report["summary"]["connections_peak"] == 30


def test_connections_over_time_follow_the_profile(wsload):
    with Peer() as peer:
        run = wsload("-p", "ramp", "-c", 40, "--scale", "0.01", peer.url)
    series = run.report["series"]["connections"]
    step = run.report["series"]["step"]
    assert run.status == 0, run.stdout
    assert max(series) == 40
    middle = series[int(1.2 / step)]
    assert 15 <= middle <= 25
    assert series[-1] <= 2
    assert run.report["phases"] == {"up": 2.4, "hold": 0.6, "down": 0.3}


def test_parallel_connecting(wsload):
    with Peer() as peer:
        run = wsload("-c", 300, "--connect-parallel", 20, "-i", 0, "-d", "200ms", peer.url)
    assert run.counts["connected"] == 300
    assert run.report["summary"]["connect_rate"] > 50


def test_several_addresses_share_the_connections(wsload):
    with Peer() as one, Peer() as two:
        run = wsload("-c", 10, "-d", "200ms", one.url, two.url)
    assert one.established == two.established == 5
    assert run.counts["connected"] == 10


def test_the_servers_cpu_and_memory(wsload):
    with Peer() as peer:
        run = wsload("-c", 10, "-d", "1s", "--pid", os.getpid(), "--fail-if", "server_cpu>1s", peer.url)
    server = run.report["server"]
    assert run.status == 0
    assert 1e-6 < server["cpu_per_message"] < 1e-2
    assert 0.05 < server["cpu_share"] < 2
    assert server["rss_peak"] > 1 << 20


def test_echo_servers(wsload):
    def answer(peer, c, message, count):
        c.say(**message)

    with Peer(answer) as peer:
        run = wsload("-c", 3, "-i", 2, "-d", "300ms", "--protocol", "echo", peer.url)
    # the first message of this peer answers nothing
    assert run.counts["answered"] == run.counts["sent"] > 0
