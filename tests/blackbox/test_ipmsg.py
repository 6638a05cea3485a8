"""The IP Messenger door as a client on a real socket meets it."""

import socket
import sys
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, peer, run
from tests.blackbox.talkers import Talker

Start = Callable[..., Bench]


def test_a_messenger_and_nc_talk_in_one_room(bench: Start, talker: Callable[..., Talker]) -> None:
    """What iptux sends, byte by byte, and what it waits for."""
    server = bench("--ipmsg=udp:0", "--ipmsg-room=lobby")
    port = server.port("ipmsg")
    nc = talker(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", str(server.port("chat-tcp")))
    nc.says("NICK blue")
    nc.hears("OK NICK blue")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as iptux:
        iptux.settimeout(PATIENCE)
        iptux.connect(("127.0.0.1", port))
        iptux.send(b"1_iptux 0.8.3:7:red:bench3:257:Red\0Lab\0tux.png\0utf-8\0")
        nc.hears("JOINED lobby Red@ipmsg")
        answer = iptux.recv(65536).split(b":")
        assert int(answer[4]) & 0xFF == 3  # ANSENTRY
        iptux.send("1_iptux 0.8.3:8:red:bench3:288:你好: all".encode())
        nc.hears("SAID lobby Red@ipmsg 你好: all")
        acknowledged = iptux.recv(65536).split(b":")
        assert (int(acknowledged[4]) & 0xFF, acknowledged[5]) == (0x21, b"8")
        nc.says("welcome")
        said = iptux.recv(65536).split(b":", 5)
        assert (int(said[4]) & 0xFF, said[5]) == (0x20, b"blue: welcome")
        iptux.send(b"1_iptux 0.8.3:9:red:bench3:289:" + said[1])
    assert nc.ends() == (0, "")


#: Two networks, one that is down, one without an address, and one that reaches one host only.
NETWORKS = """
ip link set lo up
ip link add one type veth peer name one- && ip addr add 10.77.0.1/24 brd + dev one
ip link set one up
ip link add two type veth peer name two- && ip addr add 10.78.0.1/16 brd + dev two
ip link set two up
ip link add shut type veth peer name shut- && ip addr add 10.79.0.1/24 brd + dev shut
ip link add bare type veth peer name bare- && ip link set bare up
exec "$@"
"""

ASK = """
import socket, sys
from twisted_net.net.broadcasts import broadcasts
port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

class Port:
    def getHandle(self):
        return port
for here in sys.argv[1:]:
    print(*broadcasts(Port(), here))
"""


def test_a_broadcast_goes_to_every_network_of_the_host() -> None:
    """Or to that of the address that the door is bound to; none of them needs a way out."""
    unshare = peer("unshare", "util-linux")
    if run(unshare, "--net", peer("ip", "iproute2"), "link").returncode:
        pytest.skip("making networks needs root")
    script = [unshare, "--net", "sh", "-e", "-c", NETWORKS, "sh", sys.executable, "-c", ASK]
    done = run(*script, "0.0.0.0", "10.78.0.1", "10.99.0.1")  # noqa: S104
    assert done.stdout.decode().split("\n") == [
        "10.77.0.255 10.78.255.255",
        "10.78.255.255",
        "255.255.255.255",
        "",
    ], done
