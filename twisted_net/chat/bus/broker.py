"""A node's part in a chat that many share through a Redis or Valkey.

What a node publishes goes into one stream, and comes back out of it to every node, this one too, in
the same order: the place in the stream is the id. Two links serve a node: on one its drafts and all
else that it asks is pipelined; the other one waits for what is new (XREAD BLOCK), and nothing may
be asked behind that.

Nothing is lost and nothing said twice, whenever the broker or the way to it breaks: what it has
not acknowledged is sent again under the same number (`backlog`), and reading goes on after the last
id that was read. A node that cannot renew its lease is taken out of the chat by the others
(`scripts`); when it comes back it is told so, forgets everything and begins anew.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.chat.bus import scripts
from twisted_net.chat.bus.backlog import MAX_WAITING, Backlog
from twisted_net.chat.bus.link import PATIENCE, BrokenLinkError, Link, open_link
from twisted_net.chat.bus.questions import PREFIX, Questions
from twisted_net.chat.bus.terms import (
    Audience,
    Entry,
    Names,
    Timing,
    milliseconds,
    number_of,
    stream_id,
)
from twisted_net.chat.codec.messages import Code, Refusal

#: Events that are read in one go, and of a room's history kept.
A_READ = 500
KEPT_EACH = 10_000

#: Events of a room's history that a new node is given.
KEPT_AT_ONCE = 500

#: Events on the bus, however young they are: 30 to 100 MiB at the broker.
_BUS_MOST = 200_000


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft that waits: the script's arguments after the number, and who waits for it."""

    arguments: tuple[str | bytes | int, ...]
    outcome: Deferred[int]


class Broker:
    """One node at the broker.

    :param endpoint: a Twisted client endpoint string.
    :param dice: names the node, and spreads the attempts of many nodes to connect.
    :ivar node: this node, ``node.epoch``; empty while it takes no part.
    :ivar ask: questions and small requests beside.
    :ivar present: whether the broker can be reached; None: nobody knows yet.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        endpoint: str,
        audience: Audience,
        dice: Random,
        *,
        password: str | None = None,
        prefix: str = PREFIX,
        timing: Timing | None = None,
        waiting: int = MAX_WAITING,
        patience: float = PATIENCE,
    ) -> None:
        self.node = ""
        self.present: bool | None = None
        self._reactor = reactor
        self._open = partial(open_link, reactor, endpoint, password, patience)
        self._audience = audience
        self._dice = dice
        self._timing = timing or Timing()
        self.ask = Questions(prefix, self._timing)
        self._name = dice.randbytes(4).hex()
        self._epoch = ""
        self._backlog: Backlog[_Draft] = Backlog(waiting)
        self._cursor = self._kept = 0
        self._goal: int | None = None
        self._behind = False
        self._serving: Deferred[None] | None = None
        self._reading: Deferred[None] | None = None

    def start(self) -> None:
        """Take part, as soon as the broker can be reached, until `stop`."""
        self._serving = Deferred.fromCoroutine(self._forever(self._serve))
        self._serving.addErrback(self._over)

    async def stop(self) -> None:
        """Leave the chat; the others hear of it if the broker can be reached."""
        link, epoch = self.ask.link, self._epoch
        try:
            if link is not None and epoch:
                await self.ask.run(link, scripts.LEAVE, self._name, epoch)
        except BrokenLinkError:
            self.log.warn("the broker was not told that this node stops; others will notice")
        for task in (self._serving, self._reading):
            if task is not None:
                task.cancel()
                await task
        self._serving = self._reading = None
        self._cut_off()

    def publish(
        self, draft: bytes, room: str = "", names: Names | None = None, always: bool = False
    ) -> tuple[int, Deferred[int]]:
        """Publish a draft, in the order of the calls.

        :param room: in whose history it is kept; empty: in none.
        :param always: take it however many drafts wait.
        :return: its number, by which it is known when it is heard; and its id, when it has one.
            That fails with a `Refusal`: the name is taken, or this node was fenced meanwhile.
        :raises Refusal: too many drafts wait already.
        """
        names = names or Names("")
        timing = self._timing
        kept = (room, milliseconds(timing.history), KEPT_EACH)
        claims = (names.claimed, names.owner, milliseconds(timing.nick), names.released)
        waiting = _Draft((draft, *kept, *claims), Deferred())
        number = self._backlog.add(waiting, always)
        if self.ask.link is not None:
            self._send(self.ask.link, number, waiting)
        return number, waiting.outcome

    # The link for what is asked.

    async def _serve(self) -> None:
        """Take part over one link, as long as that lasts."""
        link = await self._open()
        try:
            await self._introduce(link)
            self.ask.link = link
            self._attend()
            for number, draft in self._backlog:
                self._send(link, number, draft)
            await self._keep(link)
        finally:
            self.ask.link = None
            await link.closed()

    async def _introduce(self, link: Link) -> None:
        """Tell the broker the scripts, and come back into the chat, or into it for the first time.

        :raises BrokenLinkError: it does not work out.
        """
        await self.ask.load(link)
        await self._warn_of_loss(link)
        if self._behind and self._epoch:
            await self.ask.run(link, scripts.LEAVE, self._name, self._epoch)
        if self._epoch and not await self._renew(link):
            self._fence()
        if not self._epoch:
            await self._join(link)

    async def _warn_of_loss(self, link: Link) -> None:
        told = await link.call("INFO", "persistence")
        if self.present is None and b"aof_enabled:1" not in told:
            self.log.warn(
                "the broker keeps no log on disk (appendonly no): what it has acknowledged, and who"
                " is there, is lost when it dies"
            )

    async def _join(self, link: Link) -> None:
        lease = milliseconds(self._timing.lease)
        epoch, newest, era, kept = await self.ask.run(link, scripts.JOIN, self._name, lease)
        at, _, state = kept.partition(b" ")
        self._epoch = epoch.decode()
        self.node = f"{self._name}.{self._epoch}"
        self._cursor = self._kept = number_of(at or era)
        self._goal = number_of(newest)
        self._behind = False
        for room in self._audience.begin(state):
            self._audience.remember(room, await self.ask.latest(link, room, KEPT_AT_ONCE))
        self._reading = Deferred.fromCoroutine(self._forever(self._read))
        self._reading.addErrback(self._over)

    async def _keep(self, link: Link) -> None:
        """Renew the lease, and look after the others, until the link is lost."""
        timing = self._timing
        since = self._reactor.seconds()
        while await self._renew(link) and not self._behind:
            if self._reactor.seconds() - since >= timing.settle:
                await self.ask.run(link, scripts.REAP, self._name, self._epoch)
            await self._snapshot(link)
            await link.rest(timing.renew)

    async def _renew(self, link: Link) -> bool:
        """Renew the lease; say whether this node is still in the chat."""
        timing = self._timing
        lease, keep = milliseconds(timing.lease), milliseconds(timing.keep)
        return bool(
            await self.ask.run(link, scripts.RENEW, self._name, self._epoch, lease, keep, _BUS_MOST)
        )

    async def _snapshot(self, link: Link) -> None:
        """Keep the chat's state for those who come, unless another node has just done so."""
        at = self._cursor
        if at == self._kept or self._goal is not None:
            return
        lock = self.ask.key("snapshotting")
        lease = milliseconds(2 * self._timing.renew)
        if await link.call("SET", lock, self.node, "NX", "PX", lease) is not None:
            at, state = self._cursor, self._audience.state()
            await self.ask.run(
                link, scripts.SNAPSHOT, self._name, self._epoch, stream_id(at), state
            )
            self._kept = at

    def _fence(self) -> None:
        """Forget the chat: the others have said that this node is gone."""
        self.log.warn("{node} was taken out of the chat by the others", node=self.node)
        self._epoch = self.node = ""
        if self._reading is not None:
            self._reading.cancel()
        self._cut_off()
        self._audience.fenced()

    def _send(self, link: Link, number: int, draft: _Draft) -> None:
        words = self.ask.words(scripts.PUBLISH, self._name, self._epoch, number, *draft.arguments)
        try:
            sent = link.send(*words)
        except BrokenLinkError:
            return  # the link has been lost in this very turn; it is sent again over the next
        sent.addCallback(self._answered, link, number)
        sent.addErrback(self._unanswered, link)

    def _answered(self, answer: bytes, link: Link, number: int) -> None:
        if answer in (b"FENCED", b"GAP"):
            # The next link is told where this node stands, and all is sent again. But a gap before
            # the first one that waits is of drafts that were acknowledged.
            if answer == b"GAP" and number == self._backlog.first:
                self._fall_behind()
            link.close()
            return
        draft = self._backlog.done(number)
        if draft is not None and answer == b"TAKEN":
            _take_back(draft)
        elif draft is not None:
            draft.outcome.callback(number_of(answer))

    def _unanswered(self, failure: Failure, link: Link) -> None:
        if not link.lost:  # an error: it is out of memory, or loads what it has on disk
            self.log.warn("the broker refuses a draft: {why}", why=failure.getErrorMessage())
            link.close()

    # The link for what is heard.

    async def _read(self) -> None:
        """Hear what is new over one link, as long as that lasts."""
        link = await self._open()
        try:
            if not await self.ask.run(link, scripts.RESUME, stream_id(self._cursor)):
                self._fall_behind()
            while not self._behind:
                self._catch_up()
                await self._next(link)
        finally:
            await link.closed()

    async def _next(self, link: Link) -> None:
        block = self._timing.block
        words = ("XREAD", "COUNT", A_READ, "BLOCK", milliseconds(block), "STREAMS")
        told = await link.call(*words, self.ask.key("bus:0"), stream_id(self._cursor), more=block)
        for _, entries in told or ():
            for id, fields in entries:
                self._hear(_entry(id, fields))

    def _hear(self, entry: Entry) -> None:
        self._cursor = entry.id
        own = entry.node == self.node
        if own and entry.draft is None:
            self._break()  # the next link is told so too, and there it can be dealt with
            return
        if own:
            # The broker takes them in turn: those before it that were not heard never will be.
            for refused in self._backlog.skipped(entry.number):
                _take_back(refused)
            draft = self._backlog.done(entry.number)
            if draft is not None:
                draft.outcome.callback(entry.id)
        try:
            self._audience.heard(entry)
        except Exception:  # a bug; whoever stopped reading would hear nothing ever after
            self.log.failure("{node} could not take an event", node=self.node)

    def _catch_up(self) -> None:
        if self._goal is not None and self._cursor >= self._goal:
            self._goal = None
            self._audience.caught_up()
            self.log.info("{node} takes part in the chat", node=self.node)

    def _fall_behind(self) -> None:
        """Begin anew, for the broker no longer has all that was published."""
        self.log.warn("the broker has lost events; {node} begins anew", node=self.node)
        self._behind = True
        self._break()

    def _break(self) -> None:
        if self.ask.link is not None:
            self.ask.link.close()

    # Both.

    async def _forever(self, once: Callable[[], Awaitable[None]]) -> None:
        """Do something again and again, until it is cancelled; not too often where it fails."""
        timing = self._timing
        wait = timing.retry
        while True:
            since = self._reactor.seconds()
            try:
                await once()
            except BrokenLinkError as error:
                self._miss(str(error))
            if self._reactor.seconds() - since > timing.retry_most:
                wait = timing.retry
            pause: Deferred[None] = deferLater(
                self._reactor, wait * self._dice.uniform(1.0, 1.5), lambda: None
            )
            await pause
            wait = min(2 * wait, timing.retry_most)

    def _attend(self) -> None:
        if not self.present:
            self.present = True
            self.log.info("the broker is there; {count} drafts waited", count=len(self._backlog))
            self._audience.back()

    def _miss(self, why: str) -> None:
        if self.present is not False and self.ask.link is None:
            self.present = False
            self.log.warn("the broker is away, drafts wait: {why!r}", why=why)
            self._audience.away()

    def _cut_off(self) -> None:
        for draft in self._backlog.restart():
            why = "other nodes unreachable; nobody knows whether it was sent"
            draft.outcome.errback(Refusal(Code.UNAVAILABLE, why))

    def _over(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self.log.failure("the bus has stopped", failure)


def _entry(id: bytes, fields: list[bytes]) -> Entry:
    origin, kind, draft = fields[1], fields[2], fields[3]
    node, _, number = origin.decode().rpartition(".")
    return Entry(number_of(id), node, int(number), draft if kind == b"draft" else None)


def _take_back(draft: _Draft) -> None:
    draft.outcome.errback(Refusal(Code.TAKEN, "name is taken"))
