"""Reactors and transports of every kind, for tests that are run on each."""

from collections.abc import Callable
from typing import Any

from twisted.internet.posixbase import PosixReactorBase

from twisted_net.net.fast.datagrams import FastDatagramPort, FastMulticastPort
from twisted_net.net.fast.opening import Fast
from twisted_net.net.fast.sockets import FastClient, FastPort
from twisted_net.testing import Transports

#: What simulated hosts make when they are to make fast ones.
FAST = Transports(FastPort, FastClient, FastDatagramPort, FastMulticastPort)

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
