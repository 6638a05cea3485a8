"""Two protocols and a connection between them: the shortest way to a first test."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory

from twisted_net.testing.network import SimNetwork

S = TypeVar("S", bound=IProtocol)
C = TypeVar("C", bound=IProtocol)

#: The port that the server of a pair listens at.
PORT = 7


@dataclass(frozen=True, slots=True)
class Pair(Generic[S, C]):
    """Two protocols, connected.

    :ivar net: the network; ``net.run_for(1)`` lets a second pass.
    """

    net: SimNetwork
    server: S
    client: C


class _Once(Factory):
    """Hands out one protocol."""

    noisy = False

    def __init__(self, made: Any) -> None:
        self._made = made

    def buildProtocol(self, addr: IAddress | None) -> Any:
        made, self._made = self._made, None
        if made is not None:
            made.factory = self
        return made


def pair(server: S, client: C, net: SimNetwork | None = None, **options: Any) -> Pair[S, C]:
    """Connect two protocols over simulated TCP, and return them with their network.

    ``pair(Echo(), Asking())`` is a first test but for its assertion. The hosts are called
    ``server`` and ``client``.

    :param net: a network without such hosts, as `simulate` supplies; None: a new one.
    :param options: those of the new one; see `SimNetwork`.
    """
    if net is None:
        net = SimNetwork(**options)
    elif options:
        raise TypeError(f"the network is made already, and takes no {', '.join(options)}")
    listening, calling = net.host("server"), net.host("client")
    listening.reactor.listenTCP(PORT, _Once(server))
    endpoint = TCP4ClientEndpoint(calling.reactor, listening.ip, PORT, timeout=300)
    net.run(connectProtocol(endpoint, client))
    net.run_until(lambda: getattr(server, "transport", None) is not None)
    return Pair(net, server, client)
