"""What real time, real chance and real sockets a program may reach for, closed while it runs.

`time.time` and `time.monotonic` tell virtual time, the module functions of `random` and
`os.urandom` draw from the network's seed, `time.sleep`, sockets and processes are refused.
Names that a program imported by themselves (``from time import time``) are out of reach.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from types import TracebackType
from typing import Any

#: What `time.time` counts from: the first second of 2020, in seconds of the Unix epoch.
EPOCH = 1_577_836_800

#: Audit events of what a simulated program has no business with.
REFUSED = (
    "socket.__new__",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.fork",
    "os.posix_spawn",
)


class NotSimulated(AssertionError):  # noqa: N818 - an outcome of a test
    """A program reached for something that is not simulated."""


class Strict:
    """Closes the ways out; a context manager.

    :param wanted: False leaves all of them open.
    :param seconds: returns the virtual time.
    """

    def __init__(self, wanted: bool, seed: object, seconds: Callable[[], float]) -> None:
        self._wanted = wanted
        self._dice = random.Random(f"{seed}/program")  # noqa: S311 - repeatable, not secret
        self._seconds = seconds
        self._saved: list[tuple[Any, str, Any]] = []
        self._others: Any = None

    def __enter__(self) -> None:
        """Close them."""
        if not self._wanted:
            return
        self._others = random.getstate()
        random.setstate(self._dice.getstate())
        self._replace(time, "time", lambda: EPOCH + self._seconds())
        self._replace(time, "monotonic", self._seconds)
        self._replace(time, "sleep", _sleep)
        self._replace(os, "urandom", self._urandom)
        _guard(on=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Open them again."""
        if not self._wanted:
            return
        _guard(on=False)
        while self._saved:
            module, name, value = self._saved.pop()
            setattr(module, name, value)
        self._dice.setstate(random.getstate())
        random.setstate(self._others)

    def _replace(self, module: Any, name: str, value: Any) -> None:
        self._saved.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    @staticmethod
    def _urandom(size: int) -> bytes:
        return random.randbytes(size)  # noqa: S311 - repeatable, not secret


def _sleep(seconds: float) -> None:
    raise NotSimulated(f"time.sleep({seconds}) stops the whole network; see Host.stall")


#: Whether the audit hook refuses anything. A hook cannot be taken out again, so there is one, made
#: when the first network runs, and it asks here.
_guarding: list[bool] = []


def _guard(*, on: bool) -> None:
    if not _guarding:
        _guarding.append(on)
        sys.addaudithook(_audit)
    _guarding[0] = on


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guarding[0]:
        return
    if event in REFUSED:
        raise NotSimulated(f"{event}{arguments!r}: a simulated program has no real sockets, "
                           "processes or names")  # fmt: skip
    if event == "socket.getaddrinfo" and not _is_address(arguments[0]):
        raise NotSimulated(f"{arguments[0]!r} would be looked up in the real world")


def _is_address(host: object) -> bool:
    try:
        ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True
