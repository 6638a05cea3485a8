"""What a peer does about names and keys: prove its own, believe others, tell who is who."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from twisted_net.chat.codec.messages import Code, Event, Kind, Refusal
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.introduction import Answering, Asking, Fields, Identity, offers_proof
from twisted_net.chat.core.known import Known
from twisted_net.chat.core.path import Address
from twisted_net.chat.core.trust import Trust
from twisted_net.net.clients import DatagramClient
from twisted_net.net.errors import BadAnswerError, ConnectError
from twisted_net.net.routes import own_address


class Acquaintance:
    """Whom a peer knows, and how it gets to know others.

    :param identity: its own key; None: nobody is proven to anybody, and nobody is kept out.
    :param known: whom it has met before.
    :param warn: told what the peer's owner should know.
    """

    def __init__(
        self,
        reactor: Any,
        dice: Random,
        identity: Identity | None,
        known: Known | None,
        warn: Callable[[str], None],
    ) -> None:
        self.identity = identity
        self._reactor = reactor
        self._dice = dice
        self._trust = Trust(known or Known())
        self._warn = warn
        self._new: dict[str, None] = {}

    # Proofs.

    def asking(self, port: DatagramClient) -> Asking | None:
        """Return what proves this side to the one that a port leads to.

        :raises ConnectError: this host knows no way there.
        """
        if self.identity is None:
            return None
        here = own_address(self._reactor, port.peer[0]), port.transport.getHost().port
        return Asking(self.identity, self._dice, here, port.peer)

    def answering(
        self, nonce: bytes, hello: Fields, port: int, address: Address
    ) -> Answering | None:
        """Return how somebody at an address and this side prove who they are.

        :param port: that they have called.
        :return: None: one of the two has no key.
        :raises Refusal: this host knows no way there.
        """
        if self.identity is None or not offers_proof(hello):
            return None
        try:
            here = own_address(self._reactor, address[0]), port
        except ConnectError as error:  # rather than that nobody is proven
            raise Refusal(Code.UNAVAILABLE, "no way to you is known here") from error
        return Answering(self.identity, self._dice, here, address, nonce, hello)

    def disproved(self, address: Address) -> None:
        """Tell of somebody whose proof did not fit."""
        self._tell(self._trust.disproved(address[0], self._reactor.seconds()))

    # Names.

    def admit(self, name: str, public: bytes, address: Address) -> None:
        """Refuse a name that is known by another key, and tell of that.

        :raises Refusal: it is.
        """
        if self.identity is None:
            return
        now = self._reactor.seconds()
        refusal, warning = self._trust.judge(name, public, address[0], now)
        self._tell(warning)
        if refusal is not None:
            raise refusal

    def believe(self, name: str, public: bytes, address: Address) -> None:
        """Do the same about somebody who was called.

        :raises BadAnswerError: it is.
        """
        try:
            self.admit(name, public, address)
        except Refusal as refusal:
            raise BadAnswerError(f"{address[0]}: {refusal}") from refusal

    def met(self, name: str, public: bytes) -> bool:
        """Remember somebody; say whether they are new here."""
        new, why = self._trust.met(name, public)
        if new and not why:
            self._new[folded(name)] = None
        self._tell(why)
        return new

    def came(self, name: str, public: bytes) -> None:
        """Take note of who is here."""
        if self.identity is not None:
            self._trust.came(name, public)

    def key_of(self, name: str) -> str | None:
        """Return the fingerprint of somebody who is here; empty: none, None: it is not asked."""
        return self._trust.key_of(name)

    def marked(self, event: Event) -> Event:
        """Return an event with the key of who did it, for those who see it."""
        name = folded(event.sender)
        key = self._trust.key_of(name)
        if event.kind is Kind.LEFT:
            self._trust.left(name)
        if key is None:
            return replace(event, tags=())
        new = event.kind is Kind.JOINED and name in self._new
        if new:
            del self._new[name]
        return replace(event, tags=(("key", key), *((("new", "yes"),) if new else ())))

    def _tell(self, warning: str) -> None:
        if warning:
            self._warn(warning)
