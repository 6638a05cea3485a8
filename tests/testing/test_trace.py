"""What happened, as people and other programs read it."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.testing.parties import Party, Shouts, call, serve
from twisted_net.testing import DROP, Link, Packet, SimNetwork
from twisted_net.testing.pcap import checksum
from twisted_net.testing.rules import Verdict

LADDER = """\
       time  client                                                  server
   0.001000  |------------------------ SYN -------------------------X|  X dropped by a rule
   1.001000  |--------------------- SYN (retx) --------------------->|  (+20.0 ms)
   1.021000  |<------------------- SYN+ACK ack=1 --------------------|  (+20.0 ms)
   1.041000  |--------------------- ACK ack=1 ---------------------->|  (+20.0 ms)
   1.041000  |----------- DATA seq=1 len=3 ack=1 b'hi\\n' ----------->|  (+20.0 ms)
   1.061000  |<----------- DATA seq=1 len=3 ack=4 b'hi\\n' -----------|  (+20.0 ms)
   1.081000  |--------------------- FIN ack=4 ---------------------->|  (+20.0 ms)
   1.101000  |<--------------------- ACK ack=5 ----------------------|  (+20.0 ms)
   1.101000  |<--------------------- FIN ack=5 ----------------------|  (+20.0 ms)
   1.121000  |--------------------- ACK ack=5 ---------------------->|  (+20.0 ms)"""


def echoed(net: SimNetwork) -> None:
    """Say one thing over TCP, and hang up when it comes back."""
    net.host("server", boot=serve)
    net.host("client")

    class Hangs(Party):
        def dataReceived(self, data: bytes) -> None:
            self.transport.loseConnection()

    async def main() -> None:
        party = await call(net["client"], "server", Hangs(b"hi\n"))
        await party.lost

    net.run(main)
    net.settle()


def test_a_ladder_shows_the_whole_conversation() -> None:
    """A lost SYN, its repetition, the handshake, data, the end."""
    net = SimNetwork(link=Link(latency=0.02))
    seen: list[Packet] = []

    def rule(packet: Packet) -> Verdict:
        seen.append(packet)
        return DROP if len(seen) == 1 else None

    with net.rule(rule):
        echoed(net)
    assert net.trace.ladder() == LADDER


def test_a_ladder_shows_notes_and_only_the_hosts_asked_for() -> None:
    """What was done to hosts and links stands between the packets."""
    net = SimNetwork()
    for name in ("server", "client", "other"):
        net.host(name)
    client = Shouts()
    net["client"].reactor.listenUDP(0, client)
    net.partition("client", "other")
    client.transport.write(b"lost", ("10.0.0.3", 9))
    client.transport.write(b"refused", ("10.0.0.1", 9))
    net.run_for(1)
    net["server"].stall(0.5)
    shown = net.trace.ladder(["client", "server"])
    assert "cut: client | other" in shown
    assert "server stalled for 0.5 s" in shown
    assert "lost" not in shown
    assert "ICMP port 9 unreachable" in shown
    assert "X partition" in net.trace.ladder()


def test_loopback_traffic_is_shown_too() -> None:
    """A host that talks to itself is seen talking."""
    net = SimNetwork()
    net.host("server")
    party = Shouts()
    net["server"].reactor.listenUDP(9, party)
    party.transport.write(b"me", ("127.0.0.1", 9))
    net.run_for(1)
    assert "server to itself: UDP 9>9 len=2 b'me'  (+0.0 ms)" in net.trace.ladder()


def test_a_diagram_names_its_participants_and_quotes_what_mermaid_minds() -> None:
    """Arrows for what arrives, crosses for what does not."""
    net = SimNetwork()
    net.host("server")
    net.host("client")
    client = Shouts()
    net["client"].reactor.listenUDP(0, client)
    client.transport.write(b"a;b", ("10.0.0.1", 9))
    net.partition("client", "server")
    client.transport.write(b"c", ("10.0.0.1", 9))
    assert net.trace.mermaid().splitlines() == [
        "sequenceDiagram",
        "    participant client",
        "    participant server",
        "    client->>server: UDP 49152#62;9 len=3 b'a#59;b'",
        "    Note over client,server: cut: client | server",
        "    client-xserver: UDP 49152#62;9 len=1 b'c' (partition)",
    ]


def test_a_network_that_keeps_no_trace_still_has_a_digest() -> None:
    """Exploring keeps none, for speed."""
    kept, lean = SimNetwork(), SimNetwork(trace=False)
    echoed(kept)
    echoed(lean)
    assert not lean.trace.events
    assert lean.digest() == kept.digest()


def test_the_internet_checksum_is_that_of_the_rfc() -> None:
    """The example of RFC 1071, 3, and an odd byte."""
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF
    assert checksum(b"\1") == 0xFEFF


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """Return fields of all packets of a capture, read with every checksum verified."""
    options = [
        f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")
    ]  # fmt: skip
    wanted = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", str(path), *options, "-T", "fields", *wanted],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark")


@needs_tshark
def test_tshark_reads_a_capture_and_finds_every_checksum_right(tmp_path: Path) -> None:
    """TCP with losses, UDP, ICMP, IPv4 and IPv6: nothing malformed, nothing wrong."""
    net = SimNetwork(seed=4, link=Link(latency=0.02, loss=0.2, duplicate=0.2, reorder=0.1))
    net.host("server", boot=serve)
    net.host("client")
    for interface, address in (("", "10.0.0.1"), ("::", "fd00::1")):
        shouts = Shouts()
        net["client"].reactor.listenUDP(0, shouts, interface=interface)
        shouts.transport.write(b"odd", (address, 9))
    party = net.run(call(net["client"], "server", Party(b"hello " * 1000)))
    net.run_until(lambda: len(party.text) == 6000)
    path = tmp_path / "all.pcap"
    net.trace.write_pcap(path)
    rows = tshark(
        path, "ip.checksum.status", "tcp.checksum.status", "udp.checksum.status",
        "icmpv6.checksum.status", "_ws.malformed", "tcp.analysis.retransmission",
    )  # fmt: skip
    states = {state for row in rows for field in row[:4] for state in field.split(",") if state}
    assert states <= {"1", "2"}  # good, or not there to be checked in a quoted header
    assert not any(row[4] for row in rows)
    again = sum(event.packet.again for event in net.trace.events if event.packet is not None)
    assert again
    assert sum(bool(row[5]) for row in rows) >= again


@needs_tshark
def test_a_capture_at_a_host_holds_what_that_host_saw(tmp_path: Path) -> None:
    """What was lost on the way to it is missing, what it sent in vain is there."""
    net = SimNetwork()
    net.host("server")
    net.host("client")
    server, client = Shouts(echo=True), Shouts()
    net["server"].reactor.listenUDP(9, server)
    net["client"].reactor.listenUDP(0, client)

    def rule(packet: Packet) -> Verdict:
        return DROP if packet.payload == b"lost" else None

    with net.rule(rule):
        client.transport.write(b"lost", ("10.0.0.1", 9))
        client.transport.write(b"echoed", ("10.0.0.1", 9))
        net.run_for(1)
    counts = {}
    for name in ("client", "server"):
        net.trace.write_pcap(tmp_path / name, at=name)
        counts[name] = Counter(row[0] for row in tshark(tmp_path / name, "ip.src"))
    assert counts["client"] == {"10.0.0.2": 2, "10.0.0.1": 1}
    assert counts["server"] == {"10.0.0.2": 1, "10.0.0.1": 1}
