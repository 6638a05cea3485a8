"""Bans from the whole chat: throwing out whom they mean, and keeping them in a file.

Who is banned goes by events, as all else in the hub. Each node shows its own members the door.
"""

from collections.abc import Callable, Iterable
from typing import Generic, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.core.bans import Ban, said
from twisted_net.chat.core.hub import Hub, Member
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.room import O

#: Bans are few and made by hand: all of them are written whenever one changes.
_CHANGES = frozenset({Kind.BANISHED, Kind.PARDONED})


class Keeper(Protocol):
    """Writes bans down."""

    def replace(self, bans: list[Ban]) -> "Deferred[None]":
        """Write all of them down; return when that is done for good."""


class Banning(Generic[O]):
    """Keeps the bans of one hub.

    :param publish: lets something happen that is of nobody.
    :param expel: ends the connection of a member on this node, in these words.
    :param seconds: tells the time since 1970.
    :param keeper: None: they hold as long as the chat is.
    :param known: those that were kept before.
    """

    def __init__(
        self,
        hub: Hub[O],
        publish: Callable[[Event], None],
        expel: Callable[[Member[O], str], None],
        seconds: Callable[[], float],
        keeper: Keeper | None = None,
        known: Iterable[Ban] = (),
    ) -> None:
        self._hub = hub
        self._publish = publish
        self._expel = expel
        self._seconds = seconds
        self._keeper = keeper
        self._coming = {folded(ban.mask): ban for ban in known}
        self._known = list(self._coming.values())
        self._unwritten = False
        self._node: str | None = None

    def begin(self) -> None:
        """Begin, or begin anew after a pause: let all bans hold that were known here."""
        self._node = self._hub.node
        now = self._seconds()
        there = {folded(ban.mask) for ban in self._hub.bans()}
        self._coming = {
            folded(ban.mask): ban
            for ban in self._known
            if ban.holds(now) and folded(ban.mask) not in there
        }
        for ban in list(self._coming.values()):
            tags = (("by", ban.by), ("when", f"{ban.when}"), ("until", f"{ban.until}"))
            self._publish(Event(0, Kind.BANISHED, "", "", ban.why, other=ban.mask, tags=tags))

    def happened(self, event: Event) -> None:
        """Throw out who is meant by a ban that was just made, and write down what there is."""
        if self._node != self._hub.node:
            return  # the past is told first, and nothing of that is news
        if event.kind in _CHANGES:
            self._coming.pop(folded(event.other), None)
            self._write()
        elif self._unwritten:
            self._write()
        if event.kind is Kind.BANISHED:
            self._throw_out(list(self._hub.members()))
        elif event.kind is Kind.HOST:
            self._throw_out([each for each in (self._hub.known(event.sender),) if each])

    def _throw_out(self, members: Iterable[Member[O]]) -> None:
        """Show those on this node out whom a ban means."""
        now = self._seconds()
        for member in members:
            ban = self._hub.banned(member, now)
            if ban is not None and member.outlet is not None:
                self._expel(member, said(ban))

    def _write(self) -> None:
        self._unwritten = False
        self._known = [*self._hub.bans(), *self._coming.values()]
        if self._keeper is not None:
            self._keeper.replace(self._known).addErrback(self._not_written)

    def _not_written(self, failure: Failure) -> None:
        """Remember to try again when something happens; why it failed, the writer has said."""
        self._unwritten = True
