"""Echo over TCP and UDP with stock Twisted: epoll, a plain Protocol, nothing round it."""

from typing import Any

from twisted.internet import epollreactor
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

BACKLOG = 1024


class Echo(Protocol):
    """Answers a connection; stops reading while the peer does, as a server should."""

    transport: Any

    def connectionMade(self) -> None:
        """Switch Nagle's algorithm off, as every peer here does."""
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        self.transport.write(data)


class EchoDatagrams(DatagramProtocol):
    """Answers datagrams."""

    transport: Any

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Send it back."""
        self.transport.write(datagram, addr)


def main() -> None:
    """Serve until killed."""
    epollreactor.install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    stream = reactor.listenTCP(0, Factory.forProtocol(Echo), BACKLOG, "127.0.0.1")
    datagrams = reactor.listenUDP(0, EchoDatagrams(), "127.0.0.1")
    print(f"echo-tcp 127.0.0.1:{stream.getHost().port}")
    print(f"echo-udp 127.0.0.1:{datagrams.getHost().port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
