"""Tests of `twisted_net.net.log` and `repeats`: a line is an event, and an event is a line."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.python.log import LogPublisher as OldLogPublisher

from tests.hostile import HOSTILE
from twisted_net.net.log import (
    FORMATS,
    LONGEST,
    LineObserver,
    json_factory,
    json_line,
    message,
    text_factory,
    text_line,
)
from twisted_net.net.repeats import BURST, KINDS, RATE, Repeats
from twisted_net.net.text import SHOWN, safe

WORDS = pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)


def event(form: str = "{door}: {name!r}", **fields: Any) -> dict[str, Any]:
    """Return an event, as a logger makes one."""
    return {
        "log_format": form,
        "log_level": LogLevel.warn,
        "log_namespace": "chat",
        "log_time": 1_700_000_000.25,
        **fields,
    }


class Written:
    """A logger whose events are written as lines.

    :ivar now: the time of the next event.
    """

    def __init__(self, form: str = "text") -> None:
        self.now = 1000.0
        self.out = io.StringIO()
        self.observer = LineObserver(self.out, FORMATS[form])
        self.log = Logger("chat", observer=self._take)  # type: ignore[arg-type]  # it is called

    def _take(self, event: dict[str, Any]) -> None:
        self.observer({**event, "log_time": self.now})

    @property
    def lines(self) -> list[str]:
        """What was written."""
        return self.out.getvalue().split("\n")[:-1]


def raw(line: str) -> bool:
    """Say whether something is in a line that a terminal might obey."""
    return safe(line, len(line)) != line


def test_a_line_of_text_has_time_source_and_message() -> None:
    """As Twisted's own, so that programs that read those read these."""
    assert text_line(event(door="chat-tcp", name="red")) == (
        "2023-11-14T22:13:20+0000 [chat#warn] chat-tcp: 'red'"
    )


@pytest.mark.parametrize("form", FORMATS)
def test_what_twisted_says_by_its_older_logging_is_said_by_twisted(form: str) -> None:
    """That a port is open, say; "log_legacy" is nobody whom a reader of the log knows."""
    seen: list[dict[str, Any]] = []
    OldLogPublisher(seen.append, seen.append).msg("%s starting on 7007", system="-")
    line = FORMATS[form](seen[-1])
    assert ("twisted" in line, "legacy" in line) == (True, False)


def test_a_line_of_json_has_every_field() -> None:
    """For programs."""
    peer = ("192.0.2.1", 7)
    line = json_line(event(door="chat-tcp", name="red", count=3, ratio=0.5, ok=True, peer=peer))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "warn",
        "logger": "chat",
        "message": "chat-tcp: 'red'",
        "fields": {
            "door": "chat-tcp",
            "name": "red",
            "count": 3,
            "ratio": 0.5,
            "ok": True,
            "peer": "('192.0.2.1', 7)",
        },
    }


@WORDS
@pytest.mark.parametrize("form", ["{name!r}", "{name}", "{name!s:>10}", "{name[0]}{name}"])
def test_nobody_gets_a_line_of_his_own(words: str, form: str) -> None:
    """Nor a control character through, whatever the format forgot; and no value is a page."""
    for name in (words, words.encode("utf-8", "surrogatepass")):
        line = text_line(event(form, name=name))
        assert not raw(line)
        assert len(line) < LONGEST + 200
        said = json.loads(json_line(event(form, name=name)))
        assert set(said) == {"time", "level", "logger", "message", "fields"}
        assert (said["level"], raw(said["message"])) == ("warn", False)
        assert len(said["fields"]["name"]) <= 2 * SHOWN


@WORDS
def test_a_stranger_s_value_is_cut(words: str) -> None:
    """256 characters, and how many more there were."""
    shown = message(event("{name!r}", name=words))
    assert len(shown) < 10 * SHOWN
    assert (f"({len(words) - SHOWN} more)" in shown) == (len(words) > SHOWN)


@WORDS
def test_a_message_that_is_a_format_by_mistake_is_a_line(words: str) -> None:
    """Somebody's plug-in may log so; nothing is disabled, and nothing looked up."""
    written = Written()
    written.log.info(words)
    written.log.warn("next")
    assert len(written.lines) == 2
    assert not any(map(raw, written.lines))


def test_a_field_that_breaks_when_it_is_shown_is_one_line() -> None:
    """Whatever object somebody logs."""

    class Broken:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    written = Written()
    written.log.info("{it!r}", it=Broken())
    (line,) = written.lines
    assert not raw(line)
    said = json.loads(json_line(event("x", it=Broken(), nan=float("nan"), big=10**400)))
    assert said["fields"]["it"] == "<Broken that cannot be shown: ZeroDivisionError>"
    assert (said["fields"]["nan"], type(said["fields"]["big"])) == ("nan", str)


def test_an_event_that_cannot_be_shown_is_a_line_that_says_so() -> None:
    """Twisted would take the observer away for a while."""
    out = io.StringIO()
    observer = LineObserver(out, json_line)
    observer(event("x {it}", log_time=1e30))
    assert json.loads(out.getvalue())["message"].startswith("an event that cannot be shown: ")


@WORDS
def test_a_traceback_follows_in_lines_that_no_event_begins_with(words: str) -> None:
    """An error may quote what a stranger wrote; in JSON it is a field."""
    try:
        raise ValueError(words)
    except ValueError:
        failed = event("a bug", log_failure=Failure())
    first, *lines = text_line(failed).split("\n")
    assert first.endswith("[chat#warn] a bug")
    assert len(lines) > 3
    assert all(line.startswith("\t| ") and not raw(line[1:]) for line in lines)
    assert "ValueError" in json.loads(json_line(failed))["traceback"]


@settings(max_examples=50)
@given(st.text(max_size=300), st.dictionaries(st.text(max_size=9), st.text() | st.binary()))
def test_any_event_is_one_line(form: str, fields: dict[str, Any]) -> None:
    """Whatever is in it."""
    made = {**fields, **event(form)}
    assert not raw(text_line(made))
    line = json_line(made)
    assert line.isascii()
    assert "\n" not in line
    json.loads(line)


# What repeats itself


def test_what_repeats_itself_is_counted_instead() -> None:
    """A stranger cannot fill a disk; and no event is lost from the count."""
    written = Written("json")
    for _ in range(1000):
        written.log.warn("{door}: bad", door="echo")
    assert len(written.lines) == BURST
    written.log.info("something else")
    written.now += 2
    written.log.warn("{door}: bad", door="echo")
    said = [json.loads(line) for line in written.lines[int(BURST) :]]
    assert [each["message"] for each in said] == [
        "something else",
        "900 more like this were not logged: '{door}: bad'",
        "echo: bad",
    ]
    assert [each["level"] for each in said] == ["info", "warn", "warn"]


def test_what_was_held_back_is_told_with_the_next_event_of_any_kind() -> None:
    """And at the end at the latest."""
    written = Written()
    for _ in range(150):
        written.log.warn("bad")
    written.now += 1.5
    written.log.info("other")
    assert [line.partition("] ")[2] for line in written.lines[100:]] == [
        "50 more like this were not logged: 'bad'",
        "other",
    ]
    for _ in range(200):
        written.log.info("worse")
    written.observer.close()
    assert "100 more like this were not logged: 'worse'" in written.lines[-1]
    written.observer.close()
    assert sum("more like this" in line for line in written.lines) == 2


def test_what_another_process_has_counted_is_told_as_it_comes() -> None:
    """A worker holds back by itself."""
    written = Written()
    for n in range(300):
        written.log.info("worker {n}", n=n, log_counted=True)
    assert len(written.lines) == 300


def test_messages_of_an_old_kind_are_told_apart_by_their_text() -> None:
    """Twisted's own, which have no format."""
    written = Written()
    for n in range(300):
        written.observer({"log_time": 1000.0, "log_text": f"{n}", "log_format": f"starting {n}"})
    assert len(written.lines) == 300


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1, 3)), max_size=400))
def test_told_and_held_back_are_all(steps: list[tuple[int, float]]) -> None:
    """Whatever the clock does."""
    repeats: Repeats[int] = Repeats(rate=1, burst=3)
    now, told, held = 100.0, 0, 0
    for kind, wait in steps:
        now += wait
        before = repeats.tell(kind, now)
        told += before is not None
        held += before or 0
        held += sum(count for _, count in repeats.overdue(now))
    held += sum(count for _, count in repeats.overdue(now + 1e9))
    assert told + held == len(steps)


def test_kinds_without_end_cost_a_bounded_amount() -> None:
    """Should a format hold what strangers write."""
    repeats: Repeats[Any] = Repeats()
    for kind in range(10 * KINDS):
        assert repeats.tell(kind, 0.0) == 0
    assert len(repeats._kinds) == KINDS


def test_so_many_a_second_are_told() -> None:
    """After the burst."""
    repeats: Repeats[Any] = Repeats()
    told = sum(repeats.tell("x", n / 1000) is not None for n in range(10_000))
    assert BURST + 9 * RATE <= told <= BURST + 11 * RATE


# Where it is written


class Full(io.StringIO):
    """A full disk."""

    def write(self, text: str) -> int:
        """Fail."""
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    """Twisted would disable the observer, and say so to it."""
    closed = io.StringIO()
    closed.close()
    for out in (Full(), closed):
        publisher = LogPublisher(LineObserver(out, text_line))
        Logger("x", observer=publisher).info("hello")


def test_a_terminal_that_knows_only_ascii_gets_escapes() -> None:
    """And no line is lost."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, "ascii", write_through=True)
    LineObserver(out, text_line)(event("café 猫"))
    assert raw.getvalue().endswith(b"caf\\xe9 \\u732b\n")


def test_twistd_finds_both_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """``twistd --logger twisted_net.net.log.json_factory``."""
    for factory in (text_factory, json_factory):
        factory()(event(door="x", name="y"))
    text, line = capsys.readouterr().out.splitlines()
    assert (text[-6:], json.loads(line)["message"]) == ("x: 'y'", "x: 'y'")
