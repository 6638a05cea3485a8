"""Events as bytes, as nodes send them to each other. Pure.

A JSON list that begins with the number of this form: a node of a later version may know more kinds
and fields, and what this one does not know it must not guess at.
"""

import json
from dataclasses import replace

from twisted_net.chat.codec.events import Event, Kind

_FORM = 1


def packed(draft: Event) -> bytes:
    """Write an event without its id, which the bus gives it."""
    fields = [
        _FORM,
        draft.kind.name,
        draft.where,
        draft.sender,
        draft.text,
        draft.private,
        draft.other,
        draft.by,
        draft.account,
        draft.mask,
        draft.tags,
        draft.only,
    ]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def unpacked(number: int, data: bytes) -> Event:
    """Read an event.

    :raises ValueError: nobody of ours wrote that, or a node of a later version.
    """
    try:
        form, kind, where, sender, text, private, other, by, account, mask, tags, only = json.loads(
            data
        )
        event = Event(number, Kind[kind], where, sender, text, private, other, by, account, mask)
        event = replace(event, tags=tuple((name, value) for name, value in tags), only=only)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no event of this version: {error}") from error
    texts = [where, sender, text, other, by, account, mask, only]
    texts += [word for pair in event.tags for word in pair]
    right = all(isinstance(each, str) for each in texts) and isinstance(private, bool)
    if form != _FORM or not right:
        raise ValueError("no event of this version")
    return event
