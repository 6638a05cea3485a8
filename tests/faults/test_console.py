"""Tests of `twisted_net.faults.console` and `proxy`: what is typed, and where it listens."""

from typing import Any

import pytest

from twisted_net.faults import Breakage
from twisted_net.faults.console import Console
from twisted_net.faults.proxy import kind_of, parse_listen, parse_server
from twisted_net.net.clients import Target
from twisted_net.net.errors import SettingError


class Typed:
    """A console, and what came of what was typed at it."""

    def __init__(self) -> None:
        self.breakage = Breakage("stream")
        self.said: list[str] = []
        self.console = Console(
            self.breakage,
            lambda text, record: self.said.append(text),
            lambda: self.said.append("totals"),
            lambda: self.said.append("quit"),
        )


@pytest.mark.parametrize("at_once", [True, False])
def test_rules_and_commands_are_typed(at_once: bool) -> None:
    """However the terminal cuts them."""
    typed = Typed()
    text = b"loss=10% size=1\r\n\n  list \nloss=off\nclear\ntotals\nquit\nlist"
    for piece in [text] if at_once else [bytes([byte]) for byte in text]:
        typed.console.received(piece)
    assert typed.said == [
        "rules: loss=10% size=1",
        "rules: loss=10% size=1",
        "rules: size=1",
        "rules: none",
        "totals",
        "quit",
    ]


def test_what_is_typed_wrongly_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says why, and the next line is read."""
    typed = Typed()
    typed.console.received(b"size=1\nsize=2 lss=3\n\xff\x1b[2J\nlist\n" + b"x" * 5000)
    typed.console.received(b"\nsize=4\n")
    assert typed.said == ["rules: size=1", "rules: size=1", "rules: size=4"]
    complaints = capsys.readouterr().err.splitlines()
    assert [line.partition(" no such")[0] for line in complaints[:2]] == [
        "netdemo: rule 'lss=3':",
        "netdemo: rule '\\xff\\x1b[2J':",
    ]
    assert complaints[2:] == ["netdemo: a line longer than 1024 bytes"]


def test_where_to_listen_says_what_is_broken() -> None:
    """A stream endpoint or a datagram endpoint."""
    assert (kind_of("tcp:9000"), kind_of("udp6:9000"), kind_of("")) == (
        "stream",
        "datagram",
        "stream",
    )
    assert parse_listen("udp:9000").port == 9000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "LISTEN '': unknown type ''"),
        ("9000", "LISTEN '9000': need a type before the port; did you mean 'tcp:9000'?"),
        ("tcp:99999", "LISTEN 'tcp:99999': port must be 0-65535"),
        ("udp:x", "LISTEN 'udp:x': 'x' is not a port number"),
    ],
)
def test_a_place_where_nobody_can_listen_is_refused(text: str, why: str) -> None:
    """In the words of every other door."""
    with pytest.raises(SettingError) as caught:
        parse_listen(text)
    assert str(caught.value).startswith(why)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("127.0.0.1:7", "stream", Target("tcp", "127.0.0.1", 7)),
        ("[::1]:7", "datagram", Target("udp", "::1", 7)),
        ("tcp:host=bench.lan:port=7", "stream", Target("tcp", "bench.lan", 7)),
        ("unix:/run/x", "stream", Target("unix", "/run/x", 0)),
        ("bench.lan", "stream", "TARGET 'bench.lan': need a port, as 127.0.0.1:7007"),
        ("udp:bench.lan:7", "stream", "TARGET 'udp:bench.lan:7': LISTEN is tcp, and so must"),
        ("tcp:bench.lan:7", "datagram", "TARGET 'tcp:bench.lan:7': LISTEN is udp, and so must"),
        ("unix:/run/x", "datagram", "TARGET 'unix:/run/x': LISTEN is udp, and so must"),
        ("tftp://bench.lan:69", "datagram", "TARGET 'tftp://bench.lan:69': LISTEN is udp"),
        ("http://x:1", "stream", "'http://x:1': want HOST[:PORT]"),
    ],
)
def test_the_server_behind_is_an_address_of_the_same_kind(
    text: str, kind: Any, expected: Target | str
) -> None:
    """With a port."""
    if isinstance(expected, Target):
        assert parse_server(text, kind) == expected
        return
    with pytest.raises(SettingError) as caught:
        parse_server(text, kind)
    assert str(caught.value).startswith(expected)
