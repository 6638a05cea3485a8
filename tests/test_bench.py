"""What the bench reckons from its samples, and how it shows it."""

import json
import re
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bench import aims, report
from bench.__main__ import bench
from bench.aims import Aim, judge
from bench.figures import figure, ratio
from bench.groups import ROWS
from bench.processes import DeadError, MissingError, Running
from bench.rounds import Measured, Servers, measure, rotated
from bench.rows import Row, Sample, Server, WrongError


def _sample(
    rate: float, cpu: float = 1e-6, waited: float = 0.0, load: float = 0.5, lost: int = 0
) -> Sample:
    """Return one second at ``rate`` operations, each for ``cpu`` seconds of the processor."""
    return Sample(int(rate), 1.0, rate * cpu, waited, load, lost)


def _server(name: str, why_not: str = "") -> Server:
    def start() -> Running:
        if why_not:
            raise MissingError(why_not)
        return Running.__new__(Running)  # no process

    return Server(name, "a server", start)


def _row(*servers: Server) -> Row:
    def load(running: Running, seconds: float) -> Sample:
        raise NotImplementedError

    return Row("tcp-1x64", "a little", "requests", servers, load)


class _Pretended(Servers):
    """Servers without a process."""

    def running(self, server: Server) -> Running:
        """Start it anew each time: there is nothing to keep, to check or to stop."""
        return server.start()


def test_the_middle_round_counts() -> None:
    """One round that the machine slept through changes nothing."""
    here = figure([_sample(100), _sample(1), _sample(110, lost=2)])
    assert (here.rate, here.lost) == (100, 2)
    assert here.spread == pytest.approx(0.545)
    assert here.cpu == pytest.approx(1e-6)


def test_servers_are_compared_round_by_round() -> None:
    """What slows a whole round slows both, and is no difference between them."""
    ours = [_sample(100), _sample(10), _sample(1000)]
    theirs = [_sample(50), _sample(5), _sample(500)]
    assert ratio(ours, theirs).decides == 2.0


def test_processor_time_decides_where_the_load_was_the_limit() -> None:
    """Two servers that both wait for the load look equally fast, and are not."""
    times = ratio([_sample(100, cpu=2e-6, load=0.99)], [_sample(100, cpu=1e-6)])
    assert times.rate == 1.0
    assert times.decides == pytest.approx(0.5)
    assert "load" in times.unfair


def test_processor_time_decides_where_others_had_the_core() -> None:
    """On a busy machine the clock measures the machine."""
    times = ratio([_sample(10, waited=0.5)], [_sample(100)])
    assert times.decides == pytest.approx(1.0)
    assert "other" in times.unfair


def test_a_slice_too_short_for_the_processor_s_clock_has_a_ratio() -> None:
    """A division by zero would lose the whole run."""
    assert ratio([_sample(1, cpu=0)], [_sample(1, cpu=0)]).cpu == 1.0


def test_where_nobody_knows_the_processor_time_the_clock_decides_or_nothing_does() -> None:
    """A server that forgets the processes it starts looks as if it worked for nothing."""
    peer = replace(_server("hpa"), forgets=True)
    row = replace(_row(_server("netdemo"), peer), load=lambda running, seconds: _sample(100))
    fair = measure(row, _Pretended(), rounds=3, seconds=0.5)
    assert [each.server for each in fair.samples["hpa"]] == [None] * 3
    unfair = Measured(row, {"netdemo": [_sample(90, load=0.99)], "hpa": fair.samples["hpa"]})
    verdicts = list(judge([fair, unfair], [Aim("tcp-.*", "hpa", 1.0)]))
    assert [each.met for each in verdicts] == [True, None]
    shown = [" ".join(line.split()) for line in report.aims(verdicts).splitlines()]
    assert "1 of 1 that were measured" in shown[0]
    assert shown[2].endswith("hpa 1.00 1.00 - met")
    assert "0.90 - cannot tell (the load was the limit" in shown[3]
    assert json.loads(json.dumps(report.for_programs([unfair], verdicts)))["aims"][1]["met"] is None


def test_an_aim_is_met_to_the_digits_that_are_shown() -> None:
    """A line that reads 0.95 and NOT MET 0.95 would be taken for a mistake."""
    row = _row(_server("netdemo"), _server("uvloop"))
    measured = Measured(row, {"netdemo": [_sample(946)], "uvloop": [_sample(1000)]})
    assert [each.met for each in judge([measured], [Aim("tcp-.*", "uvloop", 0.95)])] == [True]
    assert [each.met for each in judge([measured], [Aim("tcp-.*", "uvloop", 0.96)])] == [False]


def test_an_aim_may_be_about_processor_time_alone() -> None:
    """However fast each of the two was."""
    row = _row(_server("netdemo"), _server("ngircd"))
    samples = {"netdemo": [_sample(500, cpu=0.1)], "ngircd": [_sample(1000, cpu=0.2)]}
    asked = [Aim("tcp-.*", "ngircd", 0.9, by_cpu=True), Aim("tcp-.*", "ngircd", 0.9)]
    verdicts = list(judge([Measured(row, samples)], asked))
    assert [each.met for each in verdicts] == [True, False]
    assert "met by CPU (the aim says so)" in report.aims(verdicts)


def test_an_aim_whose_peer_is_missing_is_neither_met_nor_missed() -> None:
    """It is said to be not measured."""
    row = _row(_server("netdemo"), _server("go"))
    measured = Measured(row, {"netdemo": [_sample(946)]}, {"go": "no go in PATH"})
    asked = [Aim("tcp-1x64", "go", 1.0), Aim("udp-.*", "go", 1.0), Aim("tcp-1x64", "c", 1.0)]
    verdicts = list(judge([measured], asked))
    assert [each.ratio for each in verdicts] == [None]
    assert "not measured" in report.aims(verdicts)
    assert "0 of 0" in report.aims(verdicts)
    assert report.missing([measured]) == "missing: go: no go in PATH"


def test_every_aim_is_about_rows_and_servers_that_there_are() -> None:
    """One with a misspelt name would never be asked."""
    for aim in aims.AIMS:
        about = [row for row in ROWS if re.fullmatch(aim.rows, row.name)]
        named = {server.name for row in about for server in row.servers}
        assert {aim.server, aim.peer} <= named, aim


def test_rows_have_names_of_their_own() -> None:
    """``--rows`` and the aims know them by it; a server of one name is one server."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert len({server.name for server in row.servers}) == len(row.servers)


def test_every_server_is_once_the_first_of_a_round() -> None:
    """Who comes first finds the machine in another state than the others."""
    servers = [_server(name) for name in "abc"]
    firsts = [rotated(servers, number)[0].name for number in range(4)]
    assert firsts == ["a", "b", "c", "a"]
    assert rotated([], 3) == []


def test_a_server_that_is_missing_or_wrong_does_not_end_the_row() -> None:
    """The others are measured, and the two are named with the reason."""

    def load(running: Running, seconds: float) -> Sample:
        answers.append(seconds)
        if len(answers) == 2:
            raise WrongError("other bytes came back than were sent")
        return _sample(100)

    answers: list[float] = []
    there = (_server("good"), _server("bad"), _server("none", "not installed"))
    row = Row("tcp-1x64", "a little", "requests", there, load)
    measured = measure(row, _Pretended(), rounds=3, seconds=0.5)
    assert {name: len(samples) for name, samples in measured.samples.items()} == {"good": 3}
    assert measured.missing == {"none": "not installed"}
    assert measured.wrong == {"bad": "other bytes came back than were sent"}
    assert "bad: WRONG: other bytes" in report.table(measured)


def test_a_server_that_has_ended_is_one_that_is_wrong() -> None:
    """It is told from one that was never there: such a row has failed."""

    def load(running: Running, seconds: float) -> Sample:
        raise DeadError("ended with 1: Traceback")

    row = Row("tcp-1x64", "a little", "requests", (_server("bad"),), load)
    measured = measure(row, _Pretended(), rounds=2, seconds=0.5)
    assert measured.wrong == {"bad": "ended with 1: Traceback"}
    assert not measured.samples


def test_the_table_marks_what_cannot_be_compared() -> None:
    """The reader must not take a load's limit for a server's."""
    samples = {
        "netdemo": [_sample(50_000, cpu=2e-6)],
        "c": [_sample(100_000, cpu=1e-6, load=0.97, lost=3)],
        "go": [_sample(25_000, waited=0.2)],
    }
    shown = report.table(Measured(_row(), samples)).splitlines()
    wanted = [
        "server k/s ± CPU µs load wait x rate x CPU lost",
        "netdemo 50.0 0% 2.00 50% 0% 0",
        "c 100.0 0% 1.00 97%* 0% 0.50 0.50 3",
        "go 25.0 0% 1.00 50% 20%* 2.00 0.50 0",
    ]
    assert [" ".join(line.split()) for line in shown[1:]] == wanted


def test_programs_get_every_sample() -> None:
    """Medians alone cannot be looked into later."""
    samples = {"netdemo": [_sample(10), _sample(12)], "twisted": [_sample(10), _sample(10)]}
    measured = [Measured(_row(), samples, {"go": "no go"})]
    [row] = json.loads(json.dumps(report.for_programs(measured, list(judge(measured)))))["rows"]
    assert [each["operations"] for each in row["servers"]["netdemo"]["samples"]] == [10, 12]
    assert row["missing"] == {"go": "no go"}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--rows=nothing"], "--rows 'nothing': matches none of tcp-1x64, "),
        (["--rows=("], "--rows '(': no regular expression"),
        (["--servers=c,nothing"], "--servers 'nothing': no such server; there are netdemo"),
        (["--json=/no/such/folder/x"], "No such file or directory"),
    ],
)
def test_a_name_that_is_not_there_is_one_line(words: list[str], wanted: str) -> None:
    """It says what there is, before anything is started."""
    done = CliRunner().invoke(bench, words)
    assert done.exit_code == 2
    assert wanted in done.output.splitlines()[-1]


def test_what_can_be_measured_is_listed() -> None:
    """Without measuring it."""
    done = CliRunner().invoke(bench, ["--list", "--rows=tcp-churn", "--servers=twisted"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == [
        "rows",
        "tcp-churn",
        "servers",
        "twisted",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the bench needs epoll")
def test_without_a_compiler_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load generator is C: without it nothing can be measured."""
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    done = CliRunner().invoke(bench, ["--rows=tcp-churn"])
    assert done.exit_code == 1
    assert "no C compiler 'no-such-compiler'; install gcc or clang, or set CC" in done.output
