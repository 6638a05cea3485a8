"""The words of the bench: a row runs one load on several servers and counts what was done."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.processes import Running


class WrongError(Exception):
    """A server gave a wrong answer, or none; its figures are worth nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one short slice of load counted.

    :ivar operations: how many, in ``seconds`` of the clock.
    :ivar server: processor seconds of the server's processes in that time; None: nobody knows.
    :ivar waited: seconds of that time in which the server waited for its core, as others had it.
    :ivar load: seconds of that time in which the load ran, or would have if its core had been free.
    :ivar lost: datagrams without a reply.
    """

    operations: int
    seconds: float
    server: float | None
    waited: float
    load: float
    lost: int = 0


@dataclass(frozen=True)
class Server:
    """A server that can be started; rows that share the object share the process.

    :ivar note: what it is, in a few words.
    :ivar start: starts it, and returns when it listens; raises `processes.MissingError` where it
        cannot run, and `processes.DeadError` where it should and does not.
    :ivar forgets: whether it starts processes and forgets them: what those that have ended used of
        the processor cannot be told.
    """

    name: str
    note: str
    start: Callable[[], Running]
    forgets: bool = False


#: Puts load on a running server for so many seconds; raises `WrongError`.
Load = Callable[[Running, float], Sample]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    :ivar name: by which ``--rows`` and `aims` know it.
    :ivar title: what is done, in a few words.
    :ivar unit: what is counted: requests, connections, chunks.
    """

    name: str
    title: str
    unit: str
    servers: tuple[Server, ...]
    load: Load
