"""``netdemo doctor``: what would keep the server from starting, said before it is started."""

import contextlib
import errno
import os
import platform
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from twisted.application.service import IServiceMaker
from twisted.internet.task import Clock
from twisted.plugin import getPlugins

from twisted_net import registry
from twisted_net.doors import doors_of
from twisted_net.net import console, endpoints, extensions, listening
from twisted_net.net.errors import NetError, StartError
from twisted_net.net.fast import installing
from twisted_net.net.fast.opening import unfit
from twisted_net.net.options import Sectioned, setting_options
from twisted_net.net.owners import owner
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import load
from twisted_net.net.table import columns
from twisted_net.net.text import safe, with_port
from twisted_net.net.tls.demo import PRIVATE
from twisted_net.settings import BenchSettings, groups

_found = registry.services()

#: Packages whose versions a report of a problem needs; the last ones are optional.
PACKAGES = ("twisted_net", "twisted", "zope.interface", "click", "prompt_toolkit", "rich")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    :ivar ok: nothing stands in the way.
    """

    ok: bool
    what: str
    text: str


@click.command(cls=Sectioned)
@setting_options(groups(_found))
@console.as_json
def doctor(config: Path | None, given: Mapping[str, str], as_json: bool) -> None:
    """Say what would keep the server from starting.

    That is "netdemo serve" or "twistd netdemo". Looks whether twistd sees the plug-in, whether
    the settings make sense, whether what is served can be read, and whether each door's port
    is free, and else who has it. Takes the same options as serve, and serves nothing. Exits
    with 1 if something is in the way.

    \b
      netdemo doctor
      netdemo doctor --interface 0.0.0.0 --tftp udp:69
    """
    try:
        settings = load(groups(_found), given, os.environ, config)
    except NetError as error:
        console.fail(error)
    findings = list(examine(settings))
    if as_json:
        for each in findings:
            console.say("", asdict(each), True)
    else:
        rows = [("ok" if each.ok else "BAD", each.what, safe(each.text, 500)) for each in findings]
        click.echo("\n".join(columns(rows)))
        _advise(findings)
    if not all(each.ok for each in findings):
        sys.exit(1)


def examine(
    settings: Mapping[type[Any], Any], found: Sequence[INetService] = _found
) -> Iterator[Finding]:
    """Yield what is found, the basics first."""
    yield _versions()
    yield _plugin()
    yield _speed(settings[BenchSettings].transports)
    bench: BenchSettings = settings[BenchSettings]
    # Services make their doors closed; a clock is all they may touch of a reactor before that.
    runtime = Runtime(Clock())
    with contextlib.ExitStack() as stack:
        tried = _Tried(bench.interface, stack)
        for service in found:
            try:
                doors = doors_of(service, settings, runtime)
            except StartError as error:
                yield Finding(False, service.name, str(error))
                continue
            yield Finding(True, service.name, service.summary)
            for door in doors:
                yield tried.door(door)
            yield from _closed(service, settings, [door.name for door in doors])


def _closed(
    service: INetService, settings: Mapping[type[Any], Any], seen: Sequence[str]
) -> Iterator[Finding]:
    """Yield the doors that a service did not even make, because nobody wants them open."""
    for each in registry.group(service):
        wanted = each.reading.metavar == "ENDPOINT" and getattr(
            settings[service.settings], each.key
        )
        if wanted == "" and each.option not in seen:
            yield Finding(True, each.option, "closed")


#: How `_Tried` names the owner of a port who is one of us.
_OURS = re.compile(r" by pid (\d+): .*netdemo")


def _advise(findings: Sequence[Finding]) -> None:
    """Say what the most common trouble means: the server runs already."""
    running = [
        re.search(r" by pid (\d+): .*netdemo", each.text) for each in findings if not each.ok
    ]
    pids = dict.fromkeys(match[1] for match in running if match)
    if pids:
        click.echo(f"netdemo is already running (pid {', '.join(pids)})")


def _versions() -> Finding:
    installed = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            installed.append(f"no {name}")
    return Finding(True, "versions", ", ".join(installed))


def _plugin() -> Finding:
    makers = [maker.tapname for maker in getPlugins(IServiceMaker)]
    if "netdemo" in makers:
        return Finding(True, "plug-in", f"twistd of {sys.executable} sees netdemo")
    why = "is it installed for this Python? An editable install must put its folder on sys.path"
    return Finding(False, "plug-in", f"twistd of {sys.executable} does not see netdemo: {why}")


def _speed(transports: str) -> Finding:
    """Say on which reactor and transports ``netdemo serve`` would run."""
    lean = installing.why_not()
    reactor = f"Twisted's own ({lean})" if lean else "netdemo"
    stock = unfit() or ("--transports stock" if transports == "stock" else "")
    reasons = {why: None for _, why in map(extensions.find, extensions.NAMES) if why}
    fast = f"fast, not compiled ({'; '.join(reasons)})" if reasons else "fast, compiled"
    kind = f"Twisted's own ({stock})" if stock else fast
    return Finding(True, "speed", f"reactor: {reactor}; stream transports: {kind}")


class _Tried:
    """The ports tried so far, held all at one time: two doors may want one port."""

    def __init__(self, interface: str, stack: contextlib.ExitStack) -> None:
        self._interface = interface
        self._stack = stack
        self._held: dict[tuple[str, int], str] = {}

    def door(self, door: Door) -> Finding:
        """Try the port of a door, and hold it."""
        if not door.endpoint:
            return Finding(True, door.name, "closed")
        try:
            endpoint = endpoints.parse(door.endpoint, door.kind)
            host = endpoint.interface(self._interface)
        except ValueError as error:
            return Finding(False, door.name, f"{door.endpoint!r}: {error}")
        if endpoint.type not in ("tcp", "tcp6", "udp", "udp6", "ssl", "tls"):
            return Finding(True, door.name, f"{door.endpoint}: not a port, not looked at")
        why = _no_certificate(endpoint)
        if why:
            return Finding(False, door.name, f"{door.endpoint!r}: {why}")
        where = with_port(host, endpoint.port)
        kind = "udp" if door.kind == "datagram" else "tcp"
        try:
            self._stack.enter_context(_bound(kind, host, endpoint.port))
        except OSError as error:
            return Finding(False, door.name, self._why(error, door.name, kind, where))
        self._held.setdefault((kind, endpoint.port), door.name)
        return Finding(True, door.name, f"{kind} {where} is free")

    def _why(self, error: OSError, name: str, kind: str, where: str) -> str:
        port = int(where.rpartition(":")[2])
        if error.errno == errno.EADDRNOTAVAIL:
            return f"cannot listen on {where}: no such address on this host"
        why = f"{kind} {where}: {(error.strerror or '').lower()}"
        if error.errno != errno.EADDRINUSE:
            return why
        if (kind, port) in self._held:  # or the owner would be ourselves
            return f"{self._held[kind, port]} and {name} both want {where}"
        by = owner(kind, port)
        return f"{why} by {by}" if by else why


def _no_certificate(endpoint: endpoints.Endpoint) -> str:
    """Return why an endpoint cannot speak TLS; empty: it can, or need not."""
    private = Path(endpoint.options.get("privateKey", ""))
    if not endpoint.encrypted or (private.name == PRIVATE and not private.exists()):
        return ""  # the server makes that one
    try:
        listening.certificates(endpoint).read()
    except ValueError as error:
        return str(error)
    return ""


def _bound(kind: str, host: str, port: int) -> socket.socket:
    """Return a socket that has the port, so that a second door does not find it free."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, _TYPES[kind])
    try:
        if kind == "tcp":  # as Twisted does; else TIME_WAIT looks like a listener
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        if kind == "tcp":
            made.listen(1)
    except OSError:
        made.close()
        raise
    return made


_TYPES: Mapping[str, socket.SocketKind] = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
