"""Tests of `twisted_net.files.tftp.compiled`: what is compiled, beside the Python it stands for."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.files.bad_wire import BadWire
from tests.files.wires import NOISE
from tests.leaks import SLACK, left_by
from twisted_net.files.store import Folder, OpenFile
from twisted_net.files.tftp import compiled, core
from twisted_net.files.tftp.codec import Error, Packet
from twisted_net.files.tftp.core import Agreed, Buffer, Sender
from twisted_net.files.tftp.core.numbers import Numbers
from twisted_net.files.tftp.trains import lay

ROOT = Path(__file__).parents[2]

needs_it = pytest.mark.skipif(bool(compiled.why_not), reason=f"not compiled: {compiled.why_not}")

#: All that a step changes, and what the time is learnt by. Not ``_expected``, which tells the next
#: step to be one of few instructions: how much lies ready may differ, and nobody else can tell.
OWN = ("state", "moved", "deadline", "repeats", "proven", "why", "finishing", "rings_at")
MORE = ("_acked", "_until", "_sent_at", "_echoes", "_tries", "_resent", "_told")
TIME = ("seconds", "fastest", "_mean", "_spread", "_fixed")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[OpenFile]:
    """Return an open file."""
    (tmp_path / "file").write_bytes(NOISE[:100_000])
    file = Folder(str(tmp_path)).open(b"file")
    yield file
    file.close()


def state(sender: Any) -> dict[str, Any]:
    """Return everything that a packet or a timeout may change."""
    time = {name: getattr(sender._timeout, name) for name in TIME}
    return {name: getattr(sender, name) for name in (*OWN, *MORE)} | time


def said(sender: Sender, step: str, number: int, now: float) -> bytes:
    """Let something happen to a sender, and return what it sends, end to end."""
    match step:
        case "wait":
            sent = sender.wake(now)
        case "error":
            sent = sender.received(Error(0, "enough"), now)
        case _:
            sent = sender.acked(number, now)
    assert all(isinstance(each, memoryview) for each in sent if each[:2] == b"\0\3")
    return b"".join(sent)


STEPS = st.tuples(
    st.sampled_from(["ack"] * 6 + ["again", "part", "far", "wait", "error"]),
    st.floats(0, 0.2) | st.just(7.0),
)


@needs_it
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    blksize=st.sampled_from([8, 512, 1428, 8192]),
    windowsize=st.sampled_from([1, 1, 2, 7, 16, 100]),
    rollover=st.integers(0, 1),
    timeout=st.sampled_from([None, None, 1, 0.5]),
    steps=st.lists(STEPS, max_size=120),
)
def test_a_sender_is_in_the_same_state_whatever_happens_to_it(
    file: OpenFile,
    blksize: int,
    windowsize: int,
    rollover: int,
    timeout: float | None,
    steps: list[tuple[str, float]],
) -> None:
    """And has sent the same, to the byte."""
    agreed = Agreed(blksize, windowsize, timeout, rollover)
    both = [kind(file, agreed, lay=lay) for kind in (Sender, compiled.Sender)]
    assert both[0].start(0.0) == both[1].start(0.0)
    now, heard = 0.0, 0
    for step, pause in steps:
        now += pause
        last = both[0]._until
        number = {"ack": last, "again": heard, "part": (heard + last) // 2}.get(step, last + 1)
        sent = [said(each, step, number % 65536, now) for each in both]
        heard = max(heard, min(number, last))
        assert sent[0] == sent[1]
        for each in both:
            each.read_ahead()
        assert state(both[0]) == state(both[1])


def reading_ahead(kind: Any) -> Any:
    """Return a sender that prepares what comes next, as a door has it do."""

    class Ahead(kind):  # type: ignore[misc]  # either kind
        def received(self, packet: Packet, now: float) -> list[Buffer]:
            sent: list[Buffer] = super().received(packet, now)
            self.read_ahead()
            return sent

    return lambda source, agreed: Ahead(source, agreed, lay=lay)


@needs_it
@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3])
def test_a_bad_wire_makes_no_difference(file: OpenFile, loss: float) -> None:
    """Lost, repeated and late packets: the same blocks as often, and the same end."""
    data = NOISE[:100_000]
    makers = [reading_ahead(kind) for kind in (Sender, compiled.Sender)]
    for seed in range(10):
        both = [
            BadWire(
                data,
                {"blksize": "1428"},
                seed,
                loss,
                sender=lambda _, agreed, make=make: make(file, agreed),  # type: ignore[misc]
            ).run()
            for make in makers
        ]
        ends = [(each.whole, each.content, each.blocks, each.server.why) for each in both]
        assert ends[0] == ends[1]
        assert data.startswith(both[0].content)
        assert both[0].whole == (both[0].content == data)


@needs_it
@pytest.mark.parametrize("rollover", [0, 1])
def test_numbers_roll_over_in_the_middle_of_what_is_ready(tmp_path: Path, rollover: int) -> None:
    """After 65535, in a file of 65,626 blocks."""
    (tmp_path / "file").write_bytes(NOISE[:525_000])
    with_numbers = Numbers(rollover)
    file = Folder(str(tmp_path)).open(b"file")
    both = [
        kind(file, Agreed(8, 2, rollover=rollover), lay=lay) for kind in (Sender, compiled.Sender)
    ]
    for each in both:
        each.start(0.0)
    while not both[0].over:
        number = with_numbers.of(both[0]._until)
        sent = [said(each, "ack", number, 1.0) for each in both]
        assert sent[0] == sent[1]
        for each in both:
            each.read_ahead()
    assert state(both[0]) == state(both[1])
    file.close()


@needs_it
@given(
    fixed=st.sampled_from([None, 2]),
    rounds=st.lists(st.floats(-1, 10) | st.just(0.0) | st.none(), max_size=30),
)
def test_a_timeout_learns_the_same(fixed: float | None, rounds: list[float | None]) -> None:
    """To the last bit: clocks that were set back, and expiries between."""
    both: list[Any] = [kind(fixed) for kind in (core.Timeout, compiled.Sender._timing)]
    for took in rounds:
        for each in both:
            if took is None:
                each.expired()
            else:
                each.measured(took)
        assert [getattr(both[0], name) for name in TIME] == [
            getattr(both[1], name) for name in TIME
        ]


@needs_it
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_until", 1 << 40),
        ("_until", -(1 << 40)),
        ("_next_until", 1 << 40),
        ("_next_until", 0),
        ("_timeout", None),
    ],
)
def test_a_state_that_cannot_be_is_an_error_and_no_crash(
    file: OpenFile, name: str, value: Any
) -> None:
    """Somebody may have set anything."""
    sender: Any = compiled.Sender(file, Agreed(512, 1), lay=lay)
    sender.start(0.0)
    sender.acked(1, 0.0)
    sender.read_ahead()
    setattr(sender, name, value)
    with pytest.raises(RuntimeError, match="nothing is ready"):
        sender.acked(2, 0.0)


@needs_it
def test_what_is_no_value_for_a_field_is_refused(file: OpenFile) -> None:
    """As it would be found out too late."""
    sender: Any = compiled.Sender(file, Agreed(512, 1), lay=lay)
    for name, value in (("deadline", "soon"), ("_tries", None), ("_acked", "none")):
        with pytest.raises(TypeError):
            setattr(sender, name, value)
    for terms in ((0, 1, 0), (1 << 20, 1, 0), (512, 0, 0), (512, 1, 2)):
        with pytest.raises(ValueError, match="agree"):
            sender._prepare(3, 100, *terms)
    with pytest.raises(TypeError):
        sender._go_on("now")
    with pytest.raises(TypeError):
        sender._timeout.measured(None)
    assert sender.deadline is None


@needs_it
def test_a_bare_one_is_no_crash() -> None:
    """That was never begun."""
    bare: Any = compiled.Sender.__new__(compiled.Sender)
    bare.read_ahead()
    with pytest.raises(RuntimeError):
        bare._go_on(1.0)
    assert bare.deadline is None


@needs_it
def test_a_file_that_shrinks_is_found_out_while_it_is_read_ahead(
    file: OpenFile, tmp_path: Path
) -> None:
    """Nothing that is not in it is sent, by neither."""
    both = [kind(file, Agreed(512), lay=lay) for kind in (Sender, compiled.Sender)]
    for each in both:
        each.start(0.0)
        each.acked(1, 0.0)
        each.read_ahead()
    os.truncate(tmp_path / "file", 20_000)
    for each in both:
        sent = NOISE[: 2 * 512]
        while not each.over:
            sent += said(each, "ack", each._until, 0.0)[4:]
            each.read_ahead()
        assert each.why == "file changed while sending"
        whole = len(sent) // 512 * 512  # behind it are the words of an ERROR
        assert sent[:whole] == NOISE[:whole]


@needs_it
def test_nothing_is_leaked(file: OpenFile) -> None:
    """Of a hundred transfers."""

    def play() -> None:
        for _ in range(20):
            sender: Any = compiled.Sender(file, Agreed(512, 1), lay=lay)
            sender.start(0.0)
            for number in range(1, 100):
                sender.acked(number, 0.0)
                sender.read_ahead()
            sender.itself = sender  # a circle
        gc.collect()

    assert left_by(play) < SLACK
