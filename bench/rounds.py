"""Measuring a row: many short slices, the servers taking turns, their order rotated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from bench.processes import DeadError, MissingError, Running
from bench.rows import Row, Sample, Server, WrongError


@dataclass(slots=True)
class Measured:
    """What a row gave.

    :ivar samples: one a round, by the name of the server; only servers that came through.
    :ivar missing: why a server could not run here.
    :ivar wrong: what a server did wrong; such a row has failed.
    """

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


class Servers:
    """The servers that run: each is started when it is first needed, and stopped at the end."""

    def __init__(self) -> None:
        self._running: dict[Server, Running] = {}
        self._missing: dict[Server, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._running:
            self._running.popitem()[1].stop()

    def running(self, server: Server) -> Running:
        """Return a server's process.

        :raises MissingError: it cannot run here.
        :raises DeadError: it should, and does not.
        """
        if server in self._missing:
            raise MissingError(self._missing[server])
        if server not in self._running:
            try:
                self._running[server] = server.start()
            except MissingError as why:
                self._missing[server] = str(why)
                raise
        self._running[server].check()
        return self._running[server]

    def give_up(self, server: Server) -> None:
        """Stop a server, so that another row starts it afresh."""
        if server in self._running:
            self._running.pop(server).stop()


def measure(
    row: Row,
    servers: Servers,
    rounds: int,
    seconds: float,
    tick: Callable[[], None] = lambda: None,
) -> Measured:
    """Measure a row.

    :param rounds: slices for each server.
    :param seconds: how long a slice counts.
    :param tick: called after each slice.
    """
    measured = Measured(row)
    for number in range(rounds):
        for server in rotated(row.servers, number):
            if server.name not in measured.missing and server.name not in measured.wrong:
                _slice(measured, server, servers, seconds)
                tick()
    for name in measured.wrong:
        measured.samples.pop(name, None)
    return measured


def rotated(servers: Sequence[Server], by: int) -> list[Server]:
    """Return the servers in another order each round: who is first gets the coldest machine."""
    at = by % len(servers) if servers else 0
    return [*servers[at:], *servers[:at]]


def _slice(measured: Measured, server: Server, servers: Servers, seconds: float) -> None:
    try:
        sample = measured.row.load(servers.running(server), seconds)
    except MissingError as why:
        measured.missing[server.name] = str(why)
    except (DeadError, WrongError) as why:
        measured.wrong[server.name] = str(why)
        servers.give_up(server)
    else:
        if server.forgets:
            sample = replace(sample, server=None)
        measured.samples.setdefault(server.name, []).append(sample)
