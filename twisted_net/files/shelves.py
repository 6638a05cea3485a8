"""Shelves made of other shelves: names of one's own, and a shelf for each client."""

import ipaddress
from collections.abc import Callable, Mapping

from twisted_net.files.codec import Entry, List, RefusedError
from twisted_net.files.shelf import Content, Shelf, Sink, Source

#: What is under a name: bytes, or what makes them for the address that asks.
Made = bytes | Callable[[str], bytes]


class Virtual(Shelf):
    """Names with content of one's own, before those of another shelf."""

    def __init__(self, names: Mapping[bytes, Made], others: Shelf) -> None:
        self._names = names
        self._others = others

    def open(self, name: bytes, peer: str = "") -> Source:
        """Open our own content under a name, else what the other shelf has there."""
        made = self._names.get(name)
        if made is None:
            return self._others.open(name, peer)
        return Content(name, made if isinstance(made, bytes) else made(peer))

    def stat(self, name: bytes, peer: str = "") -> Entry:
        """Tell what a name stands for."""
        return super().stat(name, peer) if name in self._names else self._others.stat(name, peer)

    def list(self, request: List, peer: str = "") -> tuple[list[Entry], bool]:
        """List the other shelf; our own names are for those who know them."""
        return self._others.list(request, peer)

    def receive(
        self,
        name: bytes,
        size: int | None = None,
        sha256: str = "",
        offset: int = 0,
        peer: str = "",
    ) -> Sink:
        """Store on the other shelf; our own names are taken."""
        if name in self._names:
            raise RefusedError(409, "exists, and may not be overwritten")
        return self._others.receive(name, size, sha256, offset, peer)


class ByPeer(Shelf):
    """A shelf for each address, or network of them; the first that holds the peer counts.

    :param shelves: ``192.0.2.7`` or ``192.0.2.0/24`` -> shelf.
    :param others: for everybody else; None: they find nothing.
    """

    def __init__(self, shelves: Mapping[str, Shelf], others: Shelf | None = None) -> None:
        self._shelves = [(ipaddress.ip_network(each), shelf) for each, shelf in shelves.items()]
        self._others = others or Shelf()

    def open(self, name: bytes, peer: str = "") -> Source:
        """Open what is under a name on the peer's shelf."""
        return self._of(peer).open(name, peer)

    def stat(self, name: bytes, peer: str = "") -> Entry:
        """Tell what a name stands for there."""
        return self._of(peer).stat(name, peer)

    def list(self, request: List, peer: str = "") -> tuple[list[Entry], bool]:
        """List the peer's shelf."""
        return self._of(peer).list(request, peer)

    def receive(
        self,
        name: bytes,
        size: int | None = None,
        sha256: str = "",
        offset: int = 0,
        peer: str = "",
    ) -> Sink:
        """Store on the peer's shelf."""
        return self._of(peer).receive(name, size, sha256, offset, peer)

    def _of(self, peer: str) -> Shelf:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:  # at a UNIX socket nobody has an address
            return self._others
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return next((shelf for network, shelf in self._shelves if address in network), self._others)
