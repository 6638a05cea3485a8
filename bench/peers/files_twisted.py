"""Files by lines with stock Twisted: epoll, `FileSender`, a plain Protocol, nothing round it."""

import os
import sys
from typing import Any, BinaryIO

from twisted.internet import epollreactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import FileSender, LineReceiver

BACKLOG = 1024


class Files(LineReceiver):
    """Answers ``GET name`` as netdemo's line door does, but without a digest."""

    transport: Any
    delimiter = b"\n"

    def connectionMade(self) -> None:
        """Switch Nagle's algorithm off, as every peer here does."""
        self.transport.setTcpNoDelay(True)

    def lineReceived(self, line: bytes) -> None:
        """Send the file."""
        file = open(os.path.join(sys.argv[1].encode(), line.split()[1]), "rb")  # noqa: SIM115
        size = os.fstat(file.fileno()).st_size
        self.transport.write(b"OK %d %d - 0\n" % (size, size))
        FileSender().beginFileTransfer(file, self.transport).addCallback(self.sent, file)

    def sent(self, _: object, file: BinaryIO) -> None:
        """End the answer."""
        file.close()
        self.transport.write(b"DONE -\n")


def main() -> None:
    """Serve until killed."""
    epollreactor.install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    port = reactor.listenTCP(0, Factory.forProtocol(Files), BACKLOG, "127.0.0.1")
    print(f"files-tcp 127.0.0.1:{port.getHost().port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
