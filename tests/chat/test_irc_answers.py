"""Tests of `twisted_net.chat.core.irc.answers` (IRCv3 labeled-response)."""

import pytest

from twisted_net.chat.core.irc.answers import Answer


def answered(label: str, *lines: bytes) -> list[bytes]:
    """Return what a client hears."""
    put: list[bytes] = []
    answer = Answer(label, put.append, "s")
    answer.hold()
    for line in lines:
        answer.add(line)
    answer.release()
    return b"".join(put).splitlines()


def test_without_a_label_lines_go_at_once() -> None:
    """And nothing is acknowledged."""
    put: list[bytes] = []
    answer = Answer("", put.append, "s")
    answer.hold()
    answer.add(b":s 1 a\r\n")
    assert put == [b":s 1 a\r\n"]
    answer.release()
    assert put == [b":s 1 a\r\n"]


def test_no_line_is_an_acknowledgement() -> None:
    """Labelled."""
    assert answered("x") == [b"@label=x :s ACK"]


def test_one_line_carries_the_label_itself() -> None:
    """Beside its other tags."""
    assert answered("x", b":s 401 a b :c\r\n") == [b"@label=x :s 401 a b :c"]
    assert answered("a b", b"@time=1 :s A\r\n") == [b"@label=a\\sb;time=1 :s A"]


def test_more_lines_are_a_batch() -> None:
    """Which carries the label once; the lines name the batch."""
    assert answered("7-é", b":s 1\r\n@time=1 :s 2\r\n", b":s 3\r\n") == [
        "@label=7-é :s BATCH +l7 labeled-response".encode(),
        b"@batch=l7 :s 1",
        b"@batch=l7;time=1 :s 2",
        b"@batch=l7 :s 3",
        b":s BATCH -l7",
    ]


def test_a_batch_carries_the_label_itself() -> None:
    """It is not wrapped once more."""
    batch = b":s BATCH +h chathistory #a\r\n@batch=h :red PRIVMSG #a b\r\n:s BATCH -h\r\n"
    assert answered("x", batch) == [b"@label=x " + batch.splitlines()[0], *batch.splitlines()[1:]]


def test_a_batch_among_other_lines_stays_what_it_is() -> None:
    """Its lines name it, not the batch around them."""
    batch = b":s BATCH +h chathistory #a\r\n@batch=h :red PRIVMSG #a b\r\n:s BATCH -h\r\n"
    assert answered("x", batch, b":s 1\r\n")[1:-1] == [
        b"@batch=lx :s BATCH +h chathistory #a",
        b"@batch=h :red PRIVMSG #a b",
        b"@batch=lx :s BATCH -h",
        b"@batch=lx :s 1",
    ]


@pytest.mark.parametrize("label", ["", "x"])
def test_an_answer_waits_for_all_who_hold_it(label: str) -> None:
    """In whatever order they end; what comes later is not lost."""
    put: list[bytes] = []
    answer = Answer(label, put.append, "s")
    for _ in range(3):
        answer.hold()
    answer.release()
    answer.add(b":s 1\r\n")
    answer.release()
    assert len(put) == (0 if label else 1)
    answer.release()
    assert put == [b"@label=x :s 1\r\n" if label else b":s 1\r\n"]
    answer.add(b":s 2\r\n")
    assert put[1:] == [b":s 2\r\n"]
