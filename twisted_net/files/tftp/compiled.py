"""What sends a file from a socket of its own: `core.Sender`, its busiest steps compiled.

They are only where there is epoll, too.
"""

from typing import TYPE_CHECKING, Any

from twisted_net.files.tftp import core
from twisted_net.files.tftp.reading import real_socket
from twisted_net.files.tftp.trains import Trains
from twisted_net.net import extensions
from twisted_net.net.counters import DoorCounters

if TYPE_CHECKING:
    from twisted_net.files.tftp.crowd import Crowd

#: Why nothing is compiled here; empty: it is.
_lockstep, why_not = extensions.find("files.tftp._lockstep")

if TYPE_CHECKING or why_not:
    Sender = core.Sender
else:

    class _Timeout(_lockstep.Timeout, core.Timeout):
        """A `core.Timeout` whose ``measured`` is compiled."""

    class Sender(_lockstep.Sender, core.Sender):
        """A `core.Sender` whose usual step is compiled, and can be taken by a `Crowd`."""

        _timing = _Timeout

        def _go_by(self, agreed: core.Agreed) -> None:
            super()._go_by(agreed)
            file = self._source.fileno() if isinstance(self._layout, Trains) else -1
            terms = (agreed.blksize, agreed.windowsize, agreed.rollover)
            self._prepare(file, self._last or 0, *terms)


def gather(reactor: Any, door: Any, counters: DoorCounters) -> "Crowd | None":
    """Return a crowd for the sockets of a door's transfers; None: each is watched by itself.

    :param door: the port that takes requests.
    """
    if why_not or real_socket(door, reactor) is None:
        return None
    from twisted_net.files.tftp.crowd import Crowd

    try:
        return Crowd(reactor, counters)
    except OSError:  # no descriptor is left, and so no port will be
        return None
