"""Decisions that depend on nothing but the seed and the place: who runs it again gets them again.

What befalls the tenth datagram to the second client is settled by the seed, whenever it comes,
however many others come meanwhile, and whatever the rules were before. A hash is asked, and not a
generator, so that nothing has to be drawn for what nobody asks about.
"""

import struct
from hashlib import blake2b

from twisted_net.faults.core.harm import Harm, Way
from twisted_net.testing.faults import DRAWS, UNHARMED, Fate, Fault, drawn, fate_of

#: What a fault of the simulated network is called here, where the words differ; jitter befalls
#: everything, and is not worth telling.
_TOLD = {"loss": "loss", "dup": "duplicate", "reorder": "reorder"}


class Dice:
    """The dice of one direction of one connection."""

    def __init__(self, seed: int, connection: int, way: Way) -> None:
        self._name = f"{connection} {way.value}"
        self._seed = f"{seed}/{self._name}"

    def fate(self, n: int, harm: Harm) -> tuple[Fate, list[str]]:
        """Return whether, how often and when the n-th thing arrives, and what of it to tell."""
        if not (harm.loss or harm.duplicate or harm.reorder or harm.jitter):
            return UNHARMED, []
        faults: list[Fault] = drawn(self._name, n, harm.link, 1, self._draws("fate", n))
        return fate_of(faults), [_TOLD[each.kind] for each in faults if each.kind in _TOLD]

    def corrupt(self, n: int, harm: Harm) -> float | None:
        """Return which bit of the n-th thing is turned over, as a part of all, 0 to 1; or None."""
        if not harm.corrupt:
            return None
        whether, where, *_ = self._draws("corrupt", n)
        return where if whether < harm.corrupt else None

    def split(self, n: int, harm: Harm) -> float | None:
        """Return where the n-th thing is cut, as a part of its length, 0 to 1; None: it is not."""
        if not harm.split:
            return None
        whether, where, *_ = self._draws("split", n)
        return where if whether < harm.split else None

    def _draws(self, what: str, n: int) -> list[float]:
        return draws(f"{self._seed} {what} {n}")


def concerns(seed: int, connection: int, only: float) -> bool:
    """Say whether the rules are about a connection, where they are about some of them only."""
    return draws(f"{seed}/{connection} only")[0] < only


def draws(place: str) -> list[float]:
    """Return what the dice show at a place: `DRAWS` numbers, from 0 to below 1."""
    digest = blake2b(place.encode(), digest_size=8 * DRAWS).digest()
    return [each / 2**64 for each in struct.unpack(f"<{DRAWS}Q", digest)]


def corrupted(data: bytes, where: float) -> bytes:
    """Return bytes with one bit turned over.

    :param where: which one, as a part of all of them, 0 to 1.
    """
    if not data:
        return data
    bit = min(int(where * len(data) * 8), len(data) * 8 - 1)
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
