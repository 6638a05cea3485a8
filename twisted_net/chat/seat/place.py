"""Where a member sits: in which rooms, at which post, with what history behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.requests import Deed
from twisted_net.chat.core.hub import Member, Room
from twisted_net.chat.core.room import O
from twisted_net.chat.post import Outcome, Post
from twisted_net.chat.seat.answers import Answered, Replies
from twisted_net.chat.store.base import History

#: A piece of a long answer.
Piece = Callable[[], None]


class Place(Generic[O]):
    """What commands are obeyed with.

    :ivar member: who sits there; None before a name was chosen, and after leaving.
    :ivar post: the way to change anything.
    :ivar hub: for questions.
    :ivar chosen: the room chosen, or else entered last; it may have been left meanwhile.
    :ivar replays: events of a room's history that whoever enters it is told.
    :ivar in_turn: does a piece of a long answer in a turn of its own, once the peer reads; None:
        the door tells every answer at once.
    :ivar over: whether whoever sat there has left.
    """

    def __init__(
        self, post: Post[O], replays: int = 0, in_turn: Callable[[Piece], None] | None = None
    ) -> None:
        self.member: Member[O] | None = None
        self.post = post
        self.hub = post.hub
        self.chosen: Room[O] | None = None
        self.replays = replays
        self.in_turn = in_turn
        self.over = False

    @property
    def current(self) -> str:
        """The room in which plain lines are said: the one chosen, or else entered last."""
        if self.member is None:
            return ""
        room = self.chosen  # itself, not its name: that may become another one
        if room is None or self.member not in room.members:
            room = next(reversed(self.member.rooms.values()), None)
        return "" if room is None else room.name

    def here(self) -> str:
        """Return the current room.

        :raises Refusal: there is none.
        """
        if not self.current:
            room = self.hub.lobby or "<room>"
            raise Refusal(Code.FORBIDDEN, f"not in a room: JOIN {room}", Why.NOT_INSIDE)
        return self.current

    def named(self, member: Member[O], room: str) -> str:
        """Return a room's own name, of one that the member is in; empty: the current one.

        :raises Refusal: the member is not in it.
        """
        return self.hub.inside(member, room or self.here()).name

    def kept(self) -> History:
        """Return what was said.

        :raises Refusal: nothing is kept.
        """
        if self.post.history is None:
            raise Refusal(Code.UNAVAILABLE, "no history is kept")
        return self.post.history


@dataclass(frozen=True, slots=True)
class Turn(Generic[O]):
    """One command's turn.

    :ivar seat: where it was given.
    :ivar member: who has given it.
    :ivar now: when it came, in seconds.
    :ivar answered: to be told what became of it, once.
    :ivar part: to be told the beginning of a long answer, before that.
    """

    seat: Place[O]
    member: Member[O]
    now: float
    answered: Answered
    part: Answered

    def do(self, what: Deed, replies: Callable[[Event | None], Replies]) -> None:
        """Do something, and answer when it has happened.

        :param replies: returns what is told then; given None if nothing had to be changed.
        """

        def happened(outcome: Outcome) -> None:
            self.answered(outcome if isinstance(outcome, Refusal) else replies(outcome))

        self.seat.post.submit(self.member, what, self.now, happened)


#: What obeys each command, in its turn; it may raise a `Refusal`.
Obeyed = dict[type, Callable[[Turn[Any], Any], None]]
