"""Every private name of Twisted that the fast reactor and transports lean on, in one place.

They were the same in 24.10 and in 26.10. What leans on them looks for them with `need` before it
does anything; where one is missing, Twisted's own is used instead.
"""

import contextlib
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

from twisted.python.reflect import namedAny

#: What `reactor.LeanReactor` uses of the reactor that it is made from, once that is made.
REACTOR = (
    "_poller", "_reads", "_writes", "_selectables", "_newTimedCalls", "_pendingTimedCalls",
    "_justStopped", "_started", "_doReadOrWrite", "_disconnectSelectable", "threadCallQueue",
    "_continuousPolling",
)  # fmt: skip

#: What `datagrams.FastDatagramPort` uses of the port that it is made from.
DATAGRAMS = ("_bindSocket", "_connectToProtocol", "_preexistingSocket")

#: What `streams` and `sockets` use of a connection, once that is made, …
CONNECTION = (
    "_tempDataBuffer", "_tempDataLen", "dataBuffer", "offset", "producerPaused",
    "_writeDisconnecting", "_maybePauseProducer",
)  # fmt: skip

#: … and of the classes.
CLASSES = {
    "twisted.internet.tcp.Connection": ("TLS", "_aborting", "_shouldShutdown", "_closeSocket"),
    "twisted.internet.tcp.Server": ("_addressType", "_getLogPrefix"),
    "twisted.internet.tcp.Client": ("_connectDone", "_commonConnection"),
    "twisted.internet.tcp.Connector": ("_makeTransport",),
    "twisted.internet.tcp.Port": (
        "_addressType", "_buildAddr", "_realPortNumber", "_fromListeningDescriptor", "_logger",
    ),
    "twisted.internet.tcp._reservedFD": ("available", "reserve"),
    "twisted.internet.unix.Port": ("_fromListeningDescriptor",),
    "twisted.internet.unix": ("_SendmsgMixin",),
    "twisted.internet.udp.Port": DATAGRAMS,
}  # fmt: skip

#: What `sockets` uses of Python's listening sockets, if they have it: ``accept`` without a wrapper.
ACCEPT = "_accept"


@cache
def need_for_transports() -> None:
    """Make sure that all is there that the fast transports lean on.

    :raises ImportError: it is not, or there are no UNIX sockets.
    """
    from twisted.internet.abstract import FileDescriptor
    from twisted.internet.task import Clock

    descriptor: Any = FileDescriptor
    made = descriptor(Clock())
    need(made, CONNECTION)
    for name, names in CLASSES.items():
        need(namedAny(name), names)
    with contextlib.suppress(ModuleNotFoundError):  # no pyOpenSSL
        need(namedAny("twisted.internet._newtls"), ("startTLS",))


def need(thing: Any, names: Iterable[str]) -> None:
    """Make sure that a thing has what is leaned on.

    :raises ImportError: it has not: this is another Twisted than any that was tried.
    """
    lacking = [name for name in names if not hasattr(thing, name)]
    if lacking:
        named = thing if isinstance(thing, type | ModuleType) else type(thing)
        raise ImportError(f"no {', '.join(lacking)} in Twisted's {named.__name__}")
