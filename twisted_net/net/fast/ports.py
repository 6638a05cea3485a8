"""Datagram ports as they are opened: those of `datagrams`, the way of one datagram compiled."""

from typing import TYPE_CHECKING

from twisted_net.net import extensions
from twisted_net.net.fast.addresses import address_of, sockaddr
from twisted_net.net.fast.datagrams import NOBODY, FastDatagramPort, FastMulticastPort

#: Why nothing is compiled here; empty: it is.
_datagrams, why_not = extensions.find("net.fast._datagrams")

if TYPE_CHECKING or why_not:
    DatagramPort = FastDatagramPort
    MulticastPort = FastMulticastPort
else:
    _datagrams.lean_on(FastDatagramPort, address_of, sockaddr, NOBODY)

    class DatagramPort(_datagrams.Port, FastDatagramPort):
        """A `FastDatagramPort` whose ``doRead`` and ``write`` are compiled."""

    class MulticastPort(_datagrams.Port, FastMulticastPort):
        """The same, for a port that can join groups."""
