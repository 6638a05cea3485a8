"""What a door refuses: counted always, and said in the log now and then."""

import errno
from collections.abc import Callable

from twisted.internet.error import MessageLengthError
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.net.counters import DoorCounters

#: Seconds between two warnings of one kind from one door: whatever a stranger can cause must not
#: fill the log. The counters miss nothing.
WARN_EVERY = 1.0

#: Kinds of crashes whose first traceback is logged, however many others there are: more than a door
#: can have, unless somebody makes them up.
KINDS = 64


class Drops:
    """Count what a door refuses, and say so in the log at most once a second for each reason.

    Likewise what crashes it: a stranger who has found out how could fill the log with tracebacks.
    """

    log = Logger()

    def __init__(self, door: str, counters: DoorCounters, seconds: Callable[[], float]) -> None:
        self._door = door
        self._counters = counters
        self._seconds = seconds
        self._warned: dict[str, float] = {}
        self._crashes: dict[tuple[str, str, int], None] = {}

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

    def crash(self, peer: object, failure: Failure | None = None) -> None:
        """Count a failure, and log its traceback now and then.

        The first of each kind is logged always: that none of them is lost is what a log is for.

        :param failure: None: the exception that is being handled.
        """
        if failure is None:
            failure = Failure()
        due = self.drop("crashed", peer)
        kind = _kind(failure)
        if kind not in self._crashes and len(self._crashes) < KINDS:
            self._crashes[kind] = None
            due = True
        if due:
            self.log.failure("{door}: {peer!r} crashed it", failure, door=self._door, peer=peer)

    def not_sent(self, error: Exception, peer: object, times: int = 1) -> None:
        """Count datagrams that could not be sent, by the reason why."""
        if isinstance(error, MessageLengthError):
            self.drop("too_long_to_send", peer, times)
        else:
            code = errno.errorcode.get(getattr(error, "errno", None) or 0, "range")
            self.drop(f"not_sent_{code.lower()}", peer, times)


def _kind(failure: Failure) -> tuple[str, str, int]:
    """Return what was raised, and in which line of which file."""
    name = type(failure.value).__qualname__
    trace = failure.getTracebackObject()
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (name, trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else (name, "", 0)
