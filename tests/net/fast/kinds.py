"""Reactors and transports of every kind, for tests that are run on each."""

from collections.abc import Callable
from typing import Any

from twisted.internet.posixbase import PosixReactorBase

from twisted_net.net.fast.opening import Fast
from twisted_net.net.fast.ports import DatagramPort, MulticastPort
from twisted_net.net.fast.sockets import FastClient, FastPort, FastServer
from twisted_net.net.fast.streams import FastStream
from twisted_net.testing import Transports

#: What simulated hosts make when they are to make fast ones.
FAST = Transports(FastPort, FastClient, DatagramPort, MulticastPort)


class _Patient(FastStream):
    """Answers when the reactor lets it, as Twisted's own do, and has its turn when they have."""

    doRead = FastStream.doRead  # the compiled one answers by itself

    def write(self, data: bytes) -> None:
        super().write(data)
        self._queue_up()

    def writeSequence(self, iovec: Any) -> None:
        super().writeSequence(iovec)
        self._queue_up()

    def _queue_up(self) -> None:
        if self._inside and self._tempDataBuffer:
            self.reactor.addWriter(self)

    def stopWriting(self) -> None:  # noqa: N802 - Twisted's
        self._asked = False
        self.reactor.removeWriter(self)

    def _answer(self) -> None:
        self.startWriting()
        self._settle()


class PatientServer(_Patient, FastServer):
    """A patient one that was accepted."""


class PatientClient(_Patient, FastClient):
    """A patient one that was made."""


class PatientPort(FastPort):
    """Makes the former."""

    transport = PatientServer


#: Fast ones that send nothing sooner than stock ones do: all else must be the same to the byte.
PATIENT = Transports(PatientPort, PatientClient, DatagramPort, MulticastPort)

#: What a reactor makes by itself here that makes fast transports.
OPENED = (
    "listenTCP", "connectTCP", "listenSSL", "connectSSL", "listenUNIX", "connectUNIX",
    "adoptStreamPort", "listenUDP", "listenMulticast",
)  # fmt: skip


def kind_of(reactor: str, transports: str) -> type[PosixReactorBase]:
    """Return a kind of reactor that makes some kind of transports: ``stock`` or ``fast``."""

    def opened(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kw: getattr(Fast(self), name)(*args, **kw)

    methods = {name: opened(name) for name in OPENED} if transports == "fast" else {}
    # Some of Twisted's tests ask for the name, to know what a reactor on epoll cannot do.
    return type("EPollReactor", (_reactor(reactor),), methods)


def _reactor(name: str) -> type[PosixReactorBase]:
    if name == "lean":
        from twisted_net.net.fast.reactor import LeanReactor

        return LeanReactor
    from twisted.internet.epollreactor import EPollReactor

    return EPollReactor
