"""What a run of probes looks like: lines, a sparkline, a histogram, records. Pure."""

from collections import deque
from typing import Any

from twisted_net.echo.tally import Event, Kind, Tally
from twisted_net.net.text import counted

_NANO = 1_000_000_000

#: Heights of a sparkline, and what stands for a probe that did not come back in time.
_HEIGHTS, _GAP = "▁▂▃▄▅▆▇█", "\N{MULTIPLICATION SIGN}"
_PLAIN_HEIGHTS, _PLAIN_GAP = "_.-=+*%#", "x"

#: Probes that a sparkline shows, rows of a histogram, and the columns of its longest bar: at most,
#: and at least, however narrow the terminal is.
_SPARKS = 30
_ROWS = 10
_BAR, _SHORT_BAR = 40, 4

#: What is said of a probe; `line` adds to it.
_WORDS = {
    Kind.ANSWER: "{ms} ms",
    Kind.LATE: "late, {ms} ms",
    Kind.DUPLICATE: "answered once more",
    Kind.LOST: "lost",
    Kind.REFUSED: "refused",
    Kind.UNSENT: "not sent",
}


def milliseconds(nanoseconds: float) -> str:
    """Return a time as a table of times shows it.

    >>> milliseconds(68_854), milliseconds(1_234_567_890)
    ('0.069', '1234.568')
    """
    return f"{nanoseconds / 1e6:.3f}"


def line(event: Event, why: str = "") -> str:
    """Return one event as a line.

    >>> line(Event(Kind.ANSWER, 3, 68_854, reordered=True))
    'probe 3: 0.069 ms, out of order'
    """
    if event.kind is Kind.STRAY:
        return "an answer to no probe that is known"
    words = _WORDS[event.kind].format(ms=milliseconds(event.nanoseconds))
    order = ", out of order" if event.reordered else ""
    return f"probe {event.number}: {words}{order}" + (f": {why}" if why else "")


def record(event: Event, why: str = "") -> dict[str, Any]:
    """Return one event as a JSON object; times are in seconds."""
    timed = event.kind in (Kind.ANSWER, Kind.LATE)
    return {
        "event": str(event.kind),
        "number": None if event.kind is Kind.STRAY else event.number,
        "seconds": event.nanoseconds / _NANO if timed else None,
        "reordered": event.reordered,
        **({"why": why} if why else {}),
    }


def summary_record(tally: Tally) -> dict[str, Any]:
    """Return the numbers of a run as a JSON object; times are in seconds."""
    behind = tally.behind
    times = {name: round(value / _NANO, 9) for name, value in _times(tally).items()}
    return {
        "sent": tally.sent,
        "answered": tally.answered,
        "loss_percent": round(tally.loss, 1),
        "lost": tally.lost,
        "late": tally.late,
        "refused": tally.refused,
        "duplicates": tally.duplicates,
        "reordered": tally.reordered,
        "altered": tally.altered,
        "stray": tally.stray,
        "unsent": tally.unsent,
        "waiting": tally.waiting,
        "latency": times or None,
        "sent_late": {
            "p50": round(behind.percentile(50) / _NANO, 9),
            "max": round(behind.highest / _NANO, 9),
        },
    }


def summary(tally: Tally, timeout: float, scheduled: bool = True) -> list[str]:
    """Return the numbers of a run as lines: always those that matter, others where not zero.

    :param scheduled: whether probes had times, or waited for answers.
    """
    lines = [
        f"{tally.sent} sent, {tally.answered} answered, {tally.loss:.1f} % loss:"
        f" {tally.lost} lost, {tally.late} late"
        f" (counted on this side: no answer here within {timeout:g} s)"
    ]
    seldom = ", ".join(_seldom(tally))
    if seldom:
        lines.append(seldom)
    times = [f"{name} {milliseconds(value)}" for name, value in _times(tally).items()]
    if times:
        lines.append(" ".join(times) + " ms")
    if not scheduled:
        lines.append("latency counts from the sending; a flood that waits hides a stall's length")
    elif tally.behind.count:
        lines.append(
            "latency counts from when a probe was due; this side sent at most"
            f" {milliseconds(tally.behind.highest)} ms late,"
            f" half of them within {milliseconds(tally.behind.percentile(50))} ms"
        )
    return lines


def _times(tally: Tally) -> dict[str, float]:
    """Return what is told of the latency, in nanoseconds; nothing, if no answer came in time."""
    latency = tally.latency
    if not latency.count:
        return {}
    return {
        "min": latency.lowest,
        "avg": latency.mean,
        **{f"p{percent}": latency.percentile(percent) for percent in (50, 90, 99)},
        "max": latency.highest,
        "stddev": latency.deviation,
        "jitter": tally.jitter,
    }


def _seldom(tally: Tally) -> list[str]:
    """Return what does not happen on a good network, as far as it has."""
    told = (
        (tally.refused, "refused"),
        (tally.duplicates, "duplicate" if tally.duplicates == 1 else "duplicates"),
        (tally.reordered, "reordered"),
        (tally.altered, "altered"),
        (tally.stray, "stray"),
        (tally.unsent, "not sent in time by this side"),
        (tally.waiting, "still under way"),
    )
    return [f"{number} {words}" for number, words in told if number]


def histogram(tally: Tally, plain: bool = False, columns: int = 80) -> list[str]:
    """Return how often which latency came, a line a row.

    :param plain: whether only ASCII can be shown.
    :param columns: what a line may take.
    """
    rows = tally.latency.rows(_ROWS)
    most = max((times for _, _, times in rows), default=0)
    width = max((len(milliseconds(to)) for _, to, _ in rows), default=0)
    around = 2 * width + len(" -  ms    ") + len(str(most))
    longest = max(_SHORT_BAR, min(_BAR, columns - around))
    bar = "#" if plain else "█"
    return [
        f"{milliseconds(start):>{width}} - {milliseconds(to):>{width}} ms"
        f"  {bar * -(-times * longest // most):<{longest}}  {times}"
        for start, to, times in rows
    ]


class Sparkline:
    """The last probes, one character each: the higher, the longer it took.

    :param plain: whether only ASCII can be shown.
    """

    def __init__(self, plain: bool = False) -> None:
        self._heights, self._gap = (_PLAIN_HEIGHTS, _PLAIN_GAP) if plain else (_HEIGHTS, _GAP)
        self._last: deque[int | None] = deque(maxlen=_SPARKS)

    def add(self, event: Event) -> None:
        """Take what became of a probe."""
        if event.kind is Kind.ANSWER:
            self._last.append(event.nanoseconds)
        elif event.kind in (Kind.LOST, Kind.REFUSED):
            self._last.append(None)

    def __str__(self) -> str:
        """Return it, from the lowest that it shows to the highest."""
        times = [each for each in self._last if each is not None]
        low, high = min(times, default=0), max(times, default=0)
        top = len(self._heights) - 1
        return "".join(
            self._gap if each is None else self._heights[(each - low) * top // max(1, high - low)]
            for each in self._last
        )


def live(tally: Tally, spark: Sparkline) -> str:
    """Return where a run stands, on one line."""
    latency = tally.latency
    times = f"  p50 {milliseconds(latency.percentile(50))} ms" if latency.count else ""
    return f"{counted(tally.sent, 'probe')}, {tally.loss:.1f} % loss{times}  {spark}"
