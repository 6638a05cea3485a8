"""One session at the datagram door: who sits there, and what becomes of what it says."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Protocol

from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.datagram import Key, Packet, unpacked
from twisted_net.chat.codec.messages import (
    Code,
    Event,
    Identify,
    Join,
    Kind,
    Refusal,
    Refused,
    Reply,
    Tag,
    Titled,
)
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.path import Address
from twisted_net.chat.core.room import Room
from twisted_net.chat.core.states import Came, Gap, Happening, Hinted, Opened, Resumed, Silent
from twisted_net.chat.doors.missed import Missed
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.doors.proving import Proving
from twisted_net.chat.doors.turns import Turns
from twisted_net.chat.login import Login
from twisted_net.chat.post import Outcome, Post
from twisted_net.chat.seat import Answer, Seat

_LOST = Refusal(Code.LATE, "lost on its way; nothing was done")


@dataclass(frozen=True, slots=True)
class DatagramProfile:
    """Events as datagram messages; what one said oneself comes back as a result, with its id."""

    echoes: frozenset[Kind] = frozenset()

    def render(self, event: Event) -> bytes:
        """Write an event."""
        return actions_said.told(event)

    def announced(self, text: str) -> bytes:
        """Write what the server says in its own name."""
        return actions_said.announced(text)


PROFILE = DatagramProfile()


class Host(Protocol):
    """What a guest needs of its door."""

    post: Post[Outlet]
    turns: Turns
    dice: Random

    def transmit(self, guest: "Guest") -> None:
        """Send what its session has to send."""

    def dismiss(self, guest: "Guest", refusal: Refusal) -> None:
        """End its session."""


class Guest:
    """A session's address, its seat, and the outlet of its member.

    :ivar deadline: that of its session, as of the last time that something was sent: the door
        asks all guests for it whenever its alarm rings.
    :param host: what others see of the address.
    :param hello: the packet that the session began with.
    """

    profile = PROFILE

    def __init__(
        self, door: Host, session: Session, address: Address, host: str, hello: Packet
    ) -> None:
        self.session = session
        self.address = address
        self.deadline = math.inf
        self._door = door
        self._host = host
        since = unpacked(hello.fields).get(Key.SINCE)
        self._since = None if since is None else int.from_bytes(since[:8], "big")
        self._rooms: list[Room[Outlet]] = []  # themselves: their names may change meanwhile
        self._last = b""
        self._missed = Missed(door.post.history, session, self._soon)
        self._dirty = False
        accounts = door.post.accounts
        self._proving = Proving(accounts, address[0], door.dice)
        # Passwords are never said here; it keeps the account for those who come back.
        self._login = None if accounts is None else Login(accounts, address[0], private=False)
        self._sit_down()

    def _sit_down(self) -> None:
        self.seat: Seat[Outlet] = Seat(self._door.post, self, "udp", self._host, login=self._login)

    def move(self, address: Address, host: str, now: float) -> None:
        """Be at another address from now on; the rooms hear of it if others see it."""
        self.address = address
        if host != self._host:
            self._host = host
            self.seat.move(host, now)

    def add(self, message: bytes) -> None:
        """Take an event; it goes out at the end of this turn."""
        if message[0] == actions.Action.TYPING:
            self.session.hint(message)
        else:
            for body in actions_said.parts(message):
                self.session.offer(body)
            self._last = message
        self._soon()

    def expel(self, why: str) -> None:
        """End the session, and say why."""
        self._door.dismiss(self, Refusal(Code.UNAVAILABLE, why))

    def _soon(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._door.turns.soon(self._flush)

    def _flush(self) -> None:
        self._dirty = False
        self._door.transmit(self)

    def happened(self, happening: Happening, now: float) -> None:
        """Take what its session tells; that it is over is the door's affair."""
        match happening:
            case Came(seq, body):
                self._obey(seq, body, now)
            case Hinted(body):
                self._hinted(body, now)
            case Opened():
                self.seat.arrive(now, partial(self._arrived, self.seat))
            case Gap(missing):
                for seq in missing:
                    self.session.send(actions_said.refused(_LOST, seq))
            case Silent():
                self._fell_silent(now)
            case Resumed():
                self._came_back(now)

    # What it asks for.

    def _obey(self, seq: int, body: bytes, now: float) -> None:
        if body[0] == actions.Action.LOGIN:
            self._prove(seq, actions.scram_of(body), now)
            return
        try:
            command = actions.parse(body)
        except Refusal as refusal:
            self.session.send(actions_said.refused(refusal, seq))
            return
        self.seat.obey(command, now, partial(self._answered, seq))

    def _prove(self, seq: int, message: bytes, now: float) -> None:
        """Go on with proving an account."""
        try:
            answer, proven = self._proving.take(message)
        except Refusal as refusal:
            self.session.send(actions_said.refused(refusal, seq))
            return
        member = self.seat.member
        if not proven or member is None:
            self.session.send(actions_said.proving(answer, "", seq))
            return
        account, key = self._proving.account, self._proving.key

        def identified(outcome: Outcome) -> None:
            if isinstance(outcome, Refusal):
                self.session.send(actions_said.refused(outcome, seq))
                return
            if self._login is not None:
                self._login.account = account
            self.session.send(actions_said.proving(answer, account, seq))
            self.session.change_key(key)
            self._soon()

        self._door.post.submit(member, Identify(account), now, identified)

    def _hinted(self, body: bytes, now: float) -> None:
        """Pass on that somebody types; a hint is never answered, not even with a refusal."""
        member = self.seat.member
        with suppress(Refusal):
            command = actions.parse(body)
            if isinstance(command, Tag) and member is not None:
                what = replace(command, where=command.where or self.seat.current)
                self._door.post.submit(member, what, now)

    def _answered(self, seq: int, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            self.session.send(actions_said.refused(answer, seq))
        else:
            for body in actions_said.answered(answer, seq):
                if body[0] == actions.Action.RESULT:
                    self.session.send(body)  # whoever asked waits for it
                else:
                    self.session.offer(body)
        self._soon()

    # How it comes and goes.

    def _arrived(self, seat: Seat[Outlet], answer: Answer) -> None:
        if isinstance(answer, Refusal):
            if seat.member is None:
                self._door.dismiss(self, answer)
            return
        self._show_topics(answer)
        if self._since is not None and seat.member is not None:
            rooms = [room.name for room in seat.member.rooms.values()]
            self._missed.tell(rooms, self._since)

    def _show_topics(self, answer: Iterable[Reply | Refused]) -> None:
        """Tell what the rooms entered are about; of itself nobody asked for that."""
        for reply in answer:
            if isinstance(reply, Titled):
                topic = Event(0, Kind.TOPIC, reply.room, reply.name, reply.topic)
                self.session.send(actions_said.told(topic))
                self._soon()

    def _fell_silent(self, now: float) -> None:
        member = self.seat.member
        if member is not None:
            self.session.name = member.name
            self._rooms = list(member.rooms.values())
        self.seat.leave("timeout", now)

    def _came_back(self, now: float) -> None:
        """Enter again, under the same name and where it was."""
        self._sit_down()
        try:
            self.seat.claim(self.session.name, now)
        except Refusal as refusal:
            self._door.dismiss(self, refusal)
            return
        self._since = None
        self.seat.arrive(now, partial(self._entered_again, self.seat, now))

    def _entered_again(self, seat: Seat[Outlet], now: float, answer: Answer) -> None:
        if seat.member is None:
            if isinstance(answer, Refusal):
                self._door.dismiss(self, answer)
            return
        last = max(self._missed.told_up_to, actions_said.id_of(self._last) if self._last else 0)
        for room in [each.name for each in self._rooms]:
            seat.obey(Join(room), now, partial(self._joined_again, room, last))

    def _joined_again(self, room: str, last: int, answer: Answer) -> None:
        if isinstance(answer, Refusal):
            gone = Event(0, Kind.PARTED, room, self.session.name, answer.text)
            self.session.send(actions_said.told(gone))
        else:
            self._show_topics(answer)
            self._missed.tell([room], last)
        self._soon()
