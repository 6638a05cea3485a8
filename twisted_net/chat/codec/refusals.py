"""Why a command is not obeyed: one table for all doors."""

from enum import Enum, IntEnum, auto

from twisted_net.net.errors import NetError


class Code(IntEnum):
    """Why something was refused, in the numbers that every door shows."""

    BAD = 400
    NAMELESS = 401
    FORBIDDEN = 403
    UNKNOWN = 404
    LATE = 408
    TAKEN = 409
    TOO_LONG = 413
    INVALID = 422
    SLOW = 429
    UNAVAILABLE = 503
    QUEUE_FULL = 507


class Why(Enum):
    """Why something was refused, told apart as finely as the numerics of IRC do."""

    OTHER = auto()
    NOT_TEXT = auto()
    NAMELESS = auto()
    REGISTERED = auto()
    WRONG_PASSWORD = auto()
    NOT_INSIDE = auto()
    BANNED = auto()
    BANISHED = auto()
    INVITE_ONLY = auto()
    WRONG_KEY = auto()
    FULL = auto()
    ACCOUNTS_ONLY = auto()
    MODERATED = auto()
    MUTED = auto()
    NO_CTCP = auto()
    NOT_OPERATOR = auto()
    NO_ROOM = auto()
    MOVED = auto()
    NO_MEMBER = auto()
    NOT_THERE = auto()
    ALREADY_INSIDE = auto()
    NO_MESSAGE = auto()
    UNKNOWN_MODE = auto()
    BAD_MODE = auto()
    LIST_FULL = auto()
    TAKEN = auto()
    TOO_LONG = auto()
    BAD_NAME = auto()
    BAD_ROOM = auto()
    BAD_TEXT = auto()
    SLOW = auto()
    TOO_MANY_ROOMS = auto()
    UNREACHABLE = auto()
    NEEDS_TLS = auto()


class Refusal(NetError):  # noqa: N818 - the word of the protocol; nothing is in error
    """A command that was not obeyed; the connection stays.

    :ivar code: why, as a number.
    :ivar text: why, in constant words; a stranger's part in them is quoted and escaped.
    :ivar why: why, for doors that tell apart more than the number does.
    """

    def __init__(self, code: Code, text: str, why: Why = Why.OTHER) -> None:
        super().__init__(f"{code:d} {text}")
        self.code = code
        self.text = text
        self.why = why


class Moved(Refusal):
    """A room is not entered that is called otherwise now.

    :ivar room: its name.
    """

    def __init__(self, asked: str, room: str) -> None:
        why = f"{asked} is called {room} now: JOIN {room}"
        super().__init__(Code.UNKNOWN, why, Why.MOVED)
        self.room = room
