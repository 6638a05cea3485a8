"""Bots: the members by which other programs are in a room, so that everybody sees that they are.

A bot comes when somebody is in its room, and goes with the last of them: it never begins a room,
and so is nobody's operator by that.
"""

from collections.abc import Callable
from typing import Any

from twisted_net.chat.codec import web as codec
from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.requests import Join, Modes, Part, Say
from twisted_net.chat.core.hub import Member
from twisted_net.chat.core.ident import folded
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.hooks.config import Hook
from twisted_net.chat.post import Outcome, Post
from twisted_net.net.limits import TokenBucket

#: Messages a second, and after a pause at once.
RATE, BURST = 20.0, 100.0

_TOLD = frozenset({Kind.SAID, Kind.ACTED, Kind.NOTICED})
_GOING = frozenset({Kind.PARTED, Kind.LEFT, Kind.KICKED})


class _Profile:
    """What a URL is told: what people say in rooms, and not what bots do."""

    echoes: frozenset[Kind] = frozenset()

    def __init__(self, bots: dict[str, None]) -> None:
        self._bots = bots

    def render(self, event: Event) -> bytes:
        """Write an event; nothing for all others."""
        if event.kind not in _TOLD or event.private or event.by in self._bots:
            return b""
        return codec.dumped(codec.event(event))


class _BotOutlet:
    """Where a bot hears."""

    def __init__(
        self, profile: _Profile, tell: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        self.profile = profile
        self._tell = tell
        self._lost = lost

    def add(self, message: bytes) -> None:
        """Take what was said."""
        self._tell(message)

    def expel(self, why: str) -> None:
        """Let the bot be in the chat no more."""
        self._lost()


class Bot:
    """The bot of one hook.

    :param keys: those of all bots, who do not hear each other.
    :param tell: called with what was said in the room.
    """

    def __init__(
        self,
        hook: Hook,
        post: Post[Outlet],
        reactor: Any,
        keys: dict[str, None],
        tell: Callable[[bytes], None],
    ) -> None:
        self.hook = hook
        self._post = post
        self._reactor = reactor
        self._keys = keys
        self._outlet = _BotOutlet(_Profile(keys), tell, self._lost)
        self._bucket = TokenBucket(RATE, BURST, reactor.seconds())
        self._member: Member[Outlet] | None = None
        self._coming = False
        post.watch(self._happened)

    @property
    def inside(self) -> bool:
        """Whether the bot is in its room."""
        return self._member is not None and folded(self.hook.room) in self._member.rooms

    def say(self, lines: list[str], answered: Callable[[Outcome], None]) -> None:
        """Say some lines; answer for each of them.

        :raises Refusal: nobody is in the room, the bot cannot be, or it says too much.
        """
        member = self._member
        if member is None or not self.inside:
            raise Refusal(Code.UNKNOWN, "nobody is in that room", Why.NO_ROOM)
        now = self._reactor.seconds()
        if not self._bucket.take(now, len(lines)):
            raise Refusal(Code.SLOW, "too fast: wait 1 s", Why.SLOW)
        for line in lines:
            self._post.submit(member, Say(self.hook.room, line), now, answered)

    def _happened(self, event: Event) -> None:
        if event.by in self._keys:
            return
        if event.kind is Kind.JOINED and folded(event.where) == folded(self.hook.room):
            self._come()
        elif event.kind in _GOING and self.inside and not self._others():
            self._leave(self.hook.room)
        elif event.kind is Kind.ROOM_RENAMED:
            self._renamed(event)

    def _renamed(self, event: Event) -> None:
        """Stay with the name: on a node without this hook anybody's room could become this one."""
        if folded(event.text) == folded(self.hook.room):
            self._come()
        elif self._member is not None and folded(event.text) in self._member.rooms:
            self._leave(event.text)

    def _lost(self) -> None:
        """Be nobody any more; there is another chance when somebody comes."""
        if self._member is not None:
            self._keys.pop(self._member.key, None)
            self._member = None

    def _others(self) -> bool:
        try:
            room = self._post.hub.room(self.hook.room)
        except Refusal:
            return False
        return any(each.key not in self._keys for each in room.members)

    def _leave(self, room: str) -> None:
        assert self._member is not None  # noqa: S101 - for the type
        self._post.submit(self._member, Part(room), self._reactor.seconds())

    def _come(self) -> None:
        if self._coming or self.inside:
            return
        if self._member is not None:
            self._join()
            return
        hub, now = self._post.hub, self._reactor.seconds()
        accounts = self._post.accounts
        account = (accounts.registered(self.hook.name) if accounts is not None else None) or ""
        try:
            member = hub.enter(self.hook.name, self._outlet, "hook", now, account=account)
        except Refusal:
            return  # the name is taken; there is another chance when somebody comes
        self._coming = True
        self._keys[member.key] = None

        def arrived(outcome: Outcome) -> None:
            self._coming = False
            if isinstance(outcome, Refusal):
                del self._keys[member.key]
                return
            self._member = member
            self._post.submit(member, Modes("+B"), now)
            self._join()

        self._post.arrive(member, arrived)

    def _join(self) -> None:
        assert self._member is not None  # noqa: S101 - for the type
        # A room that is closed to it stays closed: who runs it does not want a bot.
        self._post.submit(self._member, Join(self.hook.room), self._reactor.seconds())
