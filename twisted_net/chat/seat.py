"""A seat: one connection's place in the chat, and what each command does there.

The same for every door that speaks in commands: a door turns its bytes into these, and what comes
back into bytes. Commands are obeyed one after the other: while one waits for the bus or for
history, the next one waits for it.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_net.chat.answers import (
    MAX_OLD,
    Answer,
    Answered,
    Replies,
    entered,
    listed,
    numbered,
    old,
    page,
    present,
    refused,
    titled,
)
from twisted_net.chat.codec import replies as tell
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.line import usages
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.replies import Done
from twisted_net.chat.codec.requests import Command
from twisted_net.chat.core import modes
from twisted_net.chat.core.hub import Member, Room
from twisted_net.chat.core.room import O
from twisted_net.chat.login import Login
from twisted_net.chat.post import Outcome, Post
from twisted_net.chat.store.base import History, of_room

__all__ = ["Answer", "Answered", "Seat"]


class Seat(Generic[O]):
    """One connection's place.

    :ivar member: who sits there; None before a name was chosen, and after leaving.
    :ivar over: whether they have left.
    :ivar busy: whether a command is waiting for its answer.
    :param host: what others see of the address.
    :param replays: events of a room's history that whoever enters it is told.
    :param login: the way to an account; None: there is none.
    """

    def __init__(
        self,
        post: Post[O],
        outlet: O,
        door: str,
        host: str = "",
        replays: int = 0,
        login: Login | None = None,
    ) -> None:
        self.member: Member[O] | None = None
        self.over = False
        self.busy = False
        self._post = post
        self._hub = post.hub
        self._outlet = outlet
        self._door = door
        self._host = host
        self._replays = replays
        self._login = login
        self._current: Room[O] | None = None
        self._coming: Member[O] | None = None
        self._waiting: deque[tuple[Command, float, Answered]] = deque()
        self._turning = False

    @property
    def current(self) -> str:
        """The room in which plain lines are said: the one chosen, or else entered last."""
        if self.member is None:
            return ""
        room = self._current  # itself, not its name: that may become another one
        if room is None or self.member not in room.members:
            room = next(reversed(self.member.rooms.values()), None)
        return "" if room is None else room.name

    def obey(self, command: Command, now: float, answered: Answered) -> None:
        """Do what a command says, as soon as all before it are done."""
        self._waiting.append((command, now, answered))
        self._go_on()

    def claim(self, name: str, now: float) -> str:
        """Keep a name, and enter nothing yet; return the name as it is shown.

        :raises Refusal: it is no name, or it is taken.
        """
        account = self._login.account if self._login is not None else ""
        self._coming = self._hub.enter(
            name, self._outlet, self._door, now, host=self._host, account=account
        )
        return self._coming.name

    def arrive(self, now: float, answered: Answered) -> None:
        """Enter the chat under the name that was claimed, and the lobby, if there is one."""
        coming = self._coming
        assert coming is not None, "a name is claimed first"  # noqa: S101

        def arrived(outcome: Outcome) -> None:
            self._coming = None
            if isinstance(outcome, Refusal):
                answered(outcome)
            elif self.over:
                answered([])
            else:
                self.member = coming
                if self._host and coming.host != self._host:
                    self.move(self._host, now)  # it has done so meanwhile
                self._enter_lobby(coming, now, answered)

        self._post.arrive(coming, arrived)

    def move(self, host: str, now: float) -> None:
        """Be at another host from now on; the rooms hear of it."""
        self._host = host
        if self.member is not None:
            self._post.submit(self.member, ask.Host(host), now)

    def leave(self, why: str, now: float) -> None:
        """Give the seat up; nothing where nobody sat."""
        self.over = True
        self._waiting.clear()
        member, self.member = self.member or self._coming, None
        self._coming = None
        if member is not None:
            self._post.leave(member, why, now)

    # One command after the other.

    def _go_on(self) -> None:
        if self._turning:
            return
        self._turning = True
        try:
            while self._waiting and not self.busy:
                command, now, answered = self._waiting.popleft()
                self.busy = True
                self._turn(command, now, answered)
        finally:
            self._turning = False

    def _turn(self, command: Command, now: float, answered: Answered) -> None:
        def done(answer: Answer) -> None:
            self.busy = False
            answered(answer)
            self._go_on()

        try:
            self._obey(command, now, done)
        except Refusal as refusal:
            done(refusal)

    def _obey(self, command: Command, now: float, answered: Answered) -> None:
        match command:
            case ask.Ping(token):
                answered([tell.Pong(token)])
            case ask.Help(verb):
                answered([*usages(verb), Done("HELP")])
            case ask.Quit(why):
                self.leave(why or "quit", now)
                answered([Done("BYE")])
            case ask.Login(account, password):
                self._prove("LOGIN", self._way().prove(account, password), now, answered)
            case ask.Register(account, password):
                name = "" if self.member is None else self.member.name
                made = self._way().register(account, password, name)
                self._prove("REGISTER", made, now, answered)
            case ask.Nick(name) if self.member is None:
                self._first_name(name, now, answered)
            case _ if self.member is None:
                raise Refusal(Code.NAMELESS, "choose a name first: NICK <name>", Why.NAMELESS)
            case _:
                obeyed = _OBEYED.get(type(command))
                if obeyed is None:
                    raise Refusal(Code.BAD, "no command of this door")
                obeyed(self, self.member, command, now, answered)

    # Accounts.

    def _way(self) -> Login:
        if self._login is None:
            raise Refusal(Code.UNAVAILABLE, "there are no accounts here")
        return self._login

    def _prove(self, verb: str, proving: "Deferred[str]", now: float, answered: Answered) -> None:
        def proven(account: str) -> None:
            done: Answer = [Done(verb, account)]
            if self.member is None:
                answered(done)  # or they have left meanwhile
                return
            self._post.submit(
                self.member,
                ask.Identify(account),
                now,
                lambda outcome: answered(outcome if isinstance(outcome, Refusal) else done),
            )

        def failed(failure: Failure) -> None:
            failure.trap(Refusal)
            assert isinstance(failure.value, Refusal)  # noqa: S101 - for the type
            answered(failure.value)

        proving.addCallbacks(proven, failed)

    # What changes something.

    def _first_name(self, name: str, now: float, answered: Answered) -> None:
        named = Done("NICK", self.claim(name, now))

        def arrived(answer: Answer) -> None:
            # A lobby that is closed to them keeps nobody out of the chat.
            answered(answer if self.member is None else [named, *refused(answer)])

        self.arrive(now, arrived)

    def _enter_lobby(self, member: Member[O], now: float, answered: Answered) -> None:
        if self._hub.lobby:
            self._join(member, ask.Join(self._hub.lobby), now, answered)
        else:
            answered([])

    def _rename(self, member: Member[O], what: ask.Nick, now: float, answered: Answered) -> None:
        self._do(member, what, now, answered, lambda event: [Done("NICK", member.name)])

    def _join(self, member: Member[O], what: ask.Join, now: float, answered: Answered) -> None:
        def joined(outcome: Outcome) -> None:
            if isinstance(outcome, Refusal):
                answered(outcome)
                return
            room = self._current = self._hub.inside(member, what.room)
            replies = entered(room, self._post.history)
            history = self._post.history
            if outcome is None or history is None or not self._replays:
                answered(replies)
                return
            # What is said from here on is heard anyway.
            before = history.before(of_room(room.name), outcome.id, self._replays)
            before.addCallbacks(
                lambda events: answered([*replies, *map(tell.Old, events)]),
                lambda failure: answered(replies),
            )

        self._post.submit(member, what, now, joined)

    def _part(self, member: Member[O], what: ask.Part, now: float, answered: Answered) -> None:
        room = self._named(member, what.room)
        what = ask.Part(room, what.why)
        self._do(member, what, now, answered, lambda event: [Done("PART", room)])

    def _talk(self, member: Member[O], what: ask.Talk, now: float, answered: Answered) -> None:
        self._say(member, ask.Say("", what.text), now, answered)

    def _say(self, member: Member[O], what: ask.Say, now: float, answered: Answered) -> None:
        what = ask.Say(what.room or self._here(), what.text)
        self._do(member, what, now, answered, lambda event: [numbered("SAY", event)])

    def _act(self, member: Member[O], what: ask.Act, now: float, answered: Answered) -> None:
        what = ask.Act(what.text, what.room or self._here())
        self._do(member, what, now, answered, lambda event: [numbered("ME", event)])

    def _tell(self, member: Member[O], what: ask.Tell, now: float, answered: Answered) -> None:
        self._do(member, what, now, answered, lambda event: [numbered("TELL", event)])

    def _topic(self, member: Member[O], what: ask.Topic, now: float, answered: Answered) -> None:
        room = self._hub.inside(member, what.room)

        def replies(event: Event | None) -> Replies:
            return [*titled(room), Done("TOPIC", room.name)]

        self._do(member, what, now, answered, replies)

    def _kick(self, member: Member[O], what: ask.Kick, now: float, answered: Answered) -> None:
        def replies(event: Event | None) -> Replies:
            assert event is not None  # noqa: S101 - whoever is thrown out was in
            return [Done("KICK", f"{event.where} {event.other}")]

        self._do(member, what, now, answered, replies)

    def _invite(self, member: Member[O], what: ask.Invite, now: float, answered: Answered) -> None:
        def replies(event: Event | None) -> Replies:
            assert event is not None  # noqa: S101 - whoever is invited was not in
            return [Done("INVITE", f"{event.other} {event.where}")]

        self._do(member, what, now, answered, replies)

    def _mode(self, member: Member[O], what: ask.Mode, now: float, answered: Answered) -> None:
        room = self._hub.inside(member, what.room)

        def replies(event: Event | None) -> Replies:
            about = modes.shown(room, with_key=True) if event is None else event.text
            return [Done("MODE", f"{room.name} {about}")]

        self._do(member, what, now, answered, replies)

    def _away(self, member: Member[O], what: ask.Away, now: float, answered: Answered) -> None:
        self._do(member, what, now, answered, lambda event: [Done("AWAY", what.text)])

    def _do(
        self,
        member: Member[O],
        what: ask.Deed,
        now: float,
        answered: Answered,
        replies: Callable[[Event | None], Replies],
    ) -> None:
        """Do something, and answer when it has happened."""

        def happened(outcome: Outcome) -> None:
            answered(outcome if isinstance(outcome, Refusal) else replies(outcome))

        self._post.submit(member, what, now, happened)

    # Questions.

    def _use(self, member: Member[O], what: ask.Use, now: float, answered: Answered) -> None:
        room = self._current = self._hub.inside(member, what.room)
        answered([Done("USE", room.name)])

    def _who(self, member: Member[O], what: ask.Who, now: float, answered: Answered) -> None:
        room = self._hub.room(what.room or self._here(), member)
        answered(present(self._hub, room, member, now))

    def _rooms(self, member: Member[O], what: ask.Rooms, now: float, answered: Answered) -> None:
        answered(listed(self._hub, member))

    def _history(
        self, member: Member[O], what: ask.History, now: float, answered: Answered
    ) -> None:
        room = self._named(member, what.room)
        old("HISTORY", self._kept().latest(of_room(room), page(what.count)), answered)

    def _since(self, member: Member[O], what: ask.Since, now: float, answered: Answered) -> None:
        room = self._named(member, what.room)
        old("SINCE", self._kept().after(of_room(room), what.id, MAX_OLD), answered)

    def _search(self, member: Member[O], what: ask.Search, now: float, answered: Answered) -> None:
        rooms = [of_room(each.name) for each in member.rooms.values()]
        old("SEARCH", self._kept().search(rooms, what.words, MAX_OLD), answered)

    def _kept(self) -> History:
        if self._post.history is None:
            raise Refusal(Code.UNAVAILABLE, "no history is kept")
        return self._post.history

    def _named(self, member: Member[O], room: str) -> str:
        """Return a room's own name, of one that the member is in."""
        return self._hub.inside(member, room or self._here()).name

    def _here(self) -> str:
        if not self.current:
            room = self._hub.lobby or "<room>"
            raise Refusal(Code.FORBIDDEN, f"not in a room: JOIN {room}", Why.NOT_INSIDE)
        return self.current


_OBEYED: dict[type, Callable[[Seat[Any], Member[Any], Any, float, Answered], None]] = {
    ask.Nick: Seat._rename,
    ask.Join: Seat._join,
    ask.Part: Seat._part,
    ask.Use: Seat._use,
    ask.Talk: Seat._talk,
    ask.Say: Seat._say,
    ask.Act: Seat._act,
    ask.Tell: Seat._tell,
    ask.Topic: Seat._topic,
    ask.Kick: Seat._kick,
    ask.Invite: Seat._invite,
    ask.Mode: Seat._mode,
    ask.Away: Seat._away,
    ask.Who: Seat._who,
    ask.Rooms: Seat._rooms,
    ask.History: Seat._history,
    ask.Since: Seat._since,
    ask.Search: Seat._search,
}
