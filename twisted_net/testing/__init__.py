"""A network in memory for tests: real Twisted code, virtual time, and faults drawn from one seed.

It needs nothing but Twisted, and no socket is ever opened.
"""

from twisted_net.testing.determinism import check_determinism
from twisted_net.testing.errors import Deadlock, Livelock, LoggedErrors, NetworkFailure, SimTimeout
from twisted_net.testing.events import TraceEvent
from twisted_net.testing.explore import Finding, Report, explore
from twisted_net.testing.faults import Fault
from twisted_net.testing.host import Host
from twisted_net.testing.links import Chunking, Link
from twisted_net.testing.network import SimNetwork
from twisted_net.testing.packets import Packet
from twisted_net.testing.pairs import Pair, pair
from twisted_net.testing.rules import DROP, Delay, Duplicate
from twisted_net.testing.simulate import simulate
from twisted_net.testing.trace import Trace
from twisted_net.testing.transports import Transports
from twisted_net.testing.worlds import LoopbackWorld, SimWorld, World

__all__ = [
    "DROP",
    "Chunking",
    "Deadlock",
    "Delay",
    "Duplicate",
    "Fault",
    "Finding",
    "Host",
    "Link",
    "Livelock",
    "LoggedErrors",
    "LoopbackWorld",
    "NetworkFailure",
    "Packet",
    "Pair",
    "Report",
    "SimNetwork",
    "SimTimeout",
    "SimWorld",
    "Trace",
    "TraceEvent",
    "Transports",
    "World",
    "check_determinism",
    "explore",
    "pair",
    "simulate",
]
