"""Breaking things on live connections, with the words of the simulated network."""

from twisted_net.faults.core.breakage import Breakage
from twisted_net.faults.core.events import Event, Tally
from twisted_net.faults.core.harm import HARMLESS, After, Harm, Way
from twisted_net.faults.datagrams import BreakingDatagrams
from twisted_net.faults.streams import BreakingFactory

__all__ = [
    "HARMLESS",
    "After",
    "Breakage",
    "BreakingDatagrams",
    "BreakingFactory",
    "Event",
    "Harm",
    "Tally",
    "Way",
]
