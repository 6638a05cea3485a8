"""Members of the chat on hosts of their own, who write down all they say and hear."""

from dataclasses import dataclass, field
from math import inf
from typing import Literal

from twisted.internet.defer import Deferred, gatherResults

from tests.simulated.bench import CHAT_TCP, CHAT_UDP, dice
from twisted_net.chat.client import ChatClient, ChatDatagramClient, ChatLineClient, RefusedError
from twisted_net.chat.codec.messages import Command, Done, Event, Heard, Kind, Missed, Say, Who
from twisted_net.net.clients import DatagramClient
from twisted_net.net.endpoints import LONGEST_DATAGRAM
from twisted_net.net.errors import ClientError
from twisted_net.testing import Host

Door = Literal["tcp", "udp"]

#: Seconds that a member waits for an answer. Longer than any session survives a peer that is
#: silent, so a request that is still open by then was forgotten by its session.
PATIENCE = 300.0

LOBBY = "lobby"


@dataclass(slots=True)
class Saying:
    """Something that was said.

    :ivar asked: when, in seconds.
    :ivar id: what the server gave it; empty: it never said that it had heard it.
    :ivar failed: what came instead.
    """

    text: str
    asked: float
    id: str = ""
    failed: ClientError | None = None


@dataclass(slots=True)
class Visit:
    """One stay of a member in the lobby, from its welcome to its end.

    :ivar name: a name of its own: who was lost may still be listed under the one before.
    :ivar entered: when the server's welcome was there.
    :ivar ended: how the session ended, where it was not the member who left.
    :ivar present: whether the member was still there at the last roll-call.
    """

    name: str
    door: Door
    entered: float
    heard: list[Heard] = field(default_factory=list)
    said: list[Saying] = field(default_factory=list)
    ended: ClientError | None = None
    present: bool = False

    @property
    def texts(self) -> list[str]:
        """What others said, in the order in which it was heard."""
        return [each.text for each in self.events if each.kind is Kind.SAID]

    @property
    def events(self) -> list[Event]:
        """All that happened, as it was heard."""
        return [each for each in self.heard if isinstance(each, Event)]

    @property
    def missed(self) -> float:
        """How many events were left out, as far as the member was told; infinite: nobody knows."""
        missed = [each for each in self.heard if isinstance(each, Missed)]
        return inf if any(each.more for each in missed) else sum(each.count for each in missed)


class Member:
    """Somebody who comes to the lobby through one door, and comes again when thrown out.

    :param padding: bytes added to each text.
    :ivar visits: all of them.
    :ivar moves: how often it changed its address.
    """

    def __init__(self, host: Host, door: Door, padding: int = 0) -> None:
        self.name = host.name
        self.door: Door = door
        self.visits: list[Visit] = []
        self.moves = 0
        self._host = host
        self._padding = padding
        self._attempts = 0
        self._dice = dice(host)
        self._client: ChatClient | None = None

    @property
    def visit(self) -> Visit:
        """The stay that goes on, or the last one."""
        return self.visits[-1]

    async def enter(self, tries: int = 1) -> bool:
        """Come in, at once or after a few tries; say whether that worked."""
        for _ in range(tries):
            if await self._entered():
                return True
            await self._host.network.sleep(1.0)
        return False

    async def say(self, count: int, pause: float = 0.0) -> None:
        """Say so many things, one after the other; come again where a session ends."""
        for _ in range(count):
            if self._client is None and not await self.enter(tries=3):
                return
            await self._say()
            failed = self.visit.said[-1].failed is not None
            if pause or failed:  # the news that the session is over comes a moment later
                await self._host.network.sleep(pause or 0.1)

    async def shout(self, count: int) -> None:
        """Say so many things without waiting for one to be heard."""
        sayings = [Deferred.fromCoroutine(self._say()) for _ in range(count)]
        await gatherResults(sayings)

    async def answer_the_roll(self) -> None:
        """Ask something, so that all that was said before has come first.

        A member whom nobody answers has been told so, which is what was promised.
        """
        if self._client is not None:
            visit = self.visit
            visit.present = await self._request(Who(LOBBY)) is not None

    def move(self, to: Host | None = None) -> None:
        """Speak from another port from now on, as behind a router that forgot us.

        :param to: a host that it is the port of; None: the same one.
        """
        client = self._client
        if isinstance(client, ChatDatagramClient) and client._port is not None:
            before = client._port
            client._port = DatagramClient(before.peer, before.received)
            (to or self._host).reactor.listenUDP(0, client._port, "", LONGEST_DATAGRAM)
            before.transport.stopListening()
            self.moves += 1

    async def leave(self) -> None:
        """Leave politely."""
        client, self._client = self._client, None
        if client is not None:
            await client.leave()

    async def _entered(self) -> bool:
        self._attempts += 1
        reactor = self._host.reactor
        visit = Visit(f"{self.name}-{self._attempts}", self.door, 0.0)
        client: ChatClient
        if self.door == "tcp":
            client = ChatLineClient(reactor, CHAT_TCP, visit.heard.append, PATIENCE)
        else:
            client = ChatDatagramClient(reactor, CHAT_UDP, visit.heard.append, PATIENCE, self._dice)
        try:
            await client.enter(visit.name)
        except ClientError:
            await client.leave()
            return False
        visit.entered = reactor.seconds()
        self.visits.append(visit)
        self._client = client
        client.on_lost(lambda error: self._lost(visit, error))
        return True

    def _lost(self, visit: Visit, error: ClientError) -> None:
        visit.ended = error
        visit.present = False
        if visit is self.visit:
            self._client = None

    async def _say(self) -> None:
        visit = self.visit
        text = f"{visit.name} {len(visit.said)} {'.' * self._padding}"
        saying = Saying(text, self._host.reactor.seconds())
        visit.said.append(saying)
        done = await self._request(Say(LOBBY, text), saying)
        if done is not None:
            saying.id = done.about.partition(" ")[2]

    async def _request(self, command: Command, saying: Saying | None = None) -> Done | None:
        assert self._client is not None
        try:
            replies = await self._client.request(command)
        except RefusedError:
            raise  # nothing here is ever wrong with what is asked
        except ClientError as error:
            if saying is not None:
                saying.failed = error
            return None
        return next(each for each in replies if isinstance(each, Done))
