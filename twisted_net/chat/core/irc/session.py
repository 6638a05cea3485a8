"""One IRC connection: who it is, and what it has agreed on.

What its commands do is in the modules beside this one, see `commands`; each of them is a function
of the session and the message.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.irc.render import MULTILINE, IrcProfile, profile_of
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import Deed
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.irc.answering import Answering
from twisted_net.chat.core.irc.answers import MAX_LABEL, Answer
from twisted_net.chat.core.irc.batch import Batch
from twisted_net.chat.core.irc.capabilities import Capabilities
from twisted_net.chat.core.irc.connection import Line
from twisted_net.chat.core.irc.desk import AccountDesk, HistoryDesk
from twisted_net.chat.core.irc.security import Policy
from twisted_net.chat.core.irc.server import IrcServer, Outcome
from twisted_net.chat.core.room import Member


@dataclass(slots=True)
class Claim:
    """What a client has said of itself before it was let in.

    :ivar nick: the name asked for; empty: none yet, or it was refused.
    :ivar password: of the server; None: none was said.
    :ivar away: why it will be away from the start; empty: it will not.
    :ivar metadata: that it has set (draft/metadata-2, before-connect).
    :ivar kept: what its account has told before; None: nobody has looked yet.
    """

    nick: str = ""
    user: str = ""
    realname: str = ""
    password: str | None = None
    away: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] | None = None


class Own:
    """The way of writing of somebody who waits for a labelled answer.

    What they did themselves belongs to the answer; all else is heard as ever.
    """

    def __init__(self, profile: IrcProfile, key: str, own: Callable[[bytes], None]) -> None:
        self.echoes = profile.echoes
        self._profile = profile
        self._key = key
        self._own = own

    def render(self, event: Event) -> bytes:
        """Write an event, or let the answer have it."""
        lines = self._profile.render(event)
        if event.by != self._key:
            return lines
        self._own(lines)
        return b""


def _nothing(event: Event | None) -> None:
    """Say nothing more."""


class Session(Answering):
    """One connection.

    :param address: of the peer, as only operators see it.
    :param secure: whether nobody can listen: TLS, or loopback.
    :param tls: whether it is TLS.
    :param fingerprint: of the certificate that the client showed; empty: it showed none.
    :param policy: how it is to come from now on; None: as it likes.
    :ivar offered: the capabilities that this client may have, with their values.
    :ivar attempt: to authenticate; None: none runs.
    :ivar markers: how far it has read, by folded targets, where no account remembers that.
    :ivar batches: that it has been sent; each has a name of its own.
    :ivar batch: of messages, that the client has begun; None: none.
    :ivar response: what the client has sent of one, if it is not complete.
    :ivar member: None before it was let in, and after it has left.
    :ivar account: the account that it has proven to own; empty: none.
    :ivar entering: who it will be when all nodes have agreed on that.
    :ivar over: whether it has left, or is about to.
    :ivar gateway: that has said who this is, as operators see it; empty: none.
    :ivar fresh: whether the message that is obeyed is the first one.
    :ivar now: when the message that is obeyed came.
    """

    def __init__(
        self,
        server: IrcServer,
        line: Line,
        address: str,
        secure: bool,
        now: float,
        tls: bool = False,
        fingerprint: str = "",
        policy: Policy | None = None,
    ) -> None:
        super().__init__(server, line)
        self.tls = tls
        self.policy = policy
        self.gateway = ""
        self.address = address
        self.secure = secure
        self.now = now
        self.showed(fingerprint)
        self.attempt: Any = None
        self.response = ""
        self.batches = 0
        self.batch: Batch | None = None
        self.markers: dict[str, int] = {}
        self.claim = Claim()
        self.member: Member[Any] | None = None
        self.account = ""
        self.entering: Member[Any] | None = None
        self.over = False
        self.fresh = True
        self._heard = False
        self._asked: deque[Answer] = deque()

    def showed(self, fingerprint: str, asked: str = "") -> None:
        """Take the fingerprint of the client's certificate, before anything was negotiated.

        :param asked: the host that it asked for, if the server's certificate may be trusted there.
        """
        self.fingerprint = fingerprint
        self.offered = dict(self.server.offered(self.secure, fingerprint))
        told = self.policy.told(self.tls, asked) if self.policy is not None else ""
        if told:
            self.offered["sts"] = told
        self.capabilities = Capabilities(self.offered)

    @property
    def hub(self) -> Hub[Any]:
        """The hub of all."""
        return self.server.hub

    @property
    def nick(self) -> str:
        """How the client is addressed: ``*`` as long as it has no name."""
        return self.member.name if self.member is not None else self.claim.nick or "*"

    @property
    def me(self) -> Member[Any]:
        """The member; asked for only by what is done after registration."""
        if self.member is None:
            raise AssertionError("the table of commands lets nobody here who is not registered")
        return self.member

    @property
    def accounts(self) -> AccountDesk:
        """Who has an account; asked for only where there are accounts."""
        if self.server.accounts is None:
            raise AssertionError("there are no accounts")
        return self.server.accounts

    @property
    def history(self) -> HistoryDesk:
        """What was said; asked for only where it is kept."""
        if self.server.history is None:
            raise AssertionError("nothing is kept")
        return self.server.history

    def begin(self, message: Message, now: float) -> None:
        """Answer this message from now on."""
        self.now = now
        self.fresh, self._heard = not self._heard, True
        label = message.tags.get("label", "") if "labeled-response" in self.capabilities else ""
        self.answer_to(message.command, label if len(label.encode()) <= MAX_LABEL else "")

    # What changes something.

    def ask(
        self,
        what: Deed,
        then: Callable[[Event | None], None] = _nothing,
        refused: Callable[[Refusal], None] | None = None,
        about: tuple[str, ...] = (),
    ) -> None:
        """Have the chat do something, now or when others agree; the answer waits for it.

        :param then: what is done then; told None if nothing had to be changed.
        :param refused: what is done if it cannot be done; else that is said.
        :param about: the words that are said with a refusal.
        """

        def told(outcome: Outcome) -> None:
            if not isinstance(outcome, Refusal):
                then(outcome)
            elif refused is not None:
                refused(outcome)
            else:
                self.refuse(outcome, *about)

        self.server.post.submit(self.me, what, self.now, self.waiting(told))

    def waiting(self, told: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        """Let the answer wait for an outcome, which is told as part of it."""
        answer, command = self._answer, self._command
        self._hold(answer)
        self._asked.append(answer)
        self.capable()

        def answered(outcome: Outcome) -> None:
            self._asked.popleft()
            with self._going_on(answer, command):
                told(outcome)
            self.capable()

        return answered

    @property
    def batches_lines(self) -> bool:
        """Whether what the client says to be part of a batch is."""
        return self.batch is not None or MULTILINE in self.capabilities

    @property
    def profile(self) -> IrcProfile:
        """How events are written for this client."""
        on = self.capabilities.on
        if MULTILINE in on and MULTILINE not in self.capabilities:
            on = on - {MULTILINE}  # it cannot be written without batches
        return profile_of(on, self.line.charset)

    def capable(self) -> None:
        """Write events as the capabilities that are on want it, and the labels that wait."""
        profile = self.profile
        waits = self.member is not None and any(answer.labelled for answer in self._asked)
        self.line.write_as(Own(profile, self.me.key, self._own) if waits else profile)

    def _own(self, lines: bytes) -> None:
        """Take what the member did itself: it answers what was asked first."""
        self._asked[0].add(lines)
