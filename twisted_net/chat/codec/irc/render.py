"""Events as IRC messages: one `IrcProfile` for each way of writing them, shared by all who have it.

What a client has not asked for is left out: tags it does not know, and events that only newer
clients understand, which become nothing at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from twisted_net.chat.codec.events import MESSAGES, NODE_LOST, WHY, Event, Kind, shown_id
from twisted_net.chat.codec.irc.wire import MAX_MESSAGE, write_tags
from twisted_net.chat.codec.multiline import Piece, pieces_of
from twisted_net.chat.codec.texts import split

#: The capabilities that change how an event is written, or whether it is.
CHANGING = frozenset(
    {
        "account-notify",
        "account-tag",
        "away-notify",
        "chghost",
        "draft/channel-rename",
        "draft/message-redaction",
        "draft/multiline",
        "echo-message",
        "extended-join",
        "invite-notify",
        "message-tags",
        "server-time",
        "setname",
    }
)

#: What is written only for those who asked for it.
_ASKED_FOR = {
    Kind.ACCOUNT: "account-notify",
    Kind.AWAY: "away-notify",
    Kind.REALNAME: "setname",
    Kind.REDACTED: "draft/message-redaction",
    Kind.ROOM_RENAMED: "draft/channel-rename",
    Kind.TAGGED: "message-tags",
}

#: What a bot's events carry (IRCv3 bot-mode), and how that is kept in an event.
BOT = "bot"

#: What somebody who enters a room has: kept beside the tags.
REALNAME = "realname"
IS_AWAY = "away"

#: The capability and the batch of messages of several lines, and the tag of a piece that goes on in
#: the line of the one before it.
MULTILINE = "draft/multiline"
CONCAT = "draft/multiline-concat"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_CTCP = "\x01"

#: Bytes of a character, at most, in any charset that is spoken here.
_WIDEST = 4

#: Why members of a node that died have left, in words by which clients know a split of the network
#: and show all of them in one line (ircu's HEAD_IN_SAND_NET, which hides the servers' names).
#: Nobody can say that themselves: their reasons begin with ``Quit``.
_SPLIT = "*.net *.split"

#: What members hear of their own doing anyway. That they are away a numeric tells them, and that
#: they have left an ERROR.
_OWN = frozenset(Kind) - MESSAGES - {Kind.AWAY, Kind.LEFT}

#: What somebody's modes in a room are called, by the signs of their role.
_LETTERS = {"@": "o", "+": "v", "@+": "ov"}


class Profile(Protocol):
    """A way of writing events."""

    @property
    def echoes(self) -> frozenset[Kind]:
        """What members hear of their own doing."""

    def render(self, event: Event) -> bytes:
        """Write an event."""


class IrcProfile:
    """One way of writing events; compared by identity, so made by `profile_of` alone.

    :ivar echoes: what members hear of their own doing: all that changes something, and with
        ``echo-message`` what they say.
    """

    def __init__(self, capabilities: frozenset[str], charset: str) -> None:
        echoes = _OWN | MESSAGES if "echo-message" in capabilities else _OWN
        self._rehosts = "chghost" in capabilities
        self.echoes: frozenset[Kind] = echoes if self._rehosts else echoes - {Kind.HOST}
        self.charset = charset
        self._capabilities = capabilities
        self._time = "server-time" in capabilities
        self._tags = "message-tags" in capabilities
        self._account = "account-tag" in capabilities
        self._multiline = "draft/multiline" in capabilities

    def render(self, event: Event) -> bytes:
        """Write an event; nothing where this client does not want to hear of it."""
        needed = _ASKED_FOR.get(event.kind)
        if event.kind is Kind.INVITED and event.only:
            needed = "invite-notify"  # to those who are in the room already
        if needed is not None and needed not in self._capabilities:
            return b""
        writer = _WRITERS.get(event.kind)
        if writer is None:
            return b""
        if event.kind in _SPOKEN:
            return self._spoken(event)
        if event.kind is Kind.HOST and (event.where or not self._rehosts):
            return self._again(event)
        source = source_of(event)
        line = f"{self._tagged(event)}:{source} {writer(event, self._capabilities)}\r\n"
        if event.kind is Kind.JOINED and "away-notify" in self._capabilities:
            away = dict(event.tags).get(IS_AWAY)
            line += f":{source} AWAY :{away}\r\n" if away else ""
        return line.encode(self.charset, "replace")

    def _again(self, event: Event) -> bytes:
        """Write another host for who does not understand that: they go, and come again."""
        if self._rehosts:
            return b""
        if not event.where:
            return self.render(replace(event, kind=Kind.LEFT, text="Changing host"))
        lines = self.render(replace(event, kind=Kind.JOINED, id=0))  # an id names one line
        letters = _LETTERS.get(event.other, "")
        if letters:
            modes = " ".join([f"MODE #{event.where} +{letters}", *[event.sender] * len(letters)])
            lines += f"{modes}\r\n".encode(self.charset, "replace")
        return lines

    def announced(self, text: str) -> bytes:
        """Write what the server says in its own name, to whoever reads it."""
        return f"NOTICE * :{text}\r\n".encode(self.charset, "replace")

    def _spoken(self, event: Event) -> bytes:
        """Write a text, over several lines if it must; only the first one carries the id."""
        start = f":{source_of(event)} {_SPOKEN[event.kind]} {target_of(event)} :"
        acted = event.kind is Kind.ACTED
        before, after = (f"{_CTCP}ACTION ", _CTCP) if acted else ("", "")
        room = MAX_MESSAGE - 2 - len((start + before + after).encode(self.charset, "replace"))
        if not event.tags and len(event.text) * _WIDEST <= room:  # as most are
            line = f"{self._tagged(event)}{start}{before}{event.text}{after}\r\n"
            return line.encode(self.charset, "replace")
        pieces = self._pieces(event, room)
        if len(pieces) > 1 and self._multiline and not acted:
            return self._batch(event, start, pieces)
        lines = []
        for number, part in enumerate([part for part, _ in pieces if part] or [""]):
            tags = self._tagged(event, whole=number == 0)
            lines.append(f"{tags}{start}{before}{part}{after}\r\n")
        return "".join(lines).encode(self.charset, "replace")

    def _pieces(self, event: Event, room: int) -> list[Piece]:
        """Return the pieces of a text, as it was said and as they fit lines."""
        return [
            (part, joined or number > 0)
            for piece, joined in pieces_of(event.text, event.tags)
            for number, part in enumerate(split(piece, room, self.charset, whole=self._multiline))
        ]

    def _batch(self, event: Event, start: str, pieces: list[Piece]) -> bytes:
        """Write a text as one message of several lines (IRCv3 draft/multiline)."""
        name, source = f"m{event.id:x}", source_of(event)
        opening = f"{self._tagged(event)}:{source} BATCH +{name} {MULTILINE} {target_of(event)}\r\n"
        tags = (write_tags([("batch", name)]), write_tags([("batch", name), (CONCAT, "")]))
        lines = [f"{tags[joined]}{start}{part}\r\n" for part, joined in pieces]
        whole = f"{opening}{''.join(lines)}:{source} BATCH -{name}\r\n"
        return whole.encode(self.charset, "replace")

    def _tagged(self, event: Event, whole: bool = True) -> str:
        tags: list[tuple[str, str]] = []
        if self._time and event.id:
            tags.append(("time", time_of(event.id)))
        if self._account and event.account:
            tags.append(("account", event.account))
        if self._tags:
            if event.id and whole:
                tags.append(("msgid", shown_id(event.id)))
            tags += [tag for tag in event.tags if tag[0][0] == "+" or tag[0] == BOT]
        return write_tags(tags) if tags else ""


@lru_cache(maxsize=4096)
def _interned(capabilities: frozenset[str], charset: str) -> IrcProfile:
    return IrcProfile(capabilities, charset)


def profile_of(capabilities: set[str], charset: str = "utf-8") -> IrcProfile:
    """Return the profile of all who have these capabilities, as far as they change anything."""
    return _interned(frozenset(capabilities & CHANGING), charset)


def time_of(number: int) -> str:
    """Return when an event happened (IRCv3 server-time).

    >>> time_of(1767225600123 << 16 | 4)
    '2026-01-01T00:00:00.123Z'
    """
    milliseconds = number >> 16
    seconds = EPOCH + timedelta(seconds=milliseconds // 1000)
    return f"{seconds:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def source_of(event: Event) -> str:
    """Return who did it, as ``name!user@host``."""
    return f"{event.sender}!{event.mask}" if event.mask else event.sender


def target_of(event: Event) -> str:
    """Return to whom it was said: a member, a channel, or those in it with a role."""
    return event.where if event.private else f"{event.only}#{event.where}"


_SPOKEN: Mapping[Kind, str] = {
    Kind.SAID: "PRIVMSG",
    Kind.TOLD: "PRIVMSG",
    Kind.ACTED: "PRIVMSG",
    Kind.NOTICED: "NOTICE",
}

_Writer = Callable[[Event, frozenset[str]], str]


def _joined(event: Event, capabilities: frozenset[str]) -> str:
    if "extended-join" in capabilities:
        return f"JOIN #{event.where} {event.account or '*'} :{dict(event.tags).get(REALNAME, '')}"
    return f"JOIN #{event.where}"


def _with_reason(start: str, reason: str) -> str:
    return f"{start} :{reason}" if reason else start


_WRITERS: Mapping[Kind, _Writer] = {
    **dict.fromkeys(_SPOKEN, lambda event, _: ""),
    Kind.TAGGED: lambda event, _: f"TAGMSG {target_of(event)}",
    Kind.JOINED: _joined,
    Kind.PARTED: lambda event, _: _with_reason(f"PART #{event.where}", event.text),
    Kind.LEFT: lambda event, _: f"QUIT :{_SPLIT if event.text == NODE_LOST else event.text}",
    Kind.RENAMED: lambda event, _: f"NICK {event.text}",
    Kind.TOPIC: lambda event, _: f"TOPIC #{event.where} :{event.text}",
    Kind.KICKED: lambda event, _: f"KICK #{event.where} {event.other} :{event.text}",
    Kind.MODED: lambda event, _: f"MODE {_moded(event)} {event.text}",
    Kind.INVITED: lambda event, _: f"INVITE {event.other} #{event.where}",
    Kind.AWAY: lambda event, _: _with_reason("AWAY", event.text),
    Kind.ACCOUNT: lambda event, _: f"ACCOUNT {event.text or '*'}",
    Kind.REALNAME: lambda event, _: f"SETNAME :{event.text}",
    Kind.HOST: lambda event, _: f"CHGHOST {event.mask.partition('@')[0]} {event.text}",
    Kind.REDACTED: lambda event, _: _with_reason(
        f"REDACT {target_of(event)} {event.other}", event.text
    ),
    Kind.ROOM_RENAMED: lambda event, _: (
        f"RENAME #{event.where} #{event.text} :{dict(event.tags).get(WHY, '')}"
    ),
}


def _moded(event: Event) -> str:
    return event.sender if event.private or not event.where else f"#{event.where}"
