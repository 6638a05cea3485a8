"""Names that resolve on the virtual clock, from a table that the test may change."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

#: What every host knows by itself, as from /etc/hosts.
LOCAL = {"localhost": ["127.0.0.1"]}


@implementer(IHostResolution)
class Resolution:
    """A name that is being looked up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled = False

    def cancel(self) -> None:
        """Forget it; whoever asked is told no more addresses, but still that it is over."""
        self.cancelled = True


@implementer(IHostnameResolver)
class SimResolver:
    """Answers from a table of names and addresses, after a while.

    :param lookup: returns the addresses of a name; none: it does not exist.
    :param later: calls something as the host's own code once the answer would be there.
    """

    def __init__(
        self,
        lookup: Callable[[str], Sequence[str]],
        later: Callable[[Callable[[Any], object], Any], None],
    ) -> None:
        self._lookup = lookup
        self._later = later

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Look a name up; see the interface."""
        resolution = Resolution(hostName)
        types = [IPv4Address, IPv6Address] if addressTypes is None else list(addressTypes)
        resolutionReceiver.resolutionBegan(resolution)

        def answer(_: object) -> None:
            for address in self._addresses(hostName):
                kind = IPv6Address if ":" in address else IPv4Address
                if kind in types and not resolution.cancelled:
                    found = kind(transportSemantics, address, portNumber)  # type: ignore[arg-type]
                    resolutionReceiver.addressResolved(found)
            resolutionReceiver.resolutionComplete()

        self._later(answer, None)
        return resolution

    def _addresses(self, name: str) -> Sequence[str]:
        if isIPAddress(name) or isIPv6Address(name):
            return [name]
        return self._lookup(name) or LOCAL.get(name, [])
