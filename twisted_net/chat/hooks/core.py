"""What is still to be told to one URL: pure. One message at a time, in order, a few tries each."""

from collections import deque
from enum import Enum, auto

#: Messages that may wait.
WAITING = 1000

#: Seconds between the tries of one message: a server that restarts is back by then.
PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)


class Outcome(Enum):
    """What became of a try."""

    TOLD = auto()
    LATER = auto()  # nobody answered, or not now
    NEVER = auto()  # it was refused, and would be again


class Telling:
    """The messages for one URL.

    :ivar lost: how many were not told.
    :ivar deadline: when to ask `next` again, in seconds; None: after `add` or `done`.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.deadline: float | None = None
        self._waiting: deque[bytes] = deque()
        self._tries = 0
        self._busy = False

    def __len__(self) -> int:
        """Return how many wait, the one that is being told among them."""
        return len(self._waiting)

    def add(self, message: bytes) -> bool:
        """Take a message; say whether there was room."""
        if len(self._waiting) >= WAITING:
            self.lost += 1
            return False
        self._waiting.append(message)
        return True

    def next(self, now: float) -> bytes | None:
        """Return what to tell now, until `done`; None: nothing, or not yet."""
        if self._busy or not self._waiting or (self.deadline is not None and now < self.deadline):
            return None
        self._busy, self.deadline = True, None
        return self._waiting[0]

    def done(self, outcome: Outcome, now: float) -> None:
        """Take the outcome of a try."""
        self._busy = False
        if outcome is Outcome.LATER and self._tries < len(PAUSES):
            self.deadline = now + PAUSES[self._tries]
            self._tries += 1
            return
        if outcome is not Outcome.TOLD:
            self.lost += 1
        self._tries = 0
        self._waiting.popleft()


def outcome_of(code: int) -> Outcome:
    """Return what an answer's code says of a try (RFC 9110, 15)."""
    if 200 <= code < 300:
        return Outcome.TOLD
    return Outcome.LATER if code >= 500 or code in (408, 425, 429) else Outcome.NEVER
