"""Every private name of Twisted that the fast reactor and transports lean on, in one place.

They were the same in 24.10 and in 26.10. What leans on them looks for them with `need` before it
does anything; where one is missing, Twisted's own is used instead.
"""

from collections.abc import Iterable
from typing import Any

#: What `reactor.LeanReactor` uses of the reactor that it is made from, once that is made.
REACTOR = (
    "_poller", "_reads", "_writes", "_selectables", "_newTimedCalls", "_pendingTimedCalls",
    "_justStopped", "_started", "_doReadOrWrite", "_disconnectSelectable", "threadCallQueue",
)  # fmt: skip

#: What `datagrams.FastDatagramPort` uses of the port that it is made from.
DATAGRAMS = ("_bindSocket", "_connectToProtocol")


def need(thing: Any, names: Iterable[str]) -> None:
    """Make sure that a thing has what is leaned on.

    :raises ImportError: it has not: this is another Twisted than any that was tried.
    """
    lacking = [name for name in names if not hasattr(thing, name)]
    if lacking:
        kind = thing if isinstance(thing, type) else type(thing)
        raise ImportError(f"no {', '.join(lacking)} in Twisted's {kind.__name__}")
