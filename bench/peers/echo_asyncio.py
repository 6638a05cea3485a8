"""Echo over TCP and UDP with asyncio's protocols; with the argument ``uvloop`` on its loop."""

import asyncio
import importlib
import sys
from typing import Any

BACKLOG = 1024


class Echo(asyncio.Protocol):
    """Answers a connection; stops reading while the peer does, as a server should."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; both loops switch Nagle's algorithm off by themselves."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's is of another class

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        self.transport.write(data)

    def pause_writing(self) -> None:
        """Read no more while the peer does not."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.transport.resume_reading()


class EchoDatagrams(asyncio.DatagramProtocol):
    """Answers datagrams."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's is of another class

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Send it back."""
        self.transport.sendto(data, addr)


async def main() -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    stream = await loop.create_server(Echo, "127.0.0.1", 0, backlog=BACKLOG)
    print(f"echo-tcp 127.0.0.1:{stream.sockets[0].getsockname()[1]}")
    door, _ = await loop.create_datagram_endpoint(EchoDatagrams, ("127.0.0.1", 0))
    print(f"echo-udp 127.0.0.1:{door.get_extra_info('sockname')[1]}", flush=True)
    await stream.serve_forever()


if __name__ == "__main__":
    own = importlib.import_module("uvloop").new_event_loop if sys.argv[1:] == ["uvloop"] else None
    with asyncio.Runner(loop_factory=own) as runner:
        runner.run(main())
