"""What neighbours on a network without a server are called in the chat."""

from typing import Any

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import MAX_NAME, MAX_NAME_BYTES, checked_name

#: What everybody's names end with: no other door lets anybody have such a name.
SUFFIX = "@ipmsg"


def member_name(wanted: str, end: str = "") -> str:
    """Return a name as the chat has them, as like as can be to what somebody is called.

    >>> member_name("Red (lab 3)"), member_name("小红", "-2")
    ('Red__lab_3@ipmsg', '小红-2@ipmsg')
    """
    name = ""
    for character in wanted.strip():
        try:
            name += checked_name(character)
        except Refusal:
            name += "_"
    name = name.strip("_") or "somebody"
    most = MAX_NAME - len(end) - len(SUFFIX)
    name = name[:most]
    while len(f"{name}{end}{SUFFIX}".encode()) > MAX_NAME_BYTES:
        name = name[:-1]
    return f"{name}{end}{SUFFIX}"


def free_name(hub: Hub[Any], wanted: str) -> str:
    """Return a name that nobody has, like the one wanted; empty: there is none."""
    for number in range(1, 10):
        name = member_name(wanted, "" if number == 1 else f"-{number}")
        try:
            return hub.free(name, "@")
        except Refusal as refusal:
            if refusal.why is not Why.TAKEN and refusal.code is not Code.TAKEN:
                return ""
    return ""
