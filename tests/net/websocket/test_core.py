"""Tests of `twisted_net.net.websocket.core`: frames and the time in, messages and frames out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.websocket.clients import Client
from twisted_net.net.websocket.core import (
    CLOSE_WITHIN,
    GONE_AFTER,
    LONGEST,
    PING_EVERY,
    Conversation,
    Heard,
    Kind,
    State,
)


def opened(kind: Kind = Kind.EITHER, first: float | None = None) -> tuple[Client, Conversation]:
    """Return both ends of a WebSocket."""
    client = Client()
    client.hears(b"HTTP/1.1 101 fine\r\n\r\n")
    return client, Conversation(0.0, kind, first=first)


def stands(server: Conversation) -> State:
    """Return where it stands now."""
    return server.state


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.EITHER])
def test_text_goes_both_ways(kind: Kind) -> None:
    """One line a message."""
    client, server = opened(kind)
    assert server.received(client.says("NICK é", "USER"), 1.0) == Heard(
        b"NICK \xc3\xa9\r\nUSER\r\n"
    )
    assert client.hears(server.said("wäre".encode())) == (["wäre"], b"")
    assert client.hears(server.said(b"caf\xe9")) == (["caf\ufffd"], b"")


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.EITHER])
def test_bytes_go_both_ways(kind: Kind) -> None:
    """In whatever charset; without a subprotocol the client's first message decides."""
    client, server = opened(kind)
    assert server.received(client.says(b"caf\xe9"), 1.0).lines == b"caf\xe9\r\n"
    assert client.hears(server.said(b"caf\xe9")) == ([b"caf\xe9"], b"")


MESSAGES = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=40))


@pytest.mark.fuzz
@given(MESSAGES, st.data())
def test_messages_arrive_however_they_are_cut(messages: list[str], data: st.DataObject) -> None:
    """Into frames, with pings between these, and into reads (R28)."""
    client, server = opened(Kind.TEXT)
    stream = b""
    for message in messages:
        cut = data.draw(st.integers(0, len(message)))
        stream += client.part(message[:cut], last=False) + client.pings_it(b"?")
        stream += client.part(message[cut:])
    lines = b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        heard = server.received(stream[:size], 1.0)
        assert not heard.fault
        assert client.hears(heard.answer) == ([], b"")
        lines, stream = lines + heard.lines, stream[size:]
    assert lines.decode() == "".join(f"{each}\r\n" for each in messages)
    assert bool(client.pongs) == bool(messages)


@pytest.mark.fuzz
@given(st.lists(st.binary(max_size=30)), st.booleans())
def test_garbage_ends_in_one_close_at_most(pieces: list[bytes], closing: bool) -> None:
    """Nothing is raised (R28)."""
    client, server = opened()
    if closing:
        client.hears(server.close(1000, "", 0.0))
    faults = 0
    for piece in pieces:
        heard = server.received(piece, 1.0)
        faults += bool(heard.fault)
        client.hears(heard.answer)
        assert not heard.fault or client.closed is not None
    assert faults <= 1
    assert not server.received(b"\x81\x00", 1.0).lines


def frame(first: int, second: int, payload: bytes = b"") -> bytes:
    """Return a frame with a mask that changes nothing."""
    return bytes([first, 0x80 | second]) + bytes(4) + payload


#: A message that is one byte too long.
HUGE = b"\x81\xff" + (LONGEST + 1).to_bytes(8, "big") + bytes(4 + LONGEST + 1)


@pytest.mark.parametrize(
    ("sent", "code", "fault"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1002, "not_websocket"),
        (b"\x81\x01x", 1002, "not_websocket"),  # no mask
        (frame(0xC1, 1, b"x"), 1002, "not_websocket"),  # compressed; nobody offered that
        (frame(0x80, 1, b"x"), 1002, "not_websocket"),  # goes on with nothing
        (frame(0x09, 0), 1002, "not_websocket"),  # a ping in parts
        (frame(0x89, 126), 1002, "not_websocket"),  # a ping that is too long
        (frame(0x88, 2, b"\x03\xed"), 1002, "not_websocket"),  # 1005 is never sent
        (frame(0x81, 1, b"\xff"), 1007, "not_text"),
        (frame(0x81, 3, b"a\nb"), 1008, "not_a_line"),
        (frame(0x82, 1, b"x"), 1003, "wrong_kind"),
        (HUGE, 1009, "message_too_long"),
    ],
)  # fmt: skip
def test_who_breaks_a_rule_hears_which(sent: bytes, code: int, fault: str) -> None:
    """And is heard no more."""
    client, server = opened(Kind.TEXT)
    heard = server.received(sent + frame(0x81, 1, b"y") * 3, 1.0)
    assert heard.fault == fault
    client.hears(heard.answer)
    assert client.closed is not None
    assert client.closed[0] == code
    assert client.closed[1]
    assert stands(server) is State.FAILED
    assert server.received(frame(0x81, 1, b"z"), 1.0) == Heard()
    assert server.said(b"still?") == b""
    assert server.wake(1.0 + CLOSE_WITHIN).cut


def test_a_message_is_as_long_as_it_may_be_and_no_longer() -> None:
    """In one frame or in many, even of nothing."""
    client, server = opened()
    whole = "x" * LONGEST
    assert len(server.received(client.says(whole), 1.0).lines) == LONGEST + 2
    for _ in range(LONGEST // 1024):
        assert server.received(client.part("y" * 1024, last=False), 1.0) == Heard()
        assert server.received(client.part("", last=False) * 10, 1.0) == Heard()
    assert server.received(client.part("y", last=False), 1.0).fault == "message_too_long"


def test_of_many_pings_the_last_is_answered() -> None:
    """So that they cost us no more than who sends them (RFC 6455, 5.5.3)."""
    client, server = opened()
    heard = server.received(b"".join(client.pings_it(b"%d" % n) for n in range(1000)), 1.0)
    client.hears(heard.answer)
    assert client.pongs == [b"999"]


def test_a_silent_peer_is_asked_and_then_gone() -> None:
    """Whatever it says, a pong too, shows that it is there."""
    client, server = opened()
    assert server.deadline == PING_EVERY
    assert server.wake(PING_EVERY - 1) == Heard()
    _, pong = client.hears(server.wake(PING_EVERY).answer)
    assert client.pings == 1
    server.received(pong, PING_EVERY)
    now = PING_EVERY
    while now < PING_EVERY + GONE_AFTER:
        assert stands(server) is State.OPEN
        assert server.deadline is not None
        now = server.deadline
        heard = server.wake(now)
    assert (heard.fault, heard.cut, heard.answer) == ("ping_timeout", True, b"")
    assert server.deadline is None


def test_the_first_message_is_waited_for_and_no_part_of_it_counts() -> None:
    """A frame without an end holds no place for ever."""
    client, server = opened(first=10.0)
    server.received(client.part("NI", last=False), 9.0)
    assert server.deadline == 10.0
    heard = server.wake(10.0)
    client.hears(heard.answer)
    assert (heard.fault, client.closed) == ("no_first_message", (1008, "no message within 10 s"))
    client, server = opened(first=10.0)
    server.received(client.says("NICK"), 9.0)
    assert not server.wake(10.0).fault


def test_who_closes_is_heard_to_the_end_and_hears_its_code_again() -> None:
    """What was said before the close counts."""
    client, server = opened()
    heard = server.received(client.says("QUIT") + client.closes(1001), 1.0)
    assert heard == Heard(b"QUIT\r\n")
    assert stands(server) is State.LEFT
    assert server.said(b"too late") == b""
    client.hears(server.close(1000, "", 1.0))
    assert client.closed == (1001, "")
    assert stands(server) is State.OVER
    assert server.close(1000, "", 1.0) == b""


def test_our_close_is_answered_or_the_connection_is_cut() -> None:
    """Messages that crossed it are nobody's any more."""
    client, server = opened()
    closing = server.close(1000, "bye", 1.0)
    assert server.received(client.says("NICK"), 1.0) == Heard()
    _, answer = client.hears(closing)
    assert client.closed == (1000, "bye")
    server.received(answer, 1.0)
    assert stands(server) is State.OVER
    assert server.wake(1.0 + CLOSE_WITHIN).cut
    _, server = opened()
    server.close(1000, "", 1.0)
    assert not server.wake(CLOSE_WITHIN).cut
    assert server.wake(1.0 + CLOSE_WITHIN).cut


def test_a_half_close_is_a_close_without_words() -> None:
    """It still hears ours."""
    client, server = opened()
    server.left()
    client.hears(server.close(1000, "", 1.0))
    assert client.closed == (1000, "")
    assert stands(server) is State.OVER
