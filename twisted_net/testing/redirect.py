"""The global reactor, lent to whichever host is running, and given back afterwards.

Some forty places in Twisted fall back to ``twisted.internet.reactor`` when they are given none.
While the network runs, that object has the class and the attributes of the running host's
reactor, which is the trick that Twisted's own reactor tests use; so all of them live in virtual
time. The shared cooperator goes with it.
"""

from types import TracebackType
from typing import Any

from twisted.internet import task


class Redirect:
    """A loan of the global reactor; a context manager.

    :param wanted: False leaves the global reactor alone.
    """

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._active = False
        self._current: Any = None
        self._global: Any = None
        self._saved: tuple[Any, Any, Any] = (None, None, None)

    def __enter__(self) -> "Redirect":
        """Remember what the global reactor was."""
        if self._wanted:
            from twisted.internet import reactor  # never at module scope: it would install one

            self._global = reactor
            self._saved = (reactor.__dict__, reactor.__class__, _cooperator())
            self._active = True
        return self

    def to(self, reactor: Any) -> None:
        """Lend it to a reactor, which has a ``cooperator`` too, until the next."""
        if reactor is not self._current and self._active:
            self._current = reactor
            _lend(self._global, reactor.__dict__, reactor.__class__, reactor.cooperator)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give it back."""
        if self._active:
            self._active = False
            self._current = None
            _lend(self._global, *self._saved)


_TASK = vars(task)


def _cooperator() -> Any:
    return _TASK["_theCooperator"]


def _lend(reactor: Any, attributes: Any, kind: Any, cooperator: Any) -> None:
    reactor.__dict__ = attributes
    if reactor.__class__ is not kind:  # from host to host it is: and auditors hear of each change
        reactor.__class__ = kind
    _TASK["_theCooperator"] = cooperator
