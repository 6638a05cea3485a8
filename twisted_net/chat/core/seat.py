"""A seat: one connection's place in the chat, and what each command does there.

The same for every door: a door turns its bytes into commands, and what comes back into bytes.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from twisted_net.chat.codec.line import usages
from twisted_net.chat.codec.messages import (
    Act,
    Code,
    Command,
    Done,
    Help,
    Join,
    Kind,
    Listed,
    Nick,
    Part,
    Ping,
    Pong,
    Present,
    Quit,
    Refusal,
    Reply,
    Rooms,
    Say,
    Talk,
    Tell,
    Use,
    Who,
    shown_id,
)
from twisted_net.chat.core.hub import Delivery, Hub, Member
from twisted_net.chat.core.ident import folded

O = TypeVar("O")  # noqa: E741 - the outlet, whatever the doors make of it


@dataclass(frozen=True, slots=True)
class Outcome(Generic[O]):
    """What a command led to.

    :ivar replies: for whoever gave the command.
    :ivar deliveries: for all who hear of it.
    :ivar over: the member has left.
    """

    replies: list[Reply]
    deliveries: list[Delivery[O]]
    over: bool = False


class Seat(Generic[O]):
    """One connection's place.

    :ivar member: who sits there; None before a name was chosen, and after leaving.
    :ivar current: the room in which plain lines are said; empty: none.
    """

    def __init__(self, hub: Hub[O], outlet: O, door: str) -> None:
        self.member: Member[O] | None = None
        self.current = ""
        self._hub = hub
        self._outlet = outlet
        self._door = door

    def obey(self, command: Command, now: float) -> Outcome[O]:
        """Do what a command says.

        :raises Refusal: it cannot be done; nothing has changed.
        """
        match command:
            case Nick(name):
                return self._nick(name, now)
            case Ping(token):
                return Outcome([Pong(token)], [])
            case Help(verb):
                return Outcome([*usages(verb), Done("HELP")], [])
            case Quit():
                return Outcome([Done("BYE")], self.leave("quit", now), over=True)
        if self.member is None:
            raise Refusal(Code.NAMELESS, "choose a name first: NICK <name>")
        return self._obey(self.member, command, now)

    def claim(self, name: str, now: float) -> str:
        """Take a name, and enter no room yet; return the name as it is shown.

        :raises Refusal: it is no name, or it is taken.
        """
        self.member = self._hub.enter(name, self._outlet, self._door, now)
        return self.member.name

    def arrive(self, now: float) -> Outcome[O]:
        """Enter the lobby, if there is one."""
        if self.member is None or not self._hub.lobby:
            return Outcome([], [])
        return self._join(self.member, self._hub.lobby, now)

    def leave(self, why: str, now: float) -> list[Delivery[O]]:
        """Give the seat up; nothing where nobody sat."""
        member, self.member = self.member, None
        return [] if member is None else self._hub.leave(member, why, now)

    def _obey(
        self,
        member: Member[O],
        command: Join | Part | Use | Talk | Say | Act | Tell | Who | Rooms,
        now: float,
    ) -> Outcome[O]:
        match command:
            case Join(room):
                return self._join(member, room, now)
            case Part(room):
                return self._part(member, room or self.current, now)
            case Use(room):
                self.current = self._hub.inside(member, room).name
                return Outcome([Done("USE", self.current)], [])
            case Talk(text):
                return self._say(member, "", text, now, Kind.SAID)
            case Say(room, text):
                return self._say(member, room, text, now, Kind.SAID)
            case Act(text, room):
                return self._say(member, room, text, now, Kind.ACTED)
            case Tell(name, text):
                made = self._hub.tell(member, name, text, now)
                return Outcome([_numbered("TELL", made)], made)
            case Who(room):
                return self._who(room or self.current, now)
            case Rooms():
                return self._rooms()

    def _nick(self, name: str, now: float) -> Outcome[O]:
        if self.member is not None:
            made = self._hub.rename(self.member, name, now)
            return Outcome([Done("NICK", self.member.name)], made)
        named = Done("NICK", self.claim(name, now))
        arrived = self.arrive(now)
        return Outcome([named, *arrived.replies], arrived.deliveries)

    def _join(self, member: Member[O], room: str, now: float) -> Outcome[O]:
        made = self._hub.join(member, room, now)
        joined = self._hub.inside(member, room)
        self.current = joined.name
        return Outcome([Done("JOIN", f"{joined.name} {len(joined.all)}")], made)

    def _part(self, member: Member[O], room: str, now: float) -> Outcome[O]:
        parted = self._named(member, room)
        made = self._hub.part(member, parted, now)
        if folded(parted) == folded(self.current):
            # Back to the room entered last: what is typed next is not said into the void.
            self.current = next((each.name for each in reversed(member.rooms.values())), "")
        return Outcome([Done("PART", parted)], made)

    def _say(self, member: Member[O], room: str, text: str, now: float, kind: Kind) -> Outcome[O]:
        room = self._named(member, room or self.current)
        made = self._hub.say(member, room, text, now, kind)
        return Outcome([_numbered("SAY" if kind is Kind.SAID else "ME", made)], made)

    def _who(self, room: str, now: float) -> Outcome[O]:
        if not room:
            raise self._nowhere()
        found = self._hub.who(room)
        present: list[Reply] = [
            Present(found.name, each.name, "-", each.door, max(0, int(now - each.active)))
            for each in found.all
        ]
        return Outcome([*present, Done("WHO", str(len(present)))], [])

    def _rooms(self) -> Outcome[O]:
        rooms: list[Reply] = [Listed(each.name, len(each.all)) for each in self._hub.rooms()]
        return Outcome([*rooms, Done("ROOMS", str(len(rooms)))], [])

    def _named(self, member: Member[O], room: str) -> str:
        """Return a room's own name, of one that the member is in."""
        if not room:
            raise self._nowhere()
        return self._hub.inside(member, room).name

    def _nowhere(self) -> Refusal:
        room = self._hub.lobby or "<room>"
        return Refusal(Code.FORBIDDEN, f"not in a room: JOIN {room}")


def _numbered(verb: str, made: list[Delivery[O]]) -> Done:
    event = made[0].event
    return Done(verb, f"{event.where} {shown_id(event.id)}")
