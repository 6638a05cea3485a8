"""Random scripts for parties of connections.

A script is drawn from a seed and says what a party does when it has heard so many bytes, or so
much time after it was connected. What plays them is in `parties`, where in `playing`.
"""

from dataclasses import dataclass
from random import Random

#: What may be done, and how often.
ACTIONS: tuple[tuple[str, int], ...] = (
    ("write", 10),
    ("sequence", 4),
    ("push", 3),
    ("pull", 3),
    ("own", 3),
    ("pause", 3),
    ("slow", 2),
    ("write, pull", 2),
    ("write, pause", 1),
    ("write, resume", 1),
    ("write, unregister", 1),
    ("write, lose", 2),
    ("half", 2),
    ("lose", 2),
    ("abort", 1),
    ("linger", 1),
    ("raise", 1),
)

#: What may be done to the next party of the same process, while one's own code runs.
CROSSING = (("write to another", 6), ("lose another", 1), ("abort another", 1), ("half another", 1))

#: Where a party may fail, besides in what it does when it hears something. Not in `pauseProducing`:
#: there, Twisted's own transports forget to send what was just written.
HOOKS = (
    "connectionMade", "readConnectionLost", "writeConnectionLost", "connectionLost",
    "resumeProducing", "stopProducing",
)  # fmt: skip

SIZES = (1, 10, 1000, 5000, 40_000, 70_000, 200_000)

#: What a host holds for a connection in each direction; and what takes whatever anybody writes.
BUFFER = 65_536
ROOM = 64 << 20


@dataclass(frozen=True, slots=True)
class Step:
    """Do something.

    :ivar heard: when so many bytes were heard; None: at a time.
    :ivar at: the time after the connection was made, in seconds.
    """

    heard: int | None
    at: float
    action: str
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Script:
    """What one party does.

    :ivar halves: whether it knows of connections that are closed by halves.
    :ivar fails: in which of the `HOOKS` it raises an error; empty: in none.
    """

    halves: bool
    steps: tuple[Step, ...]
    fails: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """What is played: scripts, and where.

    :ivar pairs: the scripts of the two ends of each connection, that which listens first.
    :ivar alone: whether all of them live in one process.
    :ivar tls: ``never``, ``at once``, or ``later``: after some words in the clear, which the
        other end says if ``turned``.
    :ivar mtu: the largest packet; most are as on loopback, which saves time.
    :ivar sndbuf: how many bytes a host takes to send; with `ROOM`, it takes all at once.
    :ivar cut: whether reads come in pieces of drawn lengths.
    """

    pairs: tuple[tuple[Script, Script], ...]
    alone: bool
    tls: str
    turned: bool
    latency: float
    mtu: int
    sndbuf: int
    cut: bool


def draw_play(seed: int) -> Play:
    """Draw what is played under a seed."""
    dice = Random(f"play {seed}")  # noqa: S311 - repeatable, not secret
    many = dice.choice((1, 1, 1, 1, 2, 3))
    return Play(
        tuple((draw(dice, many > 1), draw(dice, many > 1)) for _ in range(many)),
        alone=many > 1 or dice.random() < 0.1,
        tls=dice.choices(("never", "at once", "later"), (10, 1, 1))[0],
        turned=dice.random() < 0.5,
        latency=dice.choice((0.00051, 0.0103)),
        mtu=dice.choice((1500, 9000, 65_535, 65_535, 65_535)),
        sndbuf=dice.choice((BUFFER, ROOM)),
        cut=dice.random() < 0.3,
    )


def draw(dice: Random, crossing: bool = False) -> Script:
    """Draw the script of one party."""
    actions = ACTIONS + CROSSING if crossing else ACTIONS
    names = [name for name, often in actions for _ in range(often)]
    steps = []
    for _ in range(dice.randint(1, 7)):
        timed = dice.random() < 0.5
        steps.append(
            Step(
                None if timed else dice.choice((1, 2, 500, 20_000, 60_000)),
                round(dice.uniform(0, 0.3), 8) if timed else 0.0,
                dice.choice(names),
                dice.choice(SIZES),
                dice.randint(1, 6),
            )
        )
    fails = dice.choice(HOOKS) if dice.random() < 0.12 else ""
    return Script(dice.random() < 0.5, tuple(steps), fails)
