"""The bus of many nodes: what is published comes back from a Redis or Valkey, and only then is it.

Every node applies the same events in the same order, and so all of them agree on who is there and
who may do what. This joins the hub and the `broker`: events become bytes and come back; a name's
lease changes hands with the event that says so; a node's end is the leaving of its members, of all
in one.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Generic

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.chat.bus.backlog import unreachable
from twisted_net.chat.bus.base import Earlier
from twisted_net.chat.bus.broker import Broker
from twisted_net.chat.bus.packing import packed, unpacked
from twisted_net.chat.bus.terms import Entry, Names, Timing
from twisted_net.chat.codec.events import NODE_LOST, Event, Kind, read_id
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import quoted
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import folded, skeleton
from twisted_net.chat.core.room import Member, O

#: Of these a room's history is kept at the broker.
_KEPT = frozenset({Kind.SAID, Kind.ACTED, Kind.NOTICED})


class RedisBus(Service, Generic[O]):
    """A `Bus`, and a Twisted service: it takes part while it runs.

    :param endpoint: a Twisted client endpoint string: ``tcp:127.0.0.1:6379``.
    :ivar ready: whether members may come in: all that there is has been heard.
    :ivar comes: called whenever members may come in.
    :ivar earlier: called with a room and what was said there before this node came.
    :param notify: tells all members on this node something in the server's name.
    :param expel: closes the connections of all members on this node, who are in the chat no more.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        endpoint: str,
        hub: Hub[O],
        dice: Random,
        notify: Callable[[str], None],
        expel: Callable[[str], None],
        *,
        password: str | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._timing = timing or Timing()
        self._hub = hub
        self._notify = notify
        self._expel = expel
        self.ready = False
        self._last = 0
        self._heard: list[Callable[[Event], None]] = []
        self.comes: list[Callable[[], None]] = []
        self.earlier: list[Earlier] = []
        self._broker = Broker(reactor, endpoint, self, dice, password=password, timing=self._timing)
        self._renewing = LoopingCall(self._renew)
        self._renewing.clock = reactor

    def startService(self) -> None:
        """Take part, as soon as the broker can be reached."""
        super().startService()  # type: ignore[no-untyped-call]
        self._broker.start()
        self._renewing.start(self._timing.nick / 3, now=False).addErrback(self._broken)

    def stopService(self) -> Deferred[None]:
        """Leave the chat; all members have left it by now."""
        super().stopService()  # type: ignore[no-untyped-call]
        self.ready = False
        if self._renewing.running:
            self._renewing.stop()
        return Deferred.fromCoroutine(self._broker.stop())

    def delivered(self, event: Event) -> None:
        """Change a room's history at the broker as an event wants it of somebody on this node.

        A text is taken out that was taken back; and what was said in a room moves with its name.
        """
        if event.by.rpartition(".")[0] != self._broker.node:
            return
        room, number = folded(event.where), read_id(event.other)
        if event.kind is Kind.REDACTED and number is not None:
            changing = self._broker.ask.redact(room, number, event.by)
        elif event.kind is Kind.ROOM_RENAMED and folded(event.text) != room:
            changing = self._broker.ask.move(room, folded(event.text), event.id)
        else:
            return
        Deferred.fromCoroutine(changing).addErrback(self._unchanged, event)

    def _unchanged(self, failure: Failure, event: Event) -> None:
        self.log.error(
            "the history of {room!r} was not changed: {why}",
            room=event.where,
            why=failure.getErrorMessage(),
        )

    @property
    def present(self) -> bool:
        """Whether the broker can be reached."""
        return bool(self._broker.present)

    # What a `base.Bus` does.

    def publish(self, draft: Event) -> Deferred[int]:
        """Give a draft an id; it will be heard when it comes back."""
        if not self.ready:
            return fail(unreachable())
        public = draft.kind in _KEPT and not draft.private and not draft.only
        room = folded(draft.where) if public else ""
        # Nobody may be kept in the chat by its being full of words; and each leaves but once.
        leaving = draft.kind is Kind.LEFT
        try:
            _, outcome = self._broker.publish(packed(draft), room, _names(draft), leaving)
        except Refusal as refusal:
            return fail(refusal)
        return outcome.addErrback(_taken, draft)

    def tail(self, heard: Callable[[Event], None]) -> None:
        """Call ``heard`` with every event from now on."""
        self._heard.append(heard)

    # What a `terms.Audience` does.

    def begin(self, state: bytes) -> list[str]:
        """Forget the chat, and begin from another node's."""
        try:
            self._hub.restart(self._broker.node, state)
        except ValueError as error:
            self.log.error("cannot begin from the other nodes' chat: {why}", why=str(error))
            self._hub.restart(self._broker.node)
        return [folded(room.name) for room in self._hub.rooms()]

    def remember(self, room: str, said: list[tuple[int, bytes]]) -> None:
        """Hand on what was said in a room before, but not what was heard: it is remembered."""
        new = [each for each in said if each[0] > self._last]
        events = [event for number, data in new if (event := self._read(number, data))]
        for earlier in self.earlier:
            earlier(room, events)

    def heard(self, entry: Entry) -> None:
        """Hand on an event, or the leaving of all who were on a node."""
        self._last = entry.id
        if entry.draft is not None:
            event = self._read(entry.id, entry.draft)
            if event is not None:
                self._tell(event)
            return
        for member in self._members(entry.node):
            left = Event(entry.id, Kind.LEFT, "", member.name, NODE_LOST, by=member.key)
            self._tell(replace(left, account=member.account, mask=member.mask))

    def caught_up(self) -> None:
        """Let members in."""
        self.ready = True
        for comes in self.comes:
            comes()

    def away(self) -> None:
        """Say so to all."""
        self._notify("other nodes unreachable")

    def back(self) -> None:
        """Say so to all."""
        self._notify("other nodes reachable again")

    def fenced(self) -> None:
        """Close all connections: the others have heard that their members left."""
        self.ready = False
        self._expel("other nodes took this one for lost; connect again")

    def state(self) -> bytes:
        """Return the chat for a node that comes later."""
        return self._hub.state()

    def _tell(self, event: Event) -> None:
        for heard in self._heard:
            heard(event)

    def _read(self, number: int, data: bytes) -> Event | None:
        try:
            return unpacked(number, data)
        except ValueError as error:
            self.log.error("not understood: {why}", why=str(error))
            return None

    def _members(self, node: str) -> list[Member[O]]:
        return [each for each in self._hub.members() if each.key.rpartition(".")[0] == node]

    async def _renew(self) -> None:
        members = self._members(self._broker.node)
        held = [(skeleton(member.name), member.key) for member in members]
        if held and self._broker.present:
            try:
                await self._broker.ask.renew_names(held)
            except Refusal as refusal:
                self.log.debug("names were not renewed: {why}", why=str(refusal))

    def _broken(self, failure: Failure) -> None:
        self.log.failure("names are not renewed any more", failure)


def _names(draft: Event) -> Names:
    """Return the names that change hands with a draft."""
    sender = skeleton(draft.sender)
    if draft.kind is Kind.ENTERED:
        return Names(draft.by, claimed=sender)
    if draft.kind is Kind.LEFT:
        return Names(draft.by, released=sender)
    if draft.kind is Kind.RENAMED and skeleton(draft.text) != sender:
        return Names(draft.by, claimed=skeleton(draft.text), released=sender)
    return Names(draft.by)


def _taken(failure: Failure, draft: Event) -> Failure:
    """Say which name is taken."""
    refusal = failure.value
    if not isinstance(refusal, Refusal) or refusal.code is not Code.TAKEN:
        return failure
    name = draft.text if draft.kind is Kind.RENAMED else draft.sender
    return Failure(Refusal(Code.TAKEN, f"name {quoted(name)} is taken", Why.TAKEN))
