"""Tests of `twisted_net.files.core`: one connection of the line door, without I/O."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.files.codec import Get, List, RefusedError, Stat
from twisted_net.files.core import NEXT, Bare, Event, Say, Session, State, Step, part
from twisted_net.net.errors import LocalProtocolError, RemoteProtocolError


def answers(pieces: list[bytes], ended: bool = True) -> tuple[list[Step], State]:
    """Return what a session asks its door to do, and where it ends."""
    session = Session()
    steps: list[Step] = []
    for piece in pieces:
        session.received(piece)
        _take(session, steps)
    if ended:
        session.ended()
        _take(session, steps)
    return steps, session.state


def _take(session: Session, steps: list[Step]) -> None:
    while (step := session.turn()) is not None:
        steps.append(step)
        if not isinstance(step, Say):
            session.answered()


def by_bytes(stream: bytes) -> list[bytes]:
    """Cut a stream into single bytes."""
    return [bytes([byte]) for byte in stream]


def test_a_name_and_a_newline_is_the_bare_form() -> None:
    """The client of the textbook: a name, the bytes, and the connection closes."""
    for pieces in ([b"hello.txt\n"], by_bytes(b"hello.txt\r\n")):
        assert answers(pieces, ended=False) == ([Bare(b"hello.txt")], State.CLOSED)


def test_a_name_and_a_half_close_is_the_bare_form_too() -> None:
    """``printf hello.txt | nc -N`` sends no newline."""
    assert answers([b"hello.txt"]) == ([Bare(b"hello.txt")], State.CLOSED)
    assert answers([b"hello.txt"], ended=False) == ([], State.FRESH)


def test_a_bare_name_is_taken_as_it_stands() -> None:
    """Blanks and percent signs are part of it: such a client knows no quoting."""
    assert answers([b"100 %25.txt\n"])[0] == [Bare(b"100 %25.txt")]


def test_what_follows_a_bare_name_is_not_a_request() -> None:
    """Only the first line counts."""
    assert answers([b"a.txt\nGET b.txt\n"]) == ([Bare(b"a.txt")], State.CLOSED)


def test_several_requests_on_one_connection_are_answered_in_order() -> None:
    """Whole and byte by byte, sent without waiting for answers."""
    stream = b"LIST sub/\nget a.txt 5\nSTAT a.txt\nQUIT\n"
    expected = [List(b"sub/"), Get(b"a.txt", 5), Stat(b"a.txt"), Say(b"OK bye\n")]
    for pieces in ([stream], by_bytes(stream)):
        assert answers(pieces, ended=False) == (expected, State.CLOSED)


def test_a_request_waits_until_the_one_before_is_answered() -> None:
    """Or two files would be mixed on the wire."""
    session = Session()
    session.received(b"GET a\nGET b\n")
    assert session.turn() == Get(b"a")
    assert session.turn() is None
    session.answered()
    assert session.turn() == Get(b"b")


def test_the_door_stops_reading_while_requests_wait() -> None:
    """What a peer sends ahead is bounded by what one read brings."""
    session = Session()
    session.received(b"GET a\n")
    session.turn()
    seen = [session.full]
    session.received(b"GET b\n")
    seen.append(session.full)
    session.answered()
    session.turn()
    seen.append(session.full)
    assert seen == [False, True, False]


def test_a_half_close_still_gets_all_its_answers() -> None:
    r"""``printf 'GET a\nGET b' | nc -N`` gets two files."""
    steps, state = answers([b"GET a\nGET b"])
    assert steps == [Get(b"a"), Get(b"b")]
    assert state is State.CLOSED


def test_a_connection_without_a_word_is_closed_without_a_word() -> None:
    """A port scan is no error."""
    assert answers([]) == ([], State.CLOSED)


def test_a_bad_request_is_answered_and_the_session_goes_on() -> None:
    """A typing error of a person must not cost the connection."""
    steps, state = answers([b"GET\nNOPE\nSTAT x\n"], ended=False)
    assert steps == [
        Say(b"ERR 400 GET needs a name\n"),
        Say(b"ERR 400 unknown request 'NOPE'; try HELP\n"),
        Stat(b"x"),
    ]
    assert state is State.READY


def test_help_tells_how_many_lines_it_has() -> None:
    """A program can skip it."""
    (step,), _ = answers([b"HELP\n"], ended=False)
    assert isinstance(step, Say)
    head, *lines = step.words.decode().splitlines()
    assert head == f"OK {len(lines)}"


def test_a_line_without_end_is_an_error_of_the_peer() -> None:
    """Also when what came before it was fine."""
    session = Session()
    session.received(b"STAT x\n" + b"y" * 2000)
    assert session.turn() == Stat(b"x")
    session.answered()
    with pytest.raises(RemoteProtocolError, match="longer than 1024"):
        session.turn()


def test_a_server_that_stops_answers_only_what_it_has_begun() -> None:
    """The running transfer is finished, what was asked behind it is not begun."""
    session = Session()
    session.received(b"GET a\nGET b\n")
    session.turn()
    session.stop()
    session.answered()
    assert session.state is State.CLOSED
    assert session.turn() is None


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("state", list(State))
def test_every_event_in_every_state_moves_or_is_our_own_error(state: State, event: Event) -> None:
    """There is no third way, and no way back from the end."""
    session = Session()
    session.state = state
    if (state, event) not in NEXT:
        with pytest.raises(LocalProtocolError):
            session._move(event)
    else:
        session._move(event)
        assert session.state is NEXT[state, event]
        assert state is not State.CLOSED or session.state is State.CLOSED


@given(
    st.lists(st.sampled_from([b"GET a", b"LIST", b" ", b"\n", b"\r\n", b"x", b"QUIT", b"\xff"])),
    st.data(),
)
def test_the_way_a_stream_is_cut_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    """Sticky and split packets ask for the same things as one packet."""
    stream = b"".join(parts)
    at = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    pieces = [stream[i:j] for i, j in zip([0, *at], [*at, len(stream)], strict=True)]
    assert answers(pieces) == answers(by_bytes(stream))


def test_a_part_of_a_file_ends_where_the_file_ends() -> None:
    """More than there is cannot be sent, and a part behind the end is an error."""
    assert part(10, 0, None) == 10
    assert part(10, 4, None) == 6
    assert part(10, 4, 3) == 3
    assert part(10, 4, 300) == 6
    assert part(10, 10, None) == 0
    with pytest.raises(RefusedError, match=r"offset past end \(size 42\)") as caught:
        part(42, 10**18, None)
    assert caught.value.code == 416
