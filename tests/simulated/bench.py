"""The whole bench on a simulated host: every door, with limits and counters, as it is served."""

from collections.abc import Coroutine
from functools import cache
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from twisted_net import assembly
from twisted_net.assembly import Assembly
from twisted_net.net.clients import Target
from twisted_net.net.counters import Counters
from twisted_net.net.service import Runtime
from twisted_net.net.settings import load
from twisted_net.registry import BUILT_IN
from twisted_net.settings import groups
from twisted_net.testing import Host, SimNetwork

#: The name of the host that serves.
SERVER = "server"

ECHO_TCP = Target("tcp", SERVER, 7007)
ECHO_UDP = Target("udp", SERVER, 7007)
CHAT_TCP = Target("tcp", SERVER, 7008)
CHAT_UDP = Target("udp", SERVER, 7008)
FILES_TCP = Target("tcp", SERVER, 7009)
TFTP = Target("tftp", SERVER, 7069)


class Bench:
    """The program of a host: booted anew at each start, stopped as SIGTERM does it.

    :param options: as on the command line, with ``_`` for ``-``: ``files_root="/srv"``.
    :ivar lives: one assembly for each time that it was started.
    :ivar counters: those of the life that runs, or ran last.
    """

    def __init__(self, **options: str) -> None:
        self.lives: list[Assembly] = []
        self.counters = Counters()
        self._settings = _settings(tuple(options.items()))

    def __call__(self, host: Host) -> None:
        """Start."""
        made = self.assembled(host)
        made.startService()
        host.reactor.addSystemEventTrigger("before", "shutdown", made.stopService)

    def assembled(self, host: Host) -> Assembly:
        """Make the next life of the bench, its doors still closed.

        Each life has dice of its own: a secret that survived a crash would hide what it costs.
        """
        self.counters = Counters()
        dice = Random(f"{host.network.seed}/{host.name}/{len(self.lives)}")  # noqa: S311
        runtime = Runtime(host.reactor, dice, self.counters)
        made = assembly.assemble(BUILT_IN, self._settings, runtime, lambda _: None)
        self.lives.append(made)
        return made


@cache
def _settings(options: tuple[tuple[str, str], ...]) -> dict[type[Any], Any]:
    given = {"interface": "0.0.0.0"}  # noqa: S104 - of a simulated host
    given.update((name.replace("_", "-"), value) for name, value in options)
    return load(groups(BUILT_IN), given, {})


def serving(net: SimNetwork, **options: str) -> Bench:
    """Add the host that serves, with a bench on it."""
    bench = Bench(**options)
    net.host(SERVER, bench)
    return bench


def dice(host: Host) -> Random:
    """Return dice for the program of a host."""
    return Random(f"{host.network.seed}/{host.name}")  # noqa: S311


def together(*coroutines: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Run all of them at one time; fire when all are done."""
    return gatherResults([Deferred.fromCoroutine(each) for each in coroutines], consumeErrors=True)
