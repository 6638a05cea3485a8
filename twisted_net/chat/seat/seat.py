"""One connection's place: it comes under a name, is obeyed in turn, and goes."""

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_net.chat.codec import replies as tell
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.line import usages
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.replies import Done
from twisted_net.chat.codec.requests import Command
from twisted_net.chat.core.hub import Member
from twisted_net.chat.core.room import O
from twisted_net.chat.login import Login
from twisted_net.chat.post import Outcome, Post
from twisted_net.chat.seat import deeds, questions
from twisted_net.chat.seat.answers import Answer, Answered, refused
from twisted_net.chat.seat.place import Piece, Place, Turn

_OBEYED = {**deeds.OBEYED, **questions.OBEYED}


class Seat(Place[O]):
    """One connection's place.

    :ivar member: who sits there; None before a name was chosen, and after leaving.
    :ivar over: whether they have left.
    :ivar busy: whether a command is waiting for its answer.
    :param host: what others see of the address.
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
        in_turn: Callable[[Piece], None] | None = None,
    ) -> None:
        super().__init__(post, replays, in_turn)
        self.busy = False
        self._outlet = outlet
        self._door = door
        self._host = host
        self._login = login
        self._coming: Member[O] | None = None
        self._waiting: deque[tuple[Command, float, Answered]] = deque()
        self._turning = False

    def obey(self, command: Command, now: float, answered: Answered) -> None:
        """Do what a command says, as soon as all before it are done."""
        self._waiting.append((command, now, answered))
        self._go_on()

    def claim(self, name: str, now: float) -> str:
        """Keep a name, and enter nothing yet; return the name as it is shown.

        :raises Refusal: it is no name, or it is taken.
        """
        account = self._login.account if self._login is not None else ""
        self._coming = self.hub.enter(
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

        self.post.arrive(coming, arrived)

    def move(self, host: str, now: float) -> None:
        """Be at another host from now on; the rooms hear of it."""
        self._host = host
        if self.member is not None:
            self.post.submit(self.member, ask.Host(host), now)

    def leave(self, why: str, now: float) -> None:
        """Give the seat up; nothing where nobody sat."""
        self.over = True
        self._waiting.clear()
        member, self.member = self.member or self._coming, None
        self._coming = None
        if member is not None:
            self.post.leave(member, why, now)

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
            self._obey(command, now, done, answered)
        except Refusal as refusal:
            done(refusal)

    def _obey(self, command: Command, now: float, answered: Answered, part: Answered) -> None:
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
                obeyed(Turn(self, self.member, now, answered, part), command)

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
            self.post.submit(
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
        if self.hub.lobby:
            deeds.join(Turn(self, member, now, answered, answered), ask.Join(self.hub.lobby))
        else:
            answered([])
