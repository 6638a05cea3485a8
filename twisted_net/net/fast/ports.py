"""Datagram ports as they are opened: those of `datagrams`, the way of one datagram compiled.

It is compiled when the package is installed, if there is a C compiler; else, and wherever
``PURE_PYTHON=1`` is in the environment, everything is Python.
"""

import os
from typing import TYPE_CHECKING

from twisted_net.net.fast.addresses import address_of, sockaddr
from twisted_net.net.fast.datagrams import NOBODY, FastDatagramPort, FastMulticastPort

#: Why nothing is compiled here; empty: it is.
why_not = ""

try:
    if os.environ.get("PURE_PYTHON", "0") not in ("", "0"):
        raise ImportError("PURE_PYTHON is set")
    from twisted_net.net.fast import _datagrams
except ImportError as error:
    why_not = str(error)

if TYPE_CHECKING or why_not:
    DatagramPort = FastDatagramPort
    MulticastPort = FastMulticastPort
else:
    _datagrams.lean_on(FastDatagramPort, address_of, sockaddr, NOBODY)

    class DatagramPort(_datagrams.Port, FastDatagramPort):
        """A `FastDatagramPort` whose ``doRead`` and ``write`` are compiled."""

    class MulticastPort(_datagrams.Port, FastMulticastPort):
        """The same, for a port that can join groups."""
