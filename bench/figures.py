"""What samples say: medians, how far they scatter, and one server's to another's (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.rows import Sample

#: Share of the time at which a load is taken to have been the limit: then the faster of two
#: servers waits for it, and only their processor time can be compared.
BUSY = 0.95

#: Share of the time that a server may have waited for its core before what it did in a second of
#: the clock says more of the machine's other work than of the server.
DISTURBED = 0.1


@dataclass(frozen=True, slots=True)
class Figure:
    """The medians of a server's samples.

    :ivar rate: operations a second.
    :ivar spread: half of the way from the slowest round to the fastest, as a share of ``rate``.
    :ivar cpu: processor seconds of the server an operation; None: nobody knows.
    :ivar busy: share of the time that the load ran or waited for its core.
    :ivar waited: share of the time that the server waited for its core, as others had it.
    :ivar lost: datagrams that got no reply, in all rounds.
    """

    rate: float
    spread: float
    cpu: float | None
    busy: float
    waited: float
    lost: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """One server to another: above 1, the first is the better one.

    :ivar rate: how many times as many operations a second.
    :ivar cpu: how many times as many operations in a second of processor time; None: nobody knows.
    :ivar unfair: why the rates cannot be compared; empty: they can.
    """

    rate: float
    cpu: float | None
    unfair: str = ""

    @property
    def decides(self) -> float | None:
        """The one that counts; None: the one that would is not known."""
        return self.cpu if self.unfair else self.rate


def figure(samples: Sequence[Sample]) -> Figure:
    """Return the medians of the samples, of which there is at least one."""
    rates = [_rate(each) for each in samples]
    middle = median(rates)
    return Figure(
        middle,
        (max(rates) - min(rates)) / 2 / middle,
        _median(_cpu(each) for each in samples),
        median(each.load / each.seconds for each in samples),
        median(each.waited / each.seconds for each in samples),
        sum(each.lost for each in samples),
    )


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> Ratio:
    """Compare round by round, and return the medians: what slowed a round slowed both."""
    pairs = list(zip(ours, theirs, strict=False))
    return Ratio(
        median(_rate(one) / _rate(other) for one, other in pairs),
        _median(_times(_cpu(other), _cpu(one)) for one, other in pairs),
        _unfair(figure(ours), figure(theirs)),
    )


def _unfair(ours: Figure, theirs: Figure) -> str:
    if max(ours.busy, theirs.busy) >= BUSY:
        return "the load was the limit"
    if max(ours.waited, theirs.waited) >= DISTURBED:
        return "other work had the core"
    return ""


def _rate(sample: Sample) -> float:
    return sample.operations / sample.seconds


def _cpu(sample: Sample) -> float | None:
    if sample.server is None:
        return None
    # A slice so short that no processor time was counted still has a ratio.
    return max(sample.server, 1e-9) / sample.operations


def _times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one / other


def _median(figures: Iterable[float | None]) -> float | None:
    known = [each for each in figures if each is not None]
    return median(known) if known else None
