"""What services there are: ours, one line each, then those of others."""

from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from twisted.logger import Logger
from twisted.plugin import getCache
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_net.chat.service import chat
from twisted_net.echo.service import echo
from twisted_net.files.service import files
from twisted_net.net.service import INetService
from twisted_net.net.settings import Group

BUILT_IN: tuple[INetService, ...] = (echo, chat, files)

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

    for name, dropin in getCache(twisted.plugins).items():
        for plugin in dropin.plugins:
            if INetService in plugin.provided:
                yield f"twisted/plugins/{name}.py", plugin.load


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
