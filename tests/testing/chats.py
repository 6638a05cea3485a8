"""A chat over UDP with planted bugs, for tests of what finds them."""

from typing import Any

from twisted.internet.protocol import DatagramProtocol

from twisted_net.testing import Link, SimNetwork

#: A link on which everything goes wrong.
STORM = Link(latency=0.02, loss=0.3, duplicate=0.05, reorder=0.1)


class Speaker(DatagramProtocol):
    """Says numbered words until each is acknowledged."""

    noisy = False
    transport: Any

    def __init__(self, reactor: Any, words: int, retries: int = 30) -> None:
        self._reactor = reactor
        self._open = dict.fromkeys(range(words), retries)

    def startProtocol(self) -> None:
        for number in self._open:
            self._say(number)

    def _say(self, number: int) -> None:
        if self._open.get(number, 0) > 0:
            self._open[number] -= 1
            self.transport.write(b"%d" % number, ("10.0.0.1", 9999))
            self._reactor.callLater(0.2, self._say, number)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self._open.pop(int(datagram), None)


class Room(DatagramProtocol):
    """Acknowledges what it hears, and remembers it in order.

    :param forgetful: the planted bug: it takes a duplicate for news.
    """

    noisy = False
    transport: Any

    def __init__(self, forgetful: bool) -> None:
        self.forgetful = forgetful
        self.heard: list[tuple[Any, int]] = []
        self.duplicates = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        said = (addr, int(datagram))
        self.transport.write(datagram, addr)
        if said in self.heard and not self.forgetful:
            self.duplicates += 1
        else:
            self.heard.append(said)


def chat(net: SimNetwork, forgetful: bool = False, clients: int = 3, words: int = 5) -> Room:
    """Let some clients say some words, on links as the network's, and return the room."""
    room = Room(forgetful)
    net.host("server").reactor.listenUDP(9999, room)
    for number in range(clients):
        reactor = net.host(f"c{number}").reactor
        reactor.listenUDP(0, Speaker(reactor, words))
    return room


def once_only(net: SimNetwork) -> None:
    """Talk in a room that takes each word once."""
    room = chat(net)
    net.settle()
    assert len(room.heard) == 15


def twice(net: SimNetwork) -> None:
    """Talk in a room with the bug."""
    room = chat(net, forgetful=True)
    net.settle()
    assert len(set(room.heard)) == len(room.heard)
