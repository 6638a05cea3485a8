"""What a server says of itself on a simulated host: its numbers and its health."""

from tests.simulated.bench import ECHO_TCP, SERVER, Bench, serving
from tests.simulated.parties import Talker
from tests.watch.exposition import Read, read
from twisted_net.net.clients import Target, connect
from twisted_net.net.health import Phase
from twisted_net.testing import Host, SimNetwork
from twisted_net.watch import families, render

WEB = Target("tcp", SERVER, 7080)


def measured(net: SimNetwork, bench: Bench) -> Read:
    """Measure a server, as its page does."""
    health = bench.lives[-1]._runtime.health
    assert health.measure is not None
    return read(render(families(net.run(health.measure), health.phase, "1")))


async def asked(host: Host, path: str) -> bytes:
    """Return a whole answer of the web door, to a request of HTTP/1.0."""
    words = f"GET {path} HTTP/1.0\r\n\r\n".encode()
    talker = await connect(host.reactor, WEB, Talker(words))
    while not talker.lost:
        await host.network.sleep(0.1)
    return talker.heard


def test_what_waits_for_a_peer_that_does_not_read_is_shown(net: SimNetwork) -> None:
    """And nothing of it once the peer is gone."""
    bench = serving(net)
    deaf = Talker(bytes(2_000_000), listens=False)
    net.run(deaf.to(net.host("client"), ECHO_TCP))
    net.run_for(5)
    found = measured(net, bench)
    assert found.value("netdemo_queue_bytes", door="echo-tcp") > 65_536
    assert found.value("netdemo_connections", door="echo-tcp") == 1
    assert found.value("netdemo_queue_bytes", door="chat-tcp") == 0
    deaf.transport.abortConnection()
    net.run_for(5)
    found = measured(net, bench)
    assert found.value("netdemo_queue_bytes", door="echo-tcp") == 0
    assert found.value("netdemo_connections", door="echo-tcp") == 0
    assert found.value("netdemo_connections_accepted_total", door="echo-tcp") == 1


def test_a_door_that_is_closed_is_not_told_of(net: SimNetwork) -> None:
    """As long as nothing was counted there."""
    bench = serving(net, echo_tcp="")
    net.run_for(1)
    doors = {dict(labels).get("door") for _, labels in measured(net, bench).samples}
    assert "echo-udp" in doors
    assert "echo-tcp" not in doors
    bench.counters.door("echo-tcp").drop("crashed")
    assert measured(net, bench).value("netdemo_dropped_total", door="echo-tcp", reason="crashed")


def test_metrics_are_for_this_machine_unless_a_setting_says_otherwise(net: SimNetwork) -> None:
    """Health is for everybody."""
    serving(net)
    client = net.host("client")
    refused = net.run(asked(client, "/metrics"))
    assert refused.startswith(b"HTTP/1.0 403 Forbidden")
    assert b"--web-metrics all" in refused
    assert net.run(asked(client, "/healthz")).endswith(b"\r\n\r\nok\n")
    assert net.run(asked(client, "/readyz")).endswith(b"\r\n\r\nready\n")


def test_everybody_may_be_let_read(net: SimNetwork) -> None:
    """As long as nobody is a stranger there."""
    serving(net, web_metrics="all")
    answer = net.run(asked(net.host("client"), "/metrics"))
    found = read(answer.partition(b"\r\n\r\n")[2])
    assert found.value("netdemo_connections", door="web") == 1


def test_a_server_is_ready_from_its_start_to_its_stop(net: SimNetwork) -> None:
    """And neither before nor after."""
    bench = Bench(grace="30")
    host = net.host(SERVER)
    made = bench.assembled(host)
    health = made._runtime.health
    seen = [health.phase]
    made.privilegedStartService()
    seen.append(health.phase)
    made.startService()
    seen.append(health.phase)
    stopped = made.stopService()
    seen.append(health.phase)
    net.run(lambda: stopped)
    assert seen == [Phase.STARTING, Phase.STARTING, Phase.READY, Phase.DRAINING]
