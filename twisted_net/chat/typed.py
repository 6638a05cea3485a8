"""What is typed at ``netdemo chat``: commands with a slash, and all else is said."""

import re

from twisted_net.chat.codec import line as codec
from twisted_net.chat.codec.messages import Command, Help, Reply, Talk, Usage


def parse(text: str) -> Command | None:
    """Read a line as it is typed here, where a word in capitals is no command.

    :raises Refusal: it is a command, and wrong.
    """
    text = text.expandtabs()
    if not text.startswith("/"):
        return Talk(text) if text.strip() else None
    word, space, rest = text.partition(" ")
    if word.lower() == "/msg":
        word = "/tell"
    return codec.parse((word + space + rest).encode("utf-8", "surrogateescape"))


#: What is no command here: this client speaks UTF-8.
_NOT_HERE = "CHARSET "


def usages_of(command: Help) -> list[Reply]:
    """Return how commands are typed here: all of them, or the one that help is wanted with."""
    verb = "tell" if command.verb.lower() in ("msg", "/msg") else command.verb
    return [_typed(each) for each in codec.usages(verb) if not each.form.startswith(_NOT_HERE)]


def _typed(usage: Usage) -> Usage:
    """Return how a command is typed here."""
    word, space, rest = usage.form.partition(" ")
    return Usage(_slashed(word) + space + rest, usage.meaning)


#: Where a refusal names a command: what it wants, and what to say instead.
_NAMED = re.compile(
    r"^[A-Z]+(?= wants: )|(?<= wants: )[A-Z]+|(?<=: )(?:JOIN|NICK|LOGIN)(?= |$)|\bHELP$"
)


def as_typed(refusal: str) -> str:
    """Return a refusal with its commands as they are typed here."""
    return _NAMED.sub(lambda match: _slashed(match[0]), refusal)


def _slashed(word: str) -> str:
    return "/msg" if word == "TELL" else f"/{word.lower()}"
