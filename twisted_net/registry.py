"""What services there are: ours, one line each, then those of others."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from twisted.logger import Logger
from twisted.python import log
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted import plugin
from twisted_net.chat.service import chat
from twisted_net.echo.service import echo
from twisted_net.files.service import files
from twisted_net.net.service import INetService
from twisted_net.net.settings import Group
from twisted_net.web.service import web

BUILT_IN: tuple[INetService, ...] = (echo, chat, files, web)

#: The entry point group in which other distributions name their services. An entry point is seen
#: in every kind of installation; a drop-in in ``twisted/plugins`` is not (default editable ones).
ENTRY_POINTS = "twisted_net.services"

_log = Logger("twisted_net.registry")


@cache
def services() -> tuple[INetService, ...]:
    """Return our services, then others' drop-ins and entry points.

    A third party's service that cannot be used is one line in the log, and the others go on. The
    answer is kept: what is installed does not change while a process runs, and each line is
    logged once.
    """
    found: dict[str, tuple[INetService, str]] = {each.name: (each, "netdemo") for each in BUILT_IN}
    refused: dict[str, None] = {}
    for origin, load in (*_drop_ins(), *_entry_points()):
        service = _loaded(origin, load)
        if service is None:
            continue
        twin, twin_origin = found.get(service.name, (None, ""))
        if twin is service:
            continue  # one object, found both ways
        if twin is None and service.name not in refused:
            found[service.name] = (service, origin)
        elif twin in BUILT_IN:
            _ignored(service.name, origin, "the name is one of netdemo's own")
        else:
            found.pop(service.name, None)
            refused[service.name] = None
            _log.error(
                "duplicate name {name!r} from {one} and {two}: using none",
                name=service.name,
                one=twin_origin,
                two=origin,
            )
    return tuple(_without_option_clashes(list(found.values())))


def group(service: INetService) -> Group:
    """Return the settings of a service under their names."""
    return Group(service.name, service.settings, f"{service.name}-")


def _drop_ins() -> Iterator[tuple[str, Callable[[], Any]]]:
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
            _ignored(f"a drop-in in {_place(error)}", "", why)

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


def _entry_points() -> Iterator[tuple[str, Callable[[], Any]]]:
    for point in entry_points(group=ENTRY_POINTS):
        by = f"{point.dist.name} {point.dist.version} " if point.dist else ""
        yield f"{by}({point.value})", point.load


def _loaded(origin: str, load: Callable[[], Any]) -> INetService | None:
    try:
        service: INetService = load()
        verifyObject(INetService, service)
        if not (service.name.isascii() and service.name.isalpha() and service.name.islower()):
            raise ValueError(f"its name {service.name!r} is not one word of a-z")
        if not isinstance(service.commands, Mapping):
            raise TypeError(f"its commands {service.commands!r} are no mapping")
        list(group(service))
    except Invalid as error:
        _ignored(origin, "", f"not a whole INetService: {' '.join(str(error).split())}")
    except Exception as error:  # a stranger's code may raise anything
        _ignored(origin, "", f"{type(error).__name__}: {' '.join(str(error).split())}")
    else:
        return service
    return None


def _without_option_clashes(found: list[tuple[INetService, str]]) -> list[INetService]:
    taken: dict[str, None] = {}
    kept = []
    for service, origin in found:
        options = [each.option for each in group(service)]
        clash = [option for option in options if option in taken]
        if clash:
            _ignored(service.name, origin, f"option --{clash[0]} is taken")
            continue
        taken.update(dict.fromkeys(options))
        kept.append(service)
    return kept


def _ignored(what: str, origin: str, why: str) -> None:
    named = f"{what!r} from {origin}" if origin else what
    _log.error("service ignored: {named}: {why}", named=named, why=why)
