"""Captures of simulated runs, read by somebody else's dissector."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.error import ConnectionRefusedError

from tests.testing.parties import Echo, Party, Shouts, call, serve
from twisted_net.testing import Link, SimNetwork

TSHARK = shutil.which("tshark")

pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

#: What makes tshark verify checksums, which it leaves alone by default.
VERIFY = [
    word for protocol in ("ip", "tcp", "udp") for word in ("-o", f"{protocol}.check_checksum:TRUE")
]

#: Fields of each packet: the verdicts (1: good), and whether something is malformed.
FIELDS = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "_ws.malformed"]


def network(link: Link) -> SimNetwork:
    """Return a network with a server and a client."""
    net = SimNetwork(seed=7, link=link)
    net.host("server")
    net.host("client")
    return net


def lossy_stream() -> SimNetwork:
    """Echo 200 kB over a bad link."""
    net = network(Link(latency=0.01, loss=0.1, duplicate=0.05, reorder=0.1))
    serve(net["server"], Echo)
    party = Party(b"x" * 200_000)

    async def main() -> None:
        await call(net["client"], "server", party)
        while len(party.text) < 200_000:
            await net.sleep(0.1)
        party.transport.loseConnection()
        await party.lost

    net.run(main)
    return net


def datagrams() -> SimNetwork:
    """Echo datagrams of all sizes, and have one refused."""
    net = network(Link(loss=0.2, duplicate=0.1, reorder=0.2))
    net["server"].reactor.listenUDP(9, Shouts(echo=True), maxPacketSize=65_536)
    client = Shouts()
    net["client"].reactor.listenUDP(0, client)
    for size in range(40):
        net.at(size / 100, client.transport.write, b"y" * size, (net["server"].ip, 9))
    net.at(1, client.transport.write, b"nobody there", (net["server"].ip, 10))
    net.run_for(2)
    return net


def reset() -> SimNetwork:
    """Abort a connection, and call a port where nobody listens."""
    net = network(Link())
    serve(net["server"], Echo)
    party = Party(b"hello")

    async def main() -> None:
        await call(net["client"], "server", party)
        await net.sleep(0.1)
        party.transport.abortConnection()
        await party.lost
        with pytest.raises(ConnectionRefusedError):
            await call(net["client"], "server", Party(), port=8)

    net.run(main)
    return net


@pytest.mark.parametrize("run", [lossy_stream, datagrams, reset], ids=lambda each: each.__name__)
@pytest.mark.parametrize("at", [None, "client"], ids=["all", "client"])
def test_a_dissector_finds_nothing_wrong(
    run: Callable[[], SimNetwork], at: str | None, tmp_path: Path
) -> None:
    """Every checksum is good, and nothing malformed."""
    assert TSHARK is not None
    path = tmp_path / "run.pcap"
    run().trace.write_pcap(path, at=at)
    command = [TSHARK, "-r", str(path), *VERIFY, "-T", "fields"]
    command += [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    packets = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(packets) >= 8
    for number, (ip, tcp, udp, malformed) in enumerate(packets, 1):
        assert not malformed, number
        # An ICMP message quotes the headers of what it is about, with verdicts of their own.
        verdicts = [*ip.split(","), *tcp.split(","), *udp.split(",")]
        assert {*filter(None, verdicts)} <= {"1"}, (number, verdicts)
