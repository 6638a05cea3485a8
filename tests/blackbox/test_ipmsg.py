"""The IP Messenger door as a client on a real socket meets it."""

import socket
from collections.abc import Callable

from tests.blackbox.conftest import PATIENCE, Bench, peer
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
