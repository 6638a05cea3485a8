"""What a member sees: events and replies as lines for people, or as JSON objects."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from twisted_net.chat.client import ChatClient
from twisted_net.chat.codec.messages import (
    WHY,
    Announced,
    Done,
    Event,
    Heard,
    Kind,
    Listed,
    Missed,
    Old,
    Pong,
    Present,
    Refused,
    Reply,
    Titled,
    Usage,
    shown_id,
)
from twisted_net.chat.core.known import shown
from twisted_net.net import console
from twisted_net.net.text import safe

#: Longest message shown, in characters: all that a server of ours can send.
SHOWN = 4096


class Screen:
    """What is printed: lines for people, or JSON objects.

    Nothing that anybody said reaches the terminal as it is: it might move the cursor.

    :param announcer: who announces something; among peers it is oneself.
    """

    client: ChatClient

    def __init__(self, as_json: bool, announcer: str = "server: ") -> None:
        self._as_json = as_json
        self._announcer = announcer

    def welcome(self) -> None:
        """Say where one is, to a person."""
        where = f" in {safe(self.client.room)}" if self.client.room else ""
        click.echo(
            f"* you are {safe(self.client.name)}{where}; /help lists commands, Ctrl-D leaves",
            err=self._as_json,
        )
        for reply in self.client.greeted:
            if isinstance(reply, Old):
                self.show(reply)
            elif isinstance(reply, Done) and " kept=" in reply.about:
                kept = reply.about.partition(" kept=")[2]
                click.echo(f"* what is said here is kept for {_safe(kept)}", err=self._as_json)
            elif isinstance(reply, Done) and reply.verb == "KEY":
                click.echo(f"* your key is {shown(reply.about)}", err=self._as_json)

    def show(self, heard: Heard) -> None:
        """Print what the server said."""
        text = self._shown(heard)
        if text or self._as_json:
            console.say(text, _record(heard), self._as_json)

    def replies(self, replies: list[Reply]) -> None:
        """Print the replies to a command."""
        for reply in replies:
            self.show(reply)

    def refused(self, code: int, text: str) -> None:
        """Print why a command was refused."""
        self.show(Refused(code, text))

    def _shown(self, heard: Heard) -> str:
        match heard:
            case Event():
                return self._event(heard)
            case Refused(_, text):
                return f"! {_safe(text)}"
            case Announced(text):
                return f"* {self._announcer}{_safe(text)}"
            case Missed(count, room, more):
                shown = f"{count} or more" if more and count else count or "some"
                return f"* {shown} messages were missed{room and f' in {_safe(room)}'}"
            case Old(event):
                return _old(event, self._place(event))
            case _:
                return _reply(heard)

    def _event(self, event: Event) -> str:
        shown = _EVENTS.get(event.kind)
        return "" if shown is None else shown(event, self._place(event))

    def _place(self, event: Event) -> str:
        """Return an event's room, if it is not the one in use."""
        return "" if event.where == self.client.room else f" {_safe(event.where)}"


def _said(event: Event, place: str) -> str:
    who, text = _safe(event.sender), _safe(event.text)
    if event.private:
        return f"<{who} to you> {text}"
    here = f"[{place.strip()}] " if place else ""
    return f"{here}* {who} {text}" if event.kind is Kind.ACTED else f"{here}<{who}> {text}"


def _key(event: Event) -> str:
    """Return what is known of who came, where people prove who they are: among peers."""
    tags = dict(event.tags)
    if "key" not in tags:
        return ""
    new = "; met for the first time" if "new" in tags else ""
    return f" (key {shown(tags['key'])}{new})" if tags["key"] else " (unproven)"


def _parted(event: Event, place: str) -> str:
    why = f" ({_safe(event.text)})" if event.text else ""
    return f"* {_safe(event.sender)} left{place or ' this room'}{why}"


def _topic(event: Event, place: str) -> str:
    if not event.text:
        return f"* {_safe(event.sender)} took away the topic{place and f' of{place}'}"
    return f"* topic{place and f' of{place}'}, by {_safe(event.sender)}: {_safe(event.text)}"


def _kicked(event: Event, place: str) -> str:
    why = f" ({_safe(event.text)})" if event.text else ""
    room = place or " this room"
    return f"* {_safe(event.sender)} threw {_safe(event.other)} out of{room}{why}"


def _why(event: Event) -> str:
    why = dict(event.tags).get(WHY, "")
    return f" ({_safe(why)})" if why else ""


#: What is shown of an event, given its room if that is not the one in use.
_EVENTS: dict[Kind, Callable[[Event, str], str]] = {
    Kind.SAID: _said,
    Kind.ACTED: _said,
    Kind.NOTICED: _said,
    Kind.TOLD: lambda event, place: f"<{_safe(event.sender)} to you> {_safe(event.text)}",
    Kind.JOINED: lambda event, place: f"* {_safe(event.sender)} joined{place}{_key(event)}",
    Kind.PARTED: _parted,
    Kind.LEFT: lambda event, place: f"* {_safe(event.sender)} left ({_safe(event.text)})",
    Kind.RENAMED: lambda event, place: f"* {_safe(event.sender)} is {_safe(event.text)} now",
    Kind.TOPIC: _topic,
    Kind.KICKED: _kicked,
    Kind.MODED: lambda event, place: (
        f"* {_safe(event.sender)} set {_safe(event.text)}{place and f' in{place}'}"
    ),
    Kind.ROOM_RENAMED: lambda event, place: (
        f"* {_safe(event.sender)} calls {_safe(event.where)} {_safe(event.text)} now{_why(event)}"
    ),
    Kind.INVITED: lambda event, place: (
        f"* {_safe(event.sender)} invites you to {_safe(event.where)}: /join {_safe(event.where)}"
    ),
}


def _reply(reply: Done | Present | Listed | Titled | Pong | Usage) -> str:
    match reply:
        case Done(verb, about):
            return _done(verb, about)
        case Present(_, name, role, door, idle, key):
            may = "" if role == "-" else f"{_safe(role)}, "
            proof = "" if key is None else f", key {shown(key)}" if key else ", unproven"
            return f"  {_safe(name)} ({may}{_safe(door)}, idle {idle} s{proof})"
        case Listed(room, members, topic):
            return f"  {_safe(room)} ({members} here){topic and f': {_safe(topic)}'}"
        case Titled(room, name, topic):
            return f"* topic of {_safe(room)}, by {_safe(name)}: {_safe(topic)}"
        case Pong():
            return "* pong"
        case Usage(form, meaning):
            return f"  {_safe(form)}: {_safe(meaning)}"


def _time(number: int) -> datetime | None:
    """Return when something happened, which is part of its id; None: it is no time."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number >> 16)
        when.astimezone()
    except (OverflowError, ValueError, OSError):  # a server may name any number
        return None
    return when


def _timestamp(number: int) -> str | None:
    """Return a time as IRC says it, too: ISO 8601, UTC, milliseconds."""
    when = _time(number) if number else None
    return None if when is None else f"{when:%Y-%m-%dT%H:%M:%S}.{(number >> 16) % 1000:03d}Z"


def _old(event: Event, place: str) -> str:
    when = _time(event.id)
    if not event.text:
        event = replace(event, text="(taken back)")
    shown = _said(event, place)
    return f"{when.astimezone():%Y-%m-%d %H:%M} {shown}" if when else shown


def _done(verb: str, about: str) -> str:
    """Return what a person is told when a command was obeyed; mostly nothing."""
    word, _, rest = about.partition(" ")
    match verb:
        case "JOIN":
            members, _, kept = rest.partition(" kept=")
            kept = kept and f"; what is said is kept for {_safe(kept)}"
            return f"* you are in {_safe(word)} ({_safe(members)} here){kept}"
        case "MODE":
            return f"* modes of {_safe(word)}: {_safe(rest)}"
        case "AWAY":
            return "* you are away" if about else "* you are back"
        case "NICK":
            return f"* you are {_safe(word)} now"
        case "PART":
            return f"* you left {_safe(word)}"
        case "USE":
            return f"* what you type is said in {_safe(word)}"
        case _:
            return ""


def _safe(text: str) -> str:
    return safe(text, SHOWN)


def _record(heard: Heard) -> dict[str, Any]:
    """Return what JSON says: the kind, then the fields by their names."""
    if isinstance(heard, Old):
        return {**_record(heard.event), "old": True}
    if not isinstance(heard, Event):
        record = {"kind": type(heard).__name__.lower(), **asdict(heard)}
        if isinstance(heard, Present) and heard.key is None:
            del record["key"]
        return record
    tags = dict(heard.tags)
    return {
        "kind": heard.kind.name.lower(),
        "id": shown_id(heard.id) if heard.id else None,
        "time": _timestamp(heard.id),
        "where": heard.where,
        "sender": heard.sender,
        "text": heard.text,
        **({"other": heard.other} if heard.other else {}),
        **({"key": tags["key"]} if "key" in tags else {}),
    }
