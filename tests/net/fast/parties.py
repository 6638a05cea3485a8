"""Fast transports on simulated sockets."""

from typing import Any

from tests.net.fast.kinds import FAST
from twisted_net.testing.transports import simulated

#: A fast UDP port, on a simulated socket.
SimFastPort: Any = simulated(FAST).datagrams
