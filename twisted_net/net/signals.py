"""What a server does on signals, beside Twisted's own SIGINT and SIGTERM (stop)."""

import contextlib
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ReactorNotRunning


def obey(reactor: Any, report: Callable[[], None], force: Callable[[], None]) -> None:
    """Obey signals from the time the reactor runs.

    SIGUSR2 calls ``report``; one that comes earlier does so then. SIGHUP, which ends a terminal's
    programs, stops as SIGTERM does. SIGUSR1 is ignored, unless somebody (twistd with a log file:
    rotation) has taken it. A second SIGINT or SIGTERM calls ``force``.

    Call it in the main thread; on a reactor that never runs nothing else is changed.
    """

    def on(number: int, do: Callable[[], object]) -> None:
        signal.signal(number, lambda *_: reactor.callFromThread(do))

    ending = [signal.SIGINT, signal.SIGTERM]

    def running() -> None:
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
            on(signal.SIGHUP, lambda: stop(reactor))
            ending.append(signal.SIGHUP)
        if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        reactor.addSystemEventTrigger("before", "shutdown", stopping)

    def stopping() -> None:
        for number in ending:
            on(number, force)

    # At once: the table of doors is shown before the reactor runs, and whoever has read it may ask.
    # Left to itself, this signal ends a process.
    on(signal.SIGUSR2, report)
    reactor.callWhenRunning(running)


def stop(reactor: Any) -> None:
    """Stop a reactor, unless it is stopping already: another signal may have been first."""
    with contextlib.suppress(ReactorNotRunning):
        reactor.stop()
