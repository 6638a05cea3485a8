"""What a member may ask for. An empty room is the current one; names are as they were typed."""

from dataclasses import dataclass

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Nick:
    """Take a name, the first or another one."""

    name: str


@dataclass(frozen=True, slots=True)
class Join:
    """Enter a room, and make it the current one."""

    room: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Leave a room."""

    room: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Make a room the current one."""

    room: str


@dataclass(frozen=True, slots=True)
class Talk:
    """Say a plain line in the current room."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """Say something in a room, and be told its id.

    :ivar only: ``@`` or ``+``: to those in the room with that role or a higher one.
    """

    room: str
    text: str
    tags: Tags = ()
    only: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Do something, in words: ``red waves``; in a room, or before one member if ``private``."""

    text: str
    room: str = ""
    private: bool = False
    tags: Tags = ()
    only: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to one member."""

    name: str
    text: str
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Say something that no program answers; in a room, or to one member if ``private``."""

    where: str
    text: str
    private: bool = False
    tags: Tags = ()
    only: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """Send only tags, typing for one; to a room, or to one member if ``private``."""

    where: str
    tags: Tags
    private: bool = False
    only: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """Ask for a room's topic, None; or set it, empty: take it away."""

    room: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Kick:
    """Throw somebody out of a room."""

    room: str
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Invite:
    """Invite somebody into a room."""

    name: str
    room: str


@dataclass(frozen=True, slots=True)
class Mode:
    """Ask for a room's modes, or change them: ``+o-v red blue``."""

    room: str
    changes: str = ""


@dataclass(frozen=True, slots=True)
class Modes:
    """Change one's own modes: ``+i-w``.

    :ivar granted: a door has seen the password of a server operator, who may have ``o``.
    """

    changes: str
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Away:
    """Be away, and say why; empty: be back."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Realname:
    """Have another real name."""

    text: str


@dataclass(frozen=True, slots=True)
class Host:
    """Be at another host, as a door has seen; what others see of it."""

    host: str


@dataclass(frozen=True, slots=True)
class Describe:
    """Tell something about oneself, or about a room.

    :ivar value: None: tell it no more.
    :ivar room: empty: about oneself.
    """

    key: str
    value: str | None
    room: str = ""


@dataclass(frozen=True, slots=True)
class Identify:
    """Belong to an account, whose password a door has seen; empty: to none."""

    account: str


@dataclass(frozen=True, slots=True)
class Banish:
    """Keep somebody out of the whole chat, and throw out who is in.

    :ivar seconds: for how long; 0: for ever.
    """

    mask: str
    why: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Pardon:
    """Keep them out no more."""

    mask: str


@dataclass(frozen=True, slots=True)
class Redact:
    """Take back what was said in a room, or to somebody: the message with that id.

    :ivar private: whether ``room`` is the member to whom it was said.
    """

    room: str
    id: int
    why: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class RenameRoom:
    """Give a room another name."""

    room: str
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """Ask who is in a room."""

    room: str = ""


@dataclass(frozen=True, slots=True)
class Rooms:
    """Ask what rooms there are."""


@dataclass(frozen=True, slots=True)
class History:
    """Ask for the last messages of a room."""

    room: str = ""
    count: int = 20


@dataclass(frozen=True, slots=True)
class Since:
    """Ask for what was said in a room after the message with that id."""

    id: int
    room: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """Ask for the last messages of the current room with these words."""

    words: str


@dataclass(frozen=True, slots=True)
class Ids:
    """Have events begin with their ids, or not."""

    on: bool


@dataclass(frozen=True, slots=True)
class Charset:
    """Speak another charset from now on."""

    name: str


@dataclass(frozen=True, slots=True)
class Login:
    """Prove that one owns an account."""

    account: str
    password: str


@dataclass(frozen=True, slots=True)
class Register:
    """Make an account."""

    account: str
    password: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for an answer."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """Ask what commands there are."""

    verb: str = ""


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""

    why: str = ""


#: What changes something that others hear of: what the hub makes drafts of.
Deed = (
    Nick | Join | Part | Say | Act | Tell | Notice | Tag | Topic | Kick | Invite | Mode | Modes
    | Away | Realname | Host | Describe | Identify | Redact | RenameRoom | Banish | Pardon | Quit
)  # fmt: skip
Command = (
    Deed | Use | Talk | Who | Rooms | History | Since | Search | Ids | Charset | Login | Register
    | Ping | Help
)  # fmt: skip

#: What a command costs of what one member may do, where it is not 1.
COSTS: dict[type, int] = {Join: 2, History: 10, Since: 10, Search: 10}
