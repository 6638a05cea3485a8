"""Tests of `twisted_net.echo.shown`."""

import json

import pytest

from twisted_net.echo import shown
from twisted_net.echo.tally import Event, Kind, Tally

MS = 1_000_000


def tally(*latencies: int) -> Tally:
    """Return the numbers of a run with these answers."""
    made = Tally(sent=len(latencies), answered=len(latencies))
    for latency in latencies:
        made.latency.add(latency * MS)
        made.behind.add(0)
    return made


@pytest.mark.parametrize(
    ("event", "why", "line", "record"),
    [
        (
            Event(Kind.ANSWER, 3, MS, reordered=True),
            "",
            "probe 3: 1.000 ms, out of order",
            {"event": "answer", "number": 3, "seconds": 0.001, "reordered": True},
        ),
        (
            Event(Kind.LATE, 4, 2000 * MS),
            "",
            "probe 4: late, 2000.000 ms",
            {"event": "late", "number": 4, "seconds": 2.0, "reordered": False},
        ),
        (
            Event(Kind.LOST, 5),
            "",
            "probe 5: lost",
            {"event": "lost", "number": 5, "seconds": None, "reordered": False},
        ),
        (
            Event(Kind.UNSENT, 6),
            "the send buffer is full",
            "probe 6: not sent: the send buffer is full",
            {
                "event": "unsent",
                "number": 6,
                "seconds": None,
                "reordered": False,
                "why": "the send buffer is full",
            },
        ),
        (
            Event(Kind.STRAY, -1),
            "",
            "an answer to no probe that is known",
            {"event": "stray", "number": None, "seconds": None, "reordered": False},
        ),
    ],
)
def test_an_event_is_a_line_or_an_object(
    event: Event, why: str, line: str, record: dict[str, object]
) -> None:
    """For people, or for programs."""
    assert shown.line(event, why) == line
    assert shown.record(event, why) == record


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_event_has_words(kind: Kind) -> None:
    """None is shown as a bare constant."""
    assert shown.line(Event(kind, 1))
    assert json.dumps(shown.record(Event(kind, 1)))


def test_a_summary_says_what_was_counted_and_where() -> None:
    """Rare things only where they came; loss with one decimal."""
    run = tally(1, 2, 3)
    run.sent, run.lost, run.late, run.duplicates = 7, 2, 1, 1
    assert shown.summary(run, 5.0) == [
        "7 sent, 3 answered, 50.0 % loss: 2 lost, 1 late"
        " (counted on this side: no answer here within 5 s)",
        "1 duplicate, 1 still under way",
        "min 1.000 avg 2.000 p50 2.000 p90 3.000 p99 3.000 max 3.000 stddev 0.816 jitter 0.000 ms",
        "latency counts from when a probe was due; this side sent at most 0.000 ms late,"
        " half of them within 0.000 ms",
    ]


def test_a_run_without_an_answer_has_a_summary_too() -> None:
    """Without times, and in JSON without a made-up zero."""
    silent = Tally(sent=4, lost=4)
    assert shown.summary(silent, 1.0)[0].startswith("4 sent, 0 answered, 100.0 % loss: 4 lost")
    assert len(shown.summary(silent, 1.0)) == 1
    assert shown.summary_record(silent)["latency"] is None
    assert shown.histogram(silent) == []


def test_a_sparkline_shows_the_last_probes_as_heights() -> None:
    """A gap where nothing came back; in ASCII where a terminal has no more."""
    for plain, line in ((False, "▁▄█\N{MULTIPLICATION SIGN}"), (True, "_=#x")):
        spark = shown.Sparkline(plain)
        for latency in (1, 2, 3):
            spark.add(Event(Kind.ANSWER, 0, latency * MS))
        spark.add(Event(Kind.LOST, 0))
        spark.add(Event(Kind.DUPLICATE, 0))
        assert str(spark) == line
        assert shown.live(tally(1), spark) == f"1 probe, 0.0 % loss  p50 1.000 ms  {line}"


def test_a_histogram_has_a_bar_for_each_row() -> None:
    """The longest is of the most frequent; a single value is a single row."""
    lines = shown.histogram(tally(*[1] * 40, 1000), plain=True)
    assert len(lines) == 10
    assert lines[0].endswith("#" * 40 + "  40")
    assert lines[-1].rstrip().endswith("1")
    assert sum(int(line.split()[-1]) for line in lines) == 41
    assert len(shown.histogram(tally(1))) == 1


def test_a_histogram_fits_a_narrow_terminal() -> None:
    """Bars give way to what is written beside them, and stay long enough to be told apart."""
    many = tally(*[1] * 40, 1000)
    for columns in (40, 60, 100):
        lines = shown.histogram(many, plain=True, columns=columns)
        assert max(map(len, lines)) == min(columns, len(shown.histogram(many, plain=True)[0]))
    narrow = shown.histogram(many, plain=True, columns=10)
    assert narrow[0].endswith(" ms  ####  40")
