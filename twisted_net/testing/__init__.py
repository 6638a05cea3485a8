"""A network in memory for tests: real Twisted code, virtual time, and faults drawn from one seed.

It needs nothing but Twisted, and no socket is ever opened.
"""

from twisted_net.testing.errors import (
    Deadlock,
    Livelock,
    LoggedErrors,
    NetworkFailure,
    SimTimeout,
)
from twisted_net.testing.events import TraceEvent
from twisted_net.testing.faults import Fault
from twisted_net.testing.host import Host
from twisted_net.testing.links import Chunking, Link
from twisted_net.testing.network import SimNetwork
from twisted_net.testing.packets import Packet
from twisted_net.testing.rules import DROP, Delay, Duplicate
from twisted_net.testing.trace import Trace

__all__ = [
    "DROP",
    "Chunking",
    "Deadlock",
    "Delay",
    "Duplicate",
    "Fault",
    "Host",
    "Link",
    "Livelock",
    "LoggedErrors",
    "NetworkFailure",
    "Packet",
    "SimNetwork",
    "SimTimeout",
    "Trace",
    "TraceEvent",
]
