"""The states of a connection, and all the ways between them (RFC 9293, 3.3.2)."""

from enum import Enum, auto


class State(Enum):
    """Where a connection stands; named as ``netstat`` does."""

    CLOSED = auto()
    SYN_SENT = auto()
    SYN_RECEIVED = auto()
    ESTABLISHED = auto()
    FIN_WAIT_1 = auto()
    FIN_WAIT_2 = auto()
    CLOSE_WAIT = auto()
    CLOSING = auto()
    LAST_ACK = auto()
    TIME_WAIT = auto()


class Event(Enum):
    """What moves a connection on."""

    CONNECT = auto()  # the application calls
    CALLED = auto()  # a peer's SYN arrived
    ANSWERED = auto()  # our SYN is acknowledged
    SHUT = auto()  # the application has no more to say
    ENDED = auto()  # the peer has no more to say: its FIN is reached
    FIN_ACKED = auto()  # the peer knows that we have no more to say
    GONE = auto()  # reset, timed out, or waited long enough


_CLOSED, _SYN_SENT, _SYN_RECEIVED = State.CLOSED, State.SYN_SENT, State.SYN_RECEIVED

NEXT: dict[tuple[State, Event], State] = {
    (_CLOSED, Event.CONNECT): _SYN_SENT,
    (_CLOSED, Event.CALLED): _SYN_RECEIVED,
    (_SYN_SENT, Event.CALLED): _SYN_RECEIVED,  # both called at once
    (_SYN_SENT, Event.ANSWERED): State.ESTABLISHED,
    (_SYN_RECEIVED, Event.ANSWERED): State.ESTABLISHED,
    (State.ESTABLISHED, Event.SHUT): State.FIN_WAIT_1,
    (State.ESTABLISHED, Event.ENDED): State.CLOSE_WAIT,
    (State.FIN_WAIT_1, Event.FIN_ACKED): State.FIN_WAIT_2,
    (State.FIN_WAIT_1, Event.ENDED): State.CLOSING,
    (State.FIN_WAIT_2, Event.ENDED): State.TIME_WAIT,
    (State.CLOSING, Event.FIN_ACKED): State.TIME_WAIT,
    (State.CLOSE_WAIT, Event.SHUT): State.LAST_ACK,
    (State.LAST_ACK, Event.FIN_ACKED): _CLOSED,
    **{(state, Event.GONE): _CLOSED for state in State if state is not _CLOSED},
}

#: States in which the application may still write.
WRITING = (State.ESTABLISHED, State.CLOSE_WAIT)

#: States in which the peer may still have something to say.
HEARING = (State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2)

#: States before the handshake is over.
OPENING = (State.SYN_SENT, State.SYN_RECEIVED)


class ImpossibleMove(Exception):  # noqa: N818 - a broken invariant of ours, not an input error
    """There is no such way between two states: a bug in this package."""


def move(state: State, event: Event) -> State:
    """Return the state that an event leads to.

    :raises ImpossibleMove: the event cannot happen in that state.
    """
    try:
        return NEXT[state, event]
    except KeyError:
        raise ImpossibleMove(f"{event.name} in {state.name}") from None
