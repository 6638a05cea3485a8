"""What a member sees: events and replies as lines for people, or as JSON objects."""

from dataclasses import asdict
from typing import Any

import click

from twisted_net.chat.client import ChatClient
from twisted_net.chat.codec.messages import (
    Done,
    Event,
    Heard,
    Kind,
    Listed,
    Missed,
    Notice,
    Pong,
    Present,
    Refused,
    Reply,
    Usage,
    shown_id,
)
from twisted_net.net import console
from twisted_net.net.text import safe

#: Longest message shown, in characters: all that a server of ours can send.
SHOWN = 4096


class Screen:
    """What is printed: lines for people, or JSON objects.

    Nothing that anybody said reaches the terminal as it is: it might move the cursor.
    """

    client: ChatClient

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def welcome(self) -> None:
        """Say where one is, to a person."""
        where = f" in {safe(self.client.room)}" if self.client.room else ""
        click.echo(
            f"* you are {safe(self.client.name)}{where}; /help lists commands, Ctrl-D leaves",
            err=self._as_json,
        )

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
            case Notice(text):
                return f"* server: {_safe(text)}"
            case Missed(count):
                return f"* {count} messages were missed"
            case Done(verb, about):
                return _done(verb, about)
            case Present(_, name, _, door, idle):
                return f"  {_safe(name)} ({_safe(door)}, idle {idle} s)"
            case Listed(room, members):
                return f"  {_safe(room)} ({members} here)"
            case Pong():
                return "* pong"
            case Usage(form, meaning):
                return f"  {_safe(form)}: {_safe(meaning)}"

    def _event(self, event: Event) -> str:
        who, text = _safe(event.sender), _safe(event.text)
        here = "" if event.where == self.client.room else f"[{_safe(event.where)}] "
        place = "" if event.where == self.client.room else f" {_safe(event.where)}"
        match event.kind:
            case Kind.SAID:
                return f"{here}<{who}> {text}"
            case Kind.ACTED:
                return f"{here}* {who} {text}"
            case Kind.TOLD:
                return f"<{who} to you> {text}"
            case Kind.JOINED:
                return f"* {who} joined{place}"
            case Kind.PARTED:
                return f"* {who} left{place or ' this room'}"
            case Kind.LEFT:
                return f"* {who} left ({text})"
            case Kind.RENAMED:
                return f"* {who} is {text} now"


def _done(verb: str, about: str) -> str:
    """Return what a person is told when a command was obeyed; mostly nothing."""
    word, _, rest = about.partition(" ")
    match verb:
        case "JOIN":
            return f"* you are in {_safe(word)} ({_safe(rest)} here)"
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
    if not isinstance(heard, Event):
        return {"kind": type(heard).__name__.lower(), **asdict(heard)}
    return {
        "kind": heard.kind.name.lower(),
        "id": shown_id(heard.id) if heard.id else None,
        "where": heard.where,
        "sender": heard.sender,
        "text": heard.text,
    }
