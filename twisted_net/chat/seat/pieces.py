"""Answers about very many members: told piece by piece, so that nobody else waits for them.

A piece is told in a turn of the reactor of its own, and once the peer reads. What happens
meanwhile the peer hears in between: whoever tells a piece tells how things are by then.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted_net.chat.core.room import O
from twisted_net.chat.seat.answers import Replies
from twisted_net.chat.seat.place import Turn

T = TypeVar("T")

#: Members told of in one turn of the reactor, at most some 2 ms.
SLICE = 200


def in_pieces(
    turn: Turn[O],
    about: Sequence[T],
    tell: Callable[[Sequence[T]], Replies],
    end: Callable[[], Replies],
) -> None:
    """Answer with what is told about all of these, and then the end.

    At once if they are one piece, or the door tells all answers so.
    """
    in_turn = turn.seat.in_turn
    if in_turn is None or len(about) <= SLICE:
        turn.answered([*tell(about), *end()])
        return
    later = in_turn

    def piece(start: int) -> None:
        if turn.seat.over:
            return
        told = tell(about[start : start + SLICE])
        if start + SLICE < len(about):
            turn.part(told)
            later(lambda: piece(start + SLICE))
        else:
            turn.answered([*told, *end()])

    later(lambda: piece(0))
