"""A stream door that passes everything on to another server, but for what the rules break."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from twisted_net.faults.core.breakage import Breakage
from twisted_net.faults.passage import Passage
from twisted_net.net.clients import PATIENCE, Target
from twisted_net.net.text import with_port


class BreakingFactory(Factory):
    """Passes every connection on to another server, but for what the rules break.

    :param target: the server.
    :param patience: seconds to wait for a connection to it.
    """

    noisy = False

    def __init__(
        self, reactor: Any, target: Target, breakage: Breakage, patience: float = PATIENCE
    ) -> None:
        self.reactor = reactor
        self.target = target
        self.breakage = breakage
        self.patience = patience
        self.passages: dict[int, Passage] = {}
        self._emptied: Callable[[], None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Make a passage for a client; None where there are too many already."""
        number = self.breakage.enter(_shown(addr), lambda: self.passages[number].follow())  # type: ignore[index]
        if number is None:
            return None
        self.passages[number] = passage = Passage(
            self.reactor, self.target, self.breakage, number, self.patience, self.left
        )
        return passage.client

    def left(self, passage: Passage, why: str) -> None:
        """Forget a passage."""
        del self.passages[passage.number]
        self.breakage.leave(passage.number, why)
        if self._emptied is not None and not self.passages:
            self._emptied()

    def stop(self) -> Deferred[None]:
        """Break everything off; fire when all is gone."""
        gone: Deferred[None] = Deferred()
        self._emptied = lambda: gone.callback(None)
        for passage in list(self.passages.values()):
            passage.abort()
        if not self.passages and not gone.called:
            self._emptied()
        return gone


def _shown(addr: Any) -> str:
    return with_port(addr.host, addr.port) if hasattr(addr, "port") else "local"
