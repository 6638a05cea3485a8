"""Fast transports on simulated sockets."""

from twisted_net.net.fast.datagrams import FastDatagramPort
from twisted_net.testing.transports import SimUdpPort


class SimFastPort(FastDatagramPort, SimUdpPort):
    """A fast UDP port, on a simulated socket."""
