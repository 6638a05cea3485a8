"""What a door refuses: counted always, and said in the log now and then."""

import errno
from collections.abc import Callable

from twisted.internet.error import MessageLengthError
from twisted.logger import Logger

from twisted_net.net.counters import DoorCounters

#: Seconds between two warnings of one kind from one door: whatever a stranger can cause must not
#: fill the log. The counters miss nothing.
WARN_EVERY = 1.0


class Drops:
    """Count what a door refuses, and say so in the log at most once a second for each reason."""

    log = Logger()

    def __init__(self, door: str, counters: DoorCounters, seconds: Callable[[], float]) -> None:
        self._door = door
        self._counters = counters
        self._seconds = seconds
        self._warned: dict[str, float] = {}

    def drop(self, reason: str, peer: object, times: int = 1) -> bool:
        """Count it; warn, and say so, unless this second has had its warning."""
        self._counters.drop(reason, times)
        now = self._seconds()
        last = self._warned.get(reason)
        due = last is None or not last <= now < last + WARN_EVERY  # a clock may be set back
        if due:
            self._warned[reason] = now
            self.log.warn(
                "{door}: {reason}, {peer!r}; {count} so far",
                door=self._door,
                reason=reason,
                peer=peer,
                count=self._counters.dropped[reason],
            )
        return due

    def not_sent(self, error: Exception, peer: object, times: int = 1) -> None:
        """Count datagrams that could not be sent, by the reason why."""
        if isinstance(error, MessageLengthError):
            self.drop("too_long_to_send", peer, times)
        else:
            code = errno.errorcode.get(getattr(error, "errno", None) or 0, "range")
            self.drop(f"not_sent_{code.lower()}", peer, times)
