"""Answers about very many members: told piece by piece, so that nobody else waits for them.

A piece is told in a turn of the reactor of its own, and once the client reads. What happens
meanwhile the client hears in between: whoever tells a piece tells how things are by then.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from twisted_net.chat.core.irc.session import Session

T = TypeVar("T")


def in_pieces(
    session: Session,
    about: Sequence[T],
    most: int,
    tell: Callable[[Sequence[T]], bool],
    end: Callable[[], None],
) -> None:
    """Tell about all of these, at once if they are one piece; then the end.

    :param most: how many are told about in one turn.
    :param tell: tells about some, and says whether it wants more.
    """
    if len(about) <= most:
        tell(about)
        end()
    else:
        _later(session, partial(_next, session, iter(about), most, tell, end))


def _later(session: Session, piece: Callable[[], None]) -> None:
    told = session.later(lambda _: piece())
    session.line.in_turn(partial(told, None))


def _next(
    session: Session,
    rest: Iterator[T],
    most: int,
    tell: Callable[[Sequence[T]], bool],
    end: Callable[[], None],
) -> None:
    if session.over:
        return
    piece = list(islice(rest, most))
    if piece and tell(piece):
        _later(session, partial(_next, session, rest, most, tell, end))
    else:
        end()
