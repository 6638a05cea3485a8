"""What all IRC connections of a door share: the server's name and words, and the chat behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import Deed
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.irc.desk import AccountDesk, HistoryDesk, ProfileDesk
from twisted_net.chat.core.irc.names import Names
from twisted_net.chat.core.irc.security import Policy
from twisted_net.chat.core.room import Member

if TYPE_CHECKING:
    from twisted_net.chat.core.irc.monitor import Watches
    from twisted_net.chat.core.irc.session import Session
    from twisted_net.chat.core.irc.subscriptions import Subscriptions

#: What became of a command: the event; None, nothing changed; or why it was not obeyed.
Outcome = Event | Refusal | None
Answered = Callable[[Outcome], None]


class Post(Protocol):
    """The way to change anything, see `twisted_net.chat.post`."""

    def arrive(self, member: Any, answered: Answered) -> None:
        """Let somebody in whose name the hub keeps."""

    def submit(self, member: Any, what: Deed, now: float, answered: Answered) -> None:
        """Do what a member wants, and say what came of it."""

    def leave(self, member: Any, why: str, now: float) -> None:
        """Let somebody out."""


class Gateways(Protocol):
    """Who may say for whom they connect, see `twisted_net.chat.gateways`."""

    def knows(self, host: str) -> bool:
        """Say whether there may be a gateway at an address."""

    def check(self, host: str, password: str, told: Callable[[bool], None]) -> None:
        """Tell, now or later, whether this is the password of a gateway at that address."""


#: Checks a name and a password, and tells what came of it, now or later.
Check = Callable[[str, str, Callable[[bool], None]], None]


class Guesses(Protocol):
    """Wrong passwords by address; see `twisted_net.chat.accounts.penalties`."""

    def wait(self, host: str, now: float) -> float:
        """Return the seconds until an address may try."""

    def take(self, host: str, now: float) -> bool:
        """Count a try."""

    def give_back(self, host: str, now: float) -> None:
        """Do not count a try: it was right."""


def _nothing() -> None:
    """There is nothing to read anew."""


def _at_once(work: Callable[[], None]) -> None:
    """Do it now."""
    work()


@dataclass(slots=True)
class IrcServer:
    """A server as IRC's clients see it.

    :ivar name: what its lines come from.
    :ivar started: when, in seconds since 1970.
    :ivar password: what every client has to say; empty: nothing.
    :ivar motd: the message of the day, in lines.
    :ivar capabilities: those offered, with their values.
    :ivar kept: how long history is kept, as members are told; empty: for ever.
    :ivar secret: what hosts are hidden with, at most 64 bytes.
    :ivar longest: bytes of an answer that may be very long, of WHO or LIST.
    :ivar accounts: who has one; None: nobody.
    :ivar history: what was said; None: nothing is kept.
    :ivar profiles: what accounts tell about themselves; None: nobody remembers that.
    :ivar guesses: who has guessed too many passwords has to wait; None: nobody has.
    :ivar operators: checks the name and the password of a server operator; None: there are none.
    :ivar policy: how clients are to come from now on; None: as they like.
    :ivar gateways: who may say for whom they connect; None: nobody.
    :ivar reread: reads the files of operators and gateways anew; raises ValueError.
    :ivar soon: does something in the next turn, before which all others are served.
    :ivar sessions: those that have been let in, by the keys of their members.
    :ivar watches: who wants to know who comes and goes.
    :ivar subscriptions: who wants to know of which metadata.
    :ivar names: who is in which room, as clients are told.
    :ivar waiting: connections that have not been let in yet.
    :ivar most: members there ever were at one time.
    """

    hub: Hub[Any]
    post: Post
    name: str
    network: str
    version: str
    started: float
    password: str = ""
    motd: tuple[str, ...] = ()
    capabilities: Mapping[str, str] = field(default_factory=dict)
    kept: str = ""
    secret: bytes = b""
    longest: int = 131072
    accounts: AccountDesk | None = None
    history: HistoryDesk | None = None
    profiles: ProfileDesk | None = None
    guesses: Guesses | None = None
    operators: Check | None = None
    policy: Policy | None = None
    gateways: Gateways | None = None
    reread: Callable[[], None] = _nothing
    soon: Callable[[Callable[[], None]], object] = _at_once
    sessions: "dict[str, Session]" = field(default_factory=dict)
    watches: "Watches" = field(init=False)
    subscriptions: "Subscriptions" = field(init=False)
    names: Names = field(default_factory=Names)
    waiting: int = 0
    most: int = 0

    def offered(self, secure: bool, fingerprint: str) -> Mapping[str, str]:
        """Return the capabilities that a client may have, with their values."""
        offered = dict(self.capabilities)
        if self.accounts is not None:
            offered["sasl"] = ",".join(self.accounts.mechanisms(secure, fingerprint))
            if self.accounts.open and secure:
                offered["draft/account-registration"] = "before-connect,custom-account-name"
        if self.history is not None:
            offered["draft/chathistory"] = offered["draft/event-playback"] = ""
            if self.accounts is not None:
                offered["draft/read-marker"] = ""
        return offered

    def address_for(self, session: "Session", member: Member[Any]) -> str:
        """Return the address of a member, if somebody may know it: only operators, and they."""
        theirs = self.open_to(session, member)
        return "" if theirs is None else theirs.address

    def open_to(self, session: "Session", member: Member[Any]) -> "Session | None":
        """Return a member's connection, if somebody may know of it: only operators, and they."""
        theirs = self.sessions.get(member.key)
        hidden = theirs is not session and "o" not in session.me.modes
        return None if hidden else theirs

    def is_secure(self, member: Member[Any]) -> bool:
        """Say whether nobody can listen to what a member hears, as far as is known."""
        theirs = self.sessions.get(member.key)
        return theirs is not None and theirs.tls
