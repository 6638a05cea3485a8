"""What others offer as services: drop-ins and entry points; `registry` says which are good.

It imports none of our services, so that a command can find out cheaply that there are no others.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

from twisted.logger import Logger
from twisted.python import log

from twisted import plugin
from twisted_net.net.service import INetService

#: The entry point group in which other distributions name their services. An entry point is seen
#: in every kind of installation; a drop-in in ``twisted/plugins`` is not (default editable ones).
ENTRY_POINTS = "twisted_net.services"

_log = Logger("twisted_net.offers")


def found() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield where each is from, and what loads it; nothing is loaded here."""
    yield from drop_ins()
    yield from entry_points()


def ignored(what: str, origin: str, why: str) -> None:
    """Log that an offer is not taken."""
    named = f"{what!r} from {origin}" if origin else what
    _log.error("service ignored: {named}: {why}", named=named, why=why)


def drop_ins() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the files in ``twisted/plugins`` of whoever."""
    import twisted.plugins

    with _one_line_each():
        cached = plugin.getCache(twisted.plugins)
    for name, dropin in cached.items():
        for each in dropin.plugins:
            if INetService in each.provided:
                yield f"twisted/plugins/{name}.py", each.load


@contextlib.contextmanager
def _one_line_each() -> Iterator[None]:
    """Log a drop-in that cannot be imported as one line; Twisted logs its traceback."""

    class Brief:
        """What Twisted's plug-in loader logs to."""

        @staticmethod
        def err(*_: object) -> None:
            """Take the exception that is being handled."""
            error = sys.exc_info()[1]
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            ignored(f"a drop-in in {_place(error)}", "", why)

        msg = staticmethod(log.msg)

    loader: Any = plugin
    before, loader.log = loader.log, Brief
    try:
        yield
    finally:
        loader.log = before


def _place(error: BaseException | None) -> str:
    """Return the file in ``twisted/plugins`` that an error came from."""
    trace = error.__traceback__ if error is not None else None
    files = [getattr(error, "filename", None) or ""]  # a SyntaxError has no frame of its file
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    near = os.path.join("twisted", "plugins", "")
    return next((file for file in files if near in file), "twisted/plugins")


def entry_points() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what other distributions name."""
    for point in metadata.entry_points(group=ENTRY_POINTS):
        by = f"{point.dist.name} {point.dist.version} " if point.dist else ""
        yield f"{by}({point.value})", point.load
