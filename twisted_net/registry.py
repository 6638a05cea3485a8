"""What services there are: ours, one line each, then those of others."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from twisted.logger import Logger
from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_net import offers
from twisted_net.chat.service import chat
from twisted_net.echo.service import echo
from twisted_net.files.service import files
from twisted_net.net.service import INetService
from twisted_net.net.settings import Group
from twisted_net.web.service import web

BUILT_IN: tuple[INetService, ...] = (echo, chat, files, web)

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
    for origin, load in offers.found():
        service = _loaded(origin, load)
        if service is None:
            continue
        twin, twin_origin = found.get(service.name, (None, ""))
        if twin is service:
            continue  # one object, found both ways
        if twin is None and service.name not in refused:
            found[service.name] = (service, origin)
        elif twin in BUILT_IN:
            offers.ignored(service.name, origin, "the name is one of netdemo's own")
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
        offers.ignored(origin, "", f"not a whole INetService: {' '.join(str(error).split())}")
    except Exception as error:  # a stranger's code may raise anything
        offers.ignored(origin, "", f"{type(error).__name__}: {' '.join(str(error).split())}")
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
            offers.ignored(service.name, origin, f"option --{clash[0]} is taken")
            continue
        taken.update(dict.fromkeys(options))
        kept.append(service)
    return kept
