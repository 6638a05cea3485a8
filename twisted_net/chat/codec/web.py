"""What browsers send and hear: JSON, one object a request, an answer or an event.

Events travel as server-sent events (WHATWG HTML, 9.2): ``id:`` is the event's id, with which a
browser that lost its connection says where to go on.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from twisted_net.chat.codec import replies as tell
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.events import Event, shown_id
from twisted_net.chat.codec.multiline import LINES
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.codec.replies import Refused, Reply
from twisted_net.chat.codec.requests import Command
from twisted_net.chat.codec.texts import plain, refuse_controls

#: A comment, which keeps what is between us and the browser from taking us for dead.
BEAT = b":\n\n"

#: How long a browser waits before it connects again, in milliseconds.
RETRY = b"retry: 2000\n\n"

#: What a browser is told that missed events which nobody has any more: it asks for history.
MISSED = b"event: missed\ndata: {}\n\n"


def here(id: str) -> bytes:
    """Return what tells a browser where it is, though it has heard nothing yet."""
    return b"id: %b\n\n" % id.encode()


_OPTIONAL = ("private", "other", "account")


def event(happened: Event) -> dict[str, Any]:
    """Return an event as browsers know it; what is empty is left out."""
    made: dict[str, Any] = {
        "id": shown_id(happened.id),
        "kind": happened.kind.name.lower(),
        "where": happened.where,
        "sender": happened.sender,
        "text": plain(happened.text),
    }
    made |= {name: value for name in _OPTIONAL if (value := getattr(happened, name))}
    tags = {name: value for name, value in happened.tags if name != LINES}
    if tags:
        made["tags"] = tags
    return made


def rendered(happened: Event) -> bytes:
    """Return an event as a piece of the event stream."""
    return b"id: %b\ndata: %b\n\n" % (shown_id(happened.id).encode(), dumped(event(happened)))


def dumped(made: Mapping[str, Any]) -> bytes:
    """Return an object in one line; what would end a script or a line is escaped."""
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    for sign in ("<", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode()


def answered(replies: list[Reply | Refused]) -> dict[str, Any]:
    """Return what a command was answered, as one object."""
    made: dict[str, Any] = {}
    for reply in replies:
        _ADD[type(reply)](made, reply)
    return made


def refused(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal."""
    return {"error": int(refusal.code), "text": refusal.text}


def _done(made: dict[str, Any], reply: tell.Done) -> None:
    made["done"] = reply.verb.lower()
    if reply.verb == "NICK":
        made["name"] = reply.about
    elif reply.verb in ("SAY", "TELL", "ME"):
        made["where"], _, made["id"] = reply.about.rpartition(" ")
    elif reply.verb == "JOIN":
        room, _, kept = reply.about.partition(" ")
        made["room"], made["kept"] = room, kept.partition("kept=")[2]
    elif reply.about:
        made["about"] = reply.about


def _present(made: dict[str, Any], reply: tell.Present) -> None:
    made.setdefault("members", []).append(
        {"name": reply.name, "role": reply.role, "door": reply.door, "idle": reply.idle}
    )


def _listed(made: dict[str, Any], reply: tell.Listed) -> None:
    made.setdefault("rooms", []).append(
        {"room": reply.room, "members": reply.members, "topic": reply.topic}
    )


def _titled(made: dict[str, Any], reply: tell.Titled) -> None:
    made["topic"] = {"text": reply.topic, "by": reply.name}


def _old(made: dict[str, Any], reply: tell.Old) -> None:
    made.setdefault("events", []).append(event(reply.event))


def _refused(made: dict[str, Any], reply: Refused) -> None:
    made["refused"] = {"error": reply.code, "text": reply.text}


def _nothing(made: dict[str, Any], reply: object) -> None:
    """Leave out what no browser asks for."""


_ADD: dict[type, Callable[[dict[str, Any], Any], None]] = {
    tell.Done: _done,
    tell.Present: _present,
    tell.Listed: _listed,
    tell.Titled: _titled,
    tell.Old: _old,
    tell.Refused: _refused,
    tell.Pong: _nothing,
    tell.Usage: _nothing,
}


# Requests.

#: What a request must and may say, and the command made of that.
_Form = tuple[tuple[str, ...], tuple[str, ...], Callable[..., Command]]

FORMS: dict[str, _Form] = {
    "enter": (("name",), ("password",), lambda name, password="": ask.Nick(name)),
    "nick": (("name",), (), ask.Nick),
    "say": (("room", "text"), (), ask.Say),
    "act": (("room", "text"), (), lambda room, text: ask.Act(text, room)),
    "tell": (("name", "text"), (), ask.Tell),
    "join": (("room",), ("key",), ask.Join),
    "part": (("room",), ("why",), ask.Part),
    "topic": (("room",), ("text",), ask.Topic),
    "mode": (("room",), ("changes",), ask.Mode),
    "kick": (("room", "name"), ("why",), ask.Kick),
    "invite": (("name", "room"), (), ask.Invite),
    "away": ((), ("text",), ask.Away),
    "login": (("account", "password"), (), ask.Login),
    "register": (("account", "password"), (), ask.Register),
    "leave": ((), ("why",), ask.Quit),
}


def asked(verb: str, body: bytes) -> tuple[Command, dict[str, str]]:
    """Return the command that a request stands for, and the fields that it was made of.

    :raises Refusal: there is no such request, or it does not say what it must, or more.
    """
    form = FORMS.get(verb)
    if form is None:
        raise Refusal(Code.UNKNOWN, "no such request")
    needed, may, make = form
    fields = object_in(body)
    if not set(needed) <= set(fields) <= {*needed, *may}:
        wanted = [f'"{name}": text' for name in needed]
        raise Refusal(Code.BAD, f"{verb} wants: {{{', '.join(wanted)}}}")
    return make(**fields), fields


def object_in(body: bytes) -> dict[str, str]:
    """Return the object that a request's body is: names and texts.

    :raises Refusal: it is none.
    """
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(Code.BAD, "not JSON") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise Refusal(Code.BAD, 'need an object of texts, {"name": "text"}')
    for text in (*found, *found.values()):
        refuse_controls(text)
    return found
