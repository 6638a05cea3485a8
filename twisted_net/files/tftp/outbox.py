"""Blocks that many transfers send in one turn of the reactor: held, and sent one behind the other.

To send a datagram to a process of this machine wakes that process. If all requests are looked at
first, and the answers leave without anything between them, it is awake for all but the first of
them, which costs a fifth less of the processor; and what sends stays in the processor's caches.
"""

import socket
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_net.files.tftp.core import Buffer
from twisted_net.net.counters import DoorCounters

#: Longest datagram that is held, and how many: what is held is copied.
LONGEST, MOST = 2048, 512

#: Datagrams that are worth the wait. Where a turn brought fewer, the next `PAUSE` are sent at once,
#: and twice as many as the last time if it was so before, at most `LONGEST_PAUSE`.
FEW, PAUSE, LONGEST_PAUSE = 4, 32, 1024


class Outbox:
    """Holds the datagrams of a door's transfers to the end of a turn, where they are many.

    :param counters: where is counted what was sent, and what could not be.
    """

    log = Logger()

    def __init__(self, reactor: Any, counters: DoorCounters) -> None:
        self._reactor = reactor
        self._counters = counters
        self._held: list[tuple[socket.socket, bytes, Any]] = []
        self._call: IDelayedCall | None = None
        self._singly = self._pause = PAUSE
        self._taken = 0  # in this turn

    def take(self, sock: socket.socket, datagram: Buffer, place: Any) -> bool:
        """Send a datagram soon, or say that it is to be sent at once; behind all that is held."""
        if self._singly:
            self._singly -= 1
            return False
        if len(datagram) > LONGEST:
            self.release()
            return False
        if self._call is None:
            self._call = self._reactor.callLater(0, self._turned)
        self._taken += 1
        self._held.append((sock, bytes(datagram), place))  # what it is read to is soon used again
        if len(self._held) >= MOST:
            self.release()
        return True

    @property
    def holds(self) -> bool:
        """Whether anything is held."""
        return bool(self._held)

    def stop(self) -> None:
        """Send what is held, and leave no timer behind."""
        self.release()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def release(self) -> None:
        """Send what is held: a socket of it is to be closed, or to send something else."""
        held, self._held = self._held, []
        counters, count, size = self._counters, 0, 0
        for sock, datagram, place in held:
            try:
                size += sock.sendto(datagram, place)
                count += 1
            except OSError as error:
                # As good as lost on the way; the timeout sees to it.
                counters.drop("not_sent")
                self.log.debug("not sent to {place!r}: {why!r}", place=place, why=str(error))
        counters.datagrams_sent += count
        counters.sent += size

    def _turned(self) -> None:
        self._call = None
        if self._taken >= FEW:
            self._pause = PAUSE
        else:
            self._singly = self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._taken = 0
        self.release()
