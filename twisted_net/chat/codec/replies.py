"""What whoever asked for something is told, and what a client hears."""

from dataclasses import dataclass

from twisted_net.chat.codec.events import Event


@dataclass(frozen=True, slots=True)
class Done:
    """A command was obeyed; nothing more follows about it.

    :ivar verb: the command's word: ``JOIN``.
    :ivar about: what is to be known about it: the room and how many are there.
    """

    verb: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody in a room.

    :ivar role: what they may do there: ``operator``, ``voice``; ``-``: what everybody may.
    :ivar door: the door they came by: ``tcp``, ``udp``, ``irc``.
    :ivar idle: whole seconds since they last did something.
    :ivar key: the fingerprint of the key that they have proven to have, among peers; empty: none;
        None: nobody asked for one.
    """

    room: str
    name: str
    role: str
    door: str
    idle: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A room that there is, and how many are in it."""

    room: str
    members: int
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Titled:
    """A room's topic, and who set it."""

    room: str
    name: str
    topic: str


@dataclass(frozen=True, slots=True)
class Old:
    """Something that was said before, from history."""

    event: Event


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """A command that there is."""

    form: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What a client sees of a `Refusal`."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Announced:
    """Something the server says in its own name."""

    text: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that a client could not be sent.

    :ivar count: how many, as far as anybody knows.
    :ivar room: where, if that is known.
    :ivar more: whether it may be more than that.
    """

    count: int
    room: str = ""
    more: bool = False


Reply = Done | Present | Listed | Titled | Old | Pong | Usage
Heard = Event | Reply | Refused | Announced | Missed
