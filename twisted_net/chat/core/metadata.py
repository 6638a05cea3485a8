"""What members and rooms tell about themselves: keys and values (IRCv3 draft/metadata-2).

Those of a room are its operators' to set, and those of a member their own. It is a part of the
hub's state as a topic is: set by events, the same on all nodes.
"""

import re

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import refuse_controls, unformatted

#: Keys of one member or room, the letters of one, and the bytes of a value: with all that goes
#: before it, that fits one line of IRC.
MAX_KEYS = 20
MAX_KEY = 32
MAX_VALUE = 240

#: What a tag of an event begins with that brings a value along.
TAG = "metadata/"

_KEY = re.compile(rf"[a-z0-9_./-]{{1,{MAX_KEY}}}")


def is_key(text: str) -> bool:
    """Say whether there may be such a key."""
    return _KEY.fullmatch(text) is not None


def refuse_change(held: dict[str, str], key: str, value: str | None) -> None:
    """Refuse a change that cannot be.

    :param value: None: the key is taken away.
    :raises Refusal: it is no key, no value, not set, or one too many.
    """
    if not is_key(key):
        raise Refusal(Code.INVALID, f"key: 1-{MAX_KEY} of a-z, 0-9, _./-", Why.BAD_NAME)
    if value is None:
        if key not in held:
            raise Refusal(Code.UNKNOWN, "key not set", Why.NOT_THERE)
        return
    refuse_controls(value if value.isprintable() else unformatted(value))
    if len(value.encode()) > MAX_VALUE:
        raise Refusal(Code.INVALID, f"value: at most {MAX_VALUE} bytes", Why.BAD_TEXT)
    if key not in held and len(held) >= MAX_KEYS:
        raise Refusal(Code.FORBIDDEN, "metadata limit reached", Why.LIST_FULL)


def change(held: dict[str, str], key: str, value: str | None) -> None:
    """Set a key, or take it away."""
    if value is None:
        del held[key]
    else:
        held[key] = value


def tagged(held: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return tags that bring all of it along."""
    return tuple((f"{TAG}{key}", value) for key, value in held.items())


def untagged(tags: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return what tags bring along."""
    found: dict[str, str] = {}
    for name, value in tags:
        if name.startswith(TAG):
            found[name.removeprefix(TAG)] = value
    return found
