"""One soak: a server, its users, and what becomes of its memory and descriptors."""

import hashlib
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.blackbox.conftest import Bench
from tests.blackbox.safety.conftest import start
from tests.blackbox.safety.datagrams import at
from tests.blackbox.safety.soak.faults import BAD_LINK, Relay, dice, rule_of
from tests.blackbox.safety.soak.load import World, started, stopped
from tests.blackbox.safety.watching import MEGABYTE, counted, cpu, descriptors, doors, resident

#: Seconds in which caches fill and Python takes what it keeps: growth counts from then on.
WARM_UP = 60.0

#: Seconds that a soak has to last before a line through its looks says anything.
TELLS = 120.0

#: Seconds between two looks.
EVERY = 1.0

#: Seconds that whatever lingers may take to be gone: a TFTP transfer, a chat session.
LINGERS = 120.0

#: Bytes a minute that the server may grow.
MOST_GROWTH = MEGABYTE

#: What no stranger may cause in the log.
FAILURES = re.compile(r"Traceback|#critical\]|#error\]|Unhandled|should not have happened")

OPTIONS = (
    "--files-write=yes",
    "--files-overwrite=yes",
    "--tftp-single-port=yes",  # a relay in front of it has one port, too
    "--web-request=2",
    "--files-first-request=2",
    "--keepalive=5:1:3",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a soak found.

    :ivar growth: bytes a minute, by a line through all looks after the warm-up.
    :ivar least: bytes of memory after the warm-up.
    :ivar most: the same, at most.
    :ivar left: descriptors more than at the start, when everybody had gone.
    :ivar failures: lines of the log that should not be there.
    :ivar share: of a processor that the server used.
    """

    seconds: float
    growth: float
    least: int
    most: int
    left: int
    failures: list[str]
    wrong: list[str]
    done: dict[str, int]
    faults: int
    share: float

    @property
    def wanted(self) -> int:
        """How many transfers there have to be: in a short time, on a busy machine, any."""
        return 100 if self.seconds >= TELLS else 1

    @property
    def passed(self) -> bool:
        """Whether nothing grew, nothing was left, and nothing went wrong."""
        return (
            (self.growth < MOST_GROWTH or self.seconds < TELLS)
            and self.left <= 0
            and not self.failures
            and not self.wrong
            and self.done.get("transfers", 0) >= self.wanted
        )

    def table(self) -> Iterator[str]:
        """Yield it as lines: what, measured, expected."""
        limit = f"under {MOST_GROWTH / MEGABYTE:g} MB"
        if self.seconds < TELLS:
            limit += f" (of {TELLS:g} s or more)"
        rows = (
            ("memory a minute", f"{self.growth / MEGABYTE:+.3f} MB", limit),
            ("memory", f"{self.least / MEGABYTE:.1f} to {self.most / MEGABYTE:.1f} MB", ""),
            ("descriptors left", f"{self.left:+d}", "none"),
            ("failures in the log", str(len(self.failures)), "none"),
            ("wrong answers", str(len(self.wrong)), "none"),
            ("transfers", str(self.done.get("transfers", 0)), f"{self.wanted} or more"),
            ("datagrams with a fault", str(self.faults), ""),
            ("of a processor", f"{self.share:.0%}", ""),
            ("done", ", ".join(f"{n} {what}" for what, n in sorted(self.done.items())), ""),
        )
        for what, measured, expected in rows:
            yield f"  {what:24} {measured:28} {expected}".rstrip()
        for each in (*self.failures[:5], *self.wrong[:5]):
            yield f"  wrong: {each}"


def soak(seconds: float, seed: int, folder: Path) -> Outcome:
    """Use a server for so long.

    :param folder: an empty one; what is shared, and what is fetched, goes there.
    """
    shared = folder / "shared"
    shared.mkdir()
    files = _fill(shared, seed)
    server = start(f"--files-root={shared}", *OPTIONS)
    try:
        before, used = descriptors(server), cpu(server)
        with _relays(server, seed) as relays:
            ports = {door: server.port(door) for door in doors("stream")}
            ports |= {door: relay.port for door, relay in relays.items()}
            world = World(seed, ports, files, folder)
            threads = started(world)
            looks = list(_looks(server, seconds))
            share = (cpu(server) - used) / seconds
            stopped(world, threads)
            left = _left(server, before)
    finally:
        server.stop()
    warm = min(WARM_UP, seconds / 3)
    times, sizes = zip(*(each for each in looks if each[0] >= warm), strict=True)
    slope = statistics.linear_regression(times, sizes).slope * 60
    faults = sum(relay.faults for relay in relays.values())
    failures = [line.strip() for line in server.output if FAILURES.search(line)]
    done = dict(world.done)
    return Outcome(
        seconds, slope, min(sizes), max(sizes), left, failures, world.wrong, done, faults, share
    )


def _fill(folder: Path, seed: int) -> dict[str, str]:
    digests = {}
    for number, size in enumerate((0, 511, 512, 70_000, 2 * MEGABYTE)):
        content = dice(f"{seed} {number}").randbytes(size)
        (folder / f"file{number}").write_bytes(content)
        digests[f"file{number}"] = hashlib.sha256(content).hexdigest()
    return digests


@contextmanager
def _relays(server: Bench, seed: int) -> Iterator[dict[str, Relay]]:
    made = {
        door: Relay(at(server, door), rule_of(BAD_LINK, dice(f"{seed} {door}")))
        for door in doors("datagram")
    }
    try:
        yield made
    finally:
        for each in made.values():
            each.close()


def _looks(server: Bench, seconds: float) -> Iterator[tuple[float, float]]:
    """Look at the server's memory now and then: seconds since the start, and bytes."""
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        assert server.process.poll() is None, server.text[-2000:]
        yield now, float(resident(server))
        time.sleep(EVERY)


def _left(server: Bench, before: int) -> int:
    """Wait until everybody has gone; return how many descriptors are left."""
    over = time.monotonic() + LINGERS
    while time.monotonic() < over:
        if descriptors(server) <= before and not any(
            counted(server, door).get("open") for door in doors("stream")
        ):
            break
        time.sleep(EVERY)
    return descriptors(server) - before
