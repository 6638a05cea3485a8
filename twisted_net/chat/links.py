"""The sessions of one peer with the others: one each, begun by this side."""

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from twisted_net.chat.acquaintance import Acquaintance
from twisted_net.chat.client.base import RefusedError
from twisted_net.chat.client.datagram import ChatDatagramClient, DisprovedError
from twisted_net.chat.codec.datagram import Flag, Key
from twisted_net.chat.codec.messages import Announced, Code, Heard, Refusal, quoted
from twisted_net.chat.core.ident import folded, skeleton
from twisted_net.chat.core.path import Address
from twisted_net.net.clients import Target
from twisted_net.net.errors import ClientError
from twisted_net.net.text import with_port


class Owner(Protocol):
    """What links need of the peer whose they are."""

    name: str

    def linked(self, address: Address, link: ChatDatagramClient) -> None:
        """Take note that a session has begun."""

    def unlinked(self, address: Address) -> None:
        """Take note that there is none, or no more."""


class Links:
    """Sessions with others, by their addresses.

    :param patience: seconds that each of them has for what it is asked.
    :param hear: takes what is to be shown.
    """

    def __init__(
        self,
        reactor: Any,
        dice: Random,
        owner: Owner,
        acquaintance: Acquaintance,
        patience: float,
        hear: Callable[[Heard], None],
    ) -> None:
        self._reactor = reactor
        self._dice = dice
        self._owner = owner
        self._acquaintance = acquaintance
        self._patience = patience
        self._hear = hear
        self._links: dict[Address, ChatDatagramClient] = {}
        self._over = False

    def __len__(self) -> int:
        return len(self._links)

    def all(self) -> list[ChatDatagramClient]:
        """Return all sessions that have begun."""
        return list(self._links.values())

    def begin(self, address: Address, port: int) -> None:
        """Begin a session with a peer.

        :param port: where this side listens; the other one is told.
        """
        link = ChatDatagramClient(
            self._reactor,
            Target("udp", *address),
            lambda heard: self._told(link, heard),
            self._patience,
            self._dice,
            {Key.PORT: port.to_bytes(2, "big")},
            Flag.PEER,
            self._acquaintance.asking,
        )
        Deferred.fromCoroutine(self._begin(address, link))

    def called(self, name: str) -> list[ChatDatagramClient]:
        """Return the sessions with whoever is called so.

        :raises Refusal: nobody is.
        """
        links = [each for each in self.all() if folded(each.other) == folded(name)]
        if not links:
            raise Refusal(Code.UNKNOWN, f"nobody is called {quoted(name)}")
        return links

    def oust(self, name: str, public: bytes) -> None:
        """End the sessions with whoever else has the name of somebody whose key is known."""
        for address, link in list(self._links.items()):
            if skeleton(link.other) == skeleton(name) and link.public != public:
                self._end(address)

    async def leave(self) -> None:
        """Say BYE to all, and begin no more."""
        self._over = True
        for link in self.all():
            await link.leave()
        self._links.clear()

    async def _begin(self, address: Address, link: ChatDatagramClient) -> None:
        try:
            await link.enter(self._owner.name)
            self._acquaintance.believe(link.other, link.public, address)
        except ClientError as error:
            self._owner.unlinked(address)
            await link.leave()
            if isinstance(error, DisprovedError):
                self._hear(Announced(f"{error}"))
            elif isinstance(error, RefusedError):
                self._hear(Announced(f"{with_port(*address)} refused: {error.text}"))
            return
        if self._over:
            await link.leave()
            return
        self._links[address] = link
        self._owner.linked(address, link)
        link.on_lost(lambda error: self._end(address))

    def _end(self, address: Address) -> None:
        self._owner.unlinked(address)
        link = self._links.pop(address, None)
        if link is not None:
            Deferred.fromCoroutine(link.leave())

    def _told(self, link: ChatDatagramClient, heard: Heard) -> None:
        if isinstance(heard, Announced):
            self._hear(Announced(f"{link.other}: {heard.text}"))
