"""Tests of `twisted_net.net.inherited`."""

import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_net.net import inherited
from twisted_net.net.inherited import Inherited, handed_over, opened


def test_sockets_are_handed_over_in_order_and_by_name() -> None:
    """From descriptor 3 on (sd_listen_fds(3))."""
    environment = {"LISTEN_PID": "42", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "echo::chat"}
    assert handed_over(environment, 42) == (
        Inherited("echo", 3),
        Inherited("unknown", 4),
        Inherited("chat", 5),
    )


@pytest.mark.parametrize(
    ("environment", "count"),
    [
        ({}, 0),
        ({"LISTEN_PID": "42"}, 0),
        ({"LISTEN_FDS": "2"}, 0),
        ({"LISTEN_PID": "43", "LISTEN_FDS": "2"}, 0),
        ({"LISTEN_PID": "42", "LISTEN_FDS": "-2"}, 0),
        ({"LISTEN_PID": "42", "LISTEN_FDS": "x"}, 0),
        ({"LISTEN_PID": "42", "LISTEN_FDS": "2"}, 2),
        ({"LISTEN_PID": "42", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b:c"}, 1),
    ],
)
def test_only_what_is_meant_for_us_is_taken(environment: dict[str, str], count: int) -> None:
    """A child of ours has the same variables."""
    assert len(handed_over(environment, 42)) == count


@given(st.dictionaries(st.sampled_from(["LISTEN_FDS", "LISTEN_FDNAMES"]), st.text(max_size=9)))
def test_no_environment_does_any_harm(environment: dict[str, str]) -> None:
    """There are sockets, or none."""
    for each in handed_over({**environment, "LISTEN_PID": "42"}, 42):
        assert each.descriptor >= inherited.FIRST
        if each.descriptor > 99:
            break


def test_what_was_given_at_the_start_is_still_known(tmp_path: Path) -> None:
    """Twisted takes the variables out of the environment when it is imported."""
    (tmp_path / "environ").write_bytes(b"LISTEN_FDS=1\0EMPTY=\0junk\0A=b=c\0\0")
    seen = inherited.at_start(tmp_path / "environ")
    assert seen == {"LISTEN_FDS": "1", "EMPTY": "", "A": "b=c"}
    assert inherited.at_start(tmp_path / "nope") == {}


class Fake:
    """A socket of some kind."""

    closed = False

    def __init__(self, kind: int) -> None:
        self.type = kind

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def setblocking(self, blocking: bool) -> None:
        """Do not block."""
        assert not blocking


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Hand over a stream socket and a datagram socket, as far as this test goes."""
    there = (Inherited("echo", 3), Inherited("udpecho", 4))
    monkeypatch.setattr(inherited, "ours", lambda: there)
    kinds = {3: socket.SOCK_STREAM, 4: socket.SOCK_DGRAM}
    sockets: list[Any] = []

    def make(fileno: int) -> Any:
        sockets.append(Fake(kinds[fileno]))
        return sockets[-1]

    monkeypatch.setattr("os.dup", lambda descriptor: descriptor)
    monkeypatch.setattr("os.set_inheritable", lambda *_: None)
    monkeypatch.setattr("socket.socket", make)
    return sockets


def test_a_socket_is_found_by_name_or_by_index(made: list[Any]) -> None:
    """And is of the kind that is wanted."""
    found: list[Any] = [
        opened({"name": "echo"}, socket.SOCK_STREAM),
        opened({"index": "1"}, socket.SOCK_DGRAM),
    ]
    assert found == made


@pytest.mark.parametrize(
    ("options", "kind", "why"),
    [
        (
            {"name": "nope"},
            socket.SOCK_STREAM,
            r"no inherited socket named 'nope' \(have: echo, udpecho\)",
        ),
        (
            {"index": "2"},
            socket.SOCK_STREAM,
            r"no inherited socket 2 \(have: echo, udpecho\)",
        ),
        (
            {"name": "udpecho"},
            socket.SOCK_STREAM,
            "inherited fd 4 is SOCK_DGRAM, need SOCK_STREAM",
        ),
        ({"index": "0"}, socket.SOCK_DGRAM, "inherited fd 3 is SOCK_STREAM, need SOCK_DGRAM"),
    ],
)
def test_a_socket_that_will_not_do_is_one_line(
    options: dict[str, str], kind: socket.SocketKind, why: str, made: list[Any]
) -> None:
    """Which says what there is."""
    with pytest.raises(ValueError, match=f"^{why}$"):
        opened(options, kind)
    assert all(each.closed for each in made)


def test_where_nothing_was_inherited_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server was started by hand, say."""
    monkeypatch.setattr(inherited, "ours", tuple)
    for options in ({"name": "echo"}, {"index": "0"}):
        with pytest.raises(ValueError, match=r"^no inherited socket .*have: none; is a "):
            opened(options, socket.SOCK_STREAM)


def test_a_descriptor_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables may lie."""
    monkeypatch.setattr(inherited, "ours", lambda: (Inherited("echo", 999_999),))
    with pytest.raises(ValueError, match=r"^inherited fd 999999: bad file descriptor$"):
        opened({"name": "echo"}, socket.SOCK_STREAM)
