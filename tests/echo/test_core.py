"""Tests of `twisted_net.echo.core`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.echo.core import QUESTION, TRANSFORMS, Dialog
from twisted_net.net.errors import RemoteProtocolError


def answer(mode: str, pieces: list[bytes]) -> bytes:
    """Return all that a transform says to a stream in these pieces, after its first words."""
    transform = TRANSFORMS[mode]()
    transform.opened()
    answers = [answer for piece in pieces for answer in transform.received(piece)]
    return b"".join(answers) + transform.ended()


@pytest.mark.parametrize(
    ("mode", "said", "answered"),
    [
        ("identity", b"Hello \x00\xff\n", b"Hello \x00\xff\n"),
        ("upper", "hello, straße\n".encode(), "HELLO, STRAßE\n".encode()),
        ("discard", b"hello", b""),
        ("dialog", b"are you there?\r\nand you?", b"are you there!\nand you!\n"),
        ("dialog", "你好吗?\n".encode(), "你好!\n".encode()),
        (
            "dialog",
            "在\N{FULLWIDTH QUESTION MARK}\n".encode(),
            "在\N{FULLWIDTH EXCLAMATION MARK}\n".encode(),
        ),
    ],
)
def test_each_mode_answers_whole_and_byte_by_byte(mode: str, said: bytes, answered: bytes) -> None:
    """However the stream was cut, the answer is the same."""
    assert answer(mode, [said]) == answered
    assert answer(mode, [bytes([byte]) for byte in said]) == answered


def test_only_a_dialog_speaks_first() -> None:
    """It asks; the others wait to be spoken to."""
    first = {mode: make().opened() for mode, make in TRANSFORMS.items()}
    assert first == {"identity": b"", "upper": b"", "dialog": QUESTION, "discard": b""}


def test_a_dialog_refuses_an_endless_line() -> None:
    """It holds no more than a line."""
    dialog = Dialog()
    answers = iter(dialog.received(b"are you there?\n" + b"x" * 2000))
    assert next(answers) == b"are you there!\n"
    with pytest.raises(RemoteProtocolError):
        next(answers)
    assert dialog.ended() == b""


@given(st.binary(max_size=2000), st.sampled_from(list(TRANSFORMS)))
def test_an_answer_in_a_datagram_is_never_longer_than_its_question(data: bytes, mode: str) -> None:
    """Nobody gains anything by having it sent to somebody else."""
    said = TRANSFORMS[mode]().datagram(data)
    assert said is None or len(said) <= len(data)


@given(st.binary(max_size=500), st.sampled_from(["identity", "upper", "discard"]), st.data())
def test_the_way_a_stream_is_cut_does_not_matter(
    data: bytes, mode: str, cut: st.DataObject
) -> None:
    """Sticky and split packets give the same answer."""
    at = sorted(cut.draw(st.sets(st.integers(0, len(data)))))
    pieces = [data[i:j] for i, j in zip([0, *at], [*at, len(data)], strict=True)]
    assert answer(mode, pieces) == answer(mode, [data])


@pytest.mark.parametrize("mode", ["identity", "upper", "dialog"])
def test_an_empty_datagram_has_an_empty_answer(mode: str) -> None:
    """A datagram may be empty, and is still one (RFC 768)."""
    assert TRANSFORMS[mode]().datagram(b"") == b""


def test_discard_answers_no_datagram() -> None:
    """RFC 863: no response is sent."""
    assert TRANSFORMS["discard"]().datagram(b"x") is None
