"""What of the chat goes into its history, and when a room's is forgotten.

A room ends with its last member, unless it is kept, and whoever begins one of the same name owns
it. Where everybody could enter, and so read, the history stays. Where not everybody could, it ends
with the room: else the next one to take the name would read what was said behind a closed door.
"""

from typing import Generic

from twisted_net.chat.codec.events import Event, Kind, read_id
from twisted_net.chat.core.hub import Hub, Room
from twisted_net.chat.core.room import O
from twisted_net.chat.store.base import History, of_room, talk_of

#: Modes of rooms that not everybody may enter, or know of: accounts only, invited only, secret.
_CLOSED = frozenset("Ris")

_GOING = frozenset({Kind.PARTED, Kind.KICKED, Kind.LEFT, Kind.KEPT, Kind.MODED})


class Remembering(Generic[O]):
    """Remembers what happens in one hub."""

    def __init__(self, hub: Hub[O], history: History) -> None:
        self._hub = hub
        self._history = history
        self._closed: dict[str, None] = {}

    def ending(self, event: Event) -> list[str]:
        """Return the closed rooms that will end with an event that is about to be applied."""
        if event.kind not in _GOING or not self._closed:
            return []
        if event.kind in (Kind.KEPT, Kind.MODED):
            # It comes back, or somebody is in it; or else it ends.
            name, room = of_room(event.where), self._room(event.where)
            stays = event.private or event.text[:1] == "{" or room is None or bool(room.members)
            return [] if stays or name not in self._closed else [name]
        if event.kind is not Kind.LEFT:
            names = [event.where]
        else:
            member = self._hub.known(event.sender)
            names = [] if member is None else [room.name for room in member.rooms.values()]
        return [name for name in names if of_room(name) in self._closed and self._alone(name)]

    def remember(self, event: Event, ending: list[str]) -> None:
        """Remember an event that was applied.

        :param ending: what `ending` returned of it.
        """
        history = self._history
        other = self._hub.known(event.where) if event.private else None
        talk = talk_of(event, other.account if other else "")
        if event.kind is Kind.REDACTED and talk:
            history.redact(talk, read_id(event.other) or 0)
        elif event.kind is Kind.ROOM_RENAMED:
            self._rename(of_room(event.where), event.text)
        elif event.kind in (Kind.MODED, Kind.KEPT):
            self._note(event.where)
        if talk:
            history.add(talk, event)
        for name in ending:
            history.forget_talk(of_room(name))
            self._closed.pop(of_room(name), None)

    def _rename(self, of: str, room: str) -> None:
        self._history.rename_talk(of, room)
        if of in self._closed:
            del self._closed[of]
            self._closed[of_room(room)] = None

    def _note(self, name: str) -> None:
        of, room = of_room(name), self._room(name)
        closed = room is not None and bool(room.key or room.flags & _CLOSED)
        if closed != (of in self._closed):
            self._history.close_talk(of, closed)
            if closed:
                self._closed[of] = None
            else:
                del self._closed[of]

    def _alone(self, name: str) -> bool:
        room = self._room(name)
        return room is not None and len(room.members) == 1 and not room.founder

    def _room(self, name: str) -> Room[O] | None:
        return self._hub.known_room(name)
