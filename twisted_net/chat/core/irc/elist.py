"""Conditions of LIST (Modern, ELIST=CMNTU): names, masks, numbers of members, ages."""

from collections.abc import Sequence

from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.masks import matches
from twisted_net.chat.core.room import Room


class Wanted:
    """The rooms that somebody wants to see: all, those named, or those that fit all conditions.

    A room fits if it has one of the names or masks, if there are any.
    """

    def __init__(self, params: Sequence[str], now: float) -> None:
        self._now = now
        self._names: set[str] = set()
        self._masks: list[str] = []
        self._without: list[str] = []
        self._numbers: list[tuple[str, bool, int]] = []
        for word in ",".join(params).split(","):
            self._take(word)

    def has(self, room: Room[object]) -> bool:
        """Say whether a room is wanted."""
        channel = f"#{room.name}"
        named = folded(channel) in self._names or any(matches(m, channel) for m in self._masks)
        if (self._names or self._masks) and not named:
            return False
        if any(matches(mask, channel) for mask in self._without):
            return False
        return all(self._fits(room, *number) for number in self._numbers)

    def _take(self, word: str) -> None:
        kind = word[0].upper() if word[:1].upper() in ("C", "T") else ""
        sign, digits = word[len(kind) : len(kind) + 1], word[len(kind) + 1 :]
        if sign in ("<", ">") and digits.isascii() and digits.isdecimal() and len(digits) < 10:
            self._numbers.append((kind, sign == "<", int(digits)))
        elif word[:1] == "!":
            self._without.append(word[1:])
        elif "*" in word or "?" in word:
            self._masks.append(word)
        elif word[:1] == "#":
            self._names.add(folded(word))

    def _fits(self, room: Room[object], kind: str, less: bool, number: int) -> bool:
        if not kind:
            return len(room.members) < number if less else len(room.members) > number
        if kind == "T" and room.topic is None:
            return False
        when = room.created if kind == "C" or room.topic is None else room.topic.when
        minutes = (self._now - when) / 60
        return minutes < number if less else minutes > number
