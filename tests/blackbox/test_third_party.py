"""A service from another distribution is worth as much as one of ours."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox import environments
from tests.blackbox.conftest import PATIENCE, Bench, ending
from tests.blackbox.environments import ROOT, THIRD_PARTY, Environment

QUOTE = THIRD_PARTY / "quote"

pytestmark = pytest.mark.slow  # an environment of its own


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install netdemo, a service of others, and one that cannot be imported."""
    folder = tmp_path_factory.mktemp("third-party")
    wheel = environments.built(tmp_path_factory.getbasetemp()).wheel
    others = environments.copy_of_the_tree(folder / "source") / THIRD_PARTY.relative_to(ROOT)
    return environments.fresh(folder / "both", wheel, others / "quote", others / "broken")


@pytest.fixture
def serve(environment: Environment) -> Iterator[Callable[..., Bench]]:
    """Start ``twistd netdemo`` with the quote service on free ports."""
    started: list[Bench] = []

    def start(*options: str, **variables: str) -> Bench:
        made = environment.serve(*options, **variables)
        started.append(made)
        made.wait_for("netdemo is listening")
        return made

    with ending(started):
        yield start


ANY_PORT = ("--quote-tcp=tcp:0", "--quote-udp=udp:0")


def test_its_options_are_in_the_help(environment: Environment) -> None:
    """What a service can be told stands beside what ours can be told."""
    done = environment.run("twistd", "netdemo", "--help")
    assert "--quote-tcp=" in done.stdout, done.stderr
    assert "[default: udp:7017]" in done.stdout


def test_its_doors_stand_in_the_table(serve: Callable[..., Bench]) -> None:
    """Whoever starts the server sees where they are and how to try them."""
    running = serve(*ANY_PORT)
    assert running.wait_for(r"^ +quote-tcp +127\.0\.0\.1:\d+ +nc 127\.0\.0\.1 \d+$")
    assert running.wait_for(r"^ +quote-udp +127\.0\.0\.1:\d+ +nc -u 127\.0\.0\.1 \d+$")


def test_it_answers_on_both_doors(serve: Callable[..., Bench]) -> None:
    """One quote a connection, and one a datagram."""
    running = serve(*ANY_PORT, "--quote-text", "Hello.")
    assert _quote(running) == b"Hello.\r\n"
    assert _datagram(running, b"any question") == b"Hello.\r\n"


def test_it_is_under_the_limits_of_the_bench(serve: Callable[..., Bench]) -> None:
    """One connection to echo and one to quote are two from one address."""
    running = serve(*ANY_PORT, "--max-conns-per-peer", "1")
    with socket.create_connection(("127.0.0.1", running.port("echo-tcp")), PATIENCE) as first:
        first.sendall(b"here?\n")
        assert first.recv(100) == b"here?\n"
        assert b"BUSY" in _quote(running)


def test_its_doors_are_counted(serve: Callable[..., Bench]) -> None:
    """SIGUSR2 writes the counters of every door to the log; a drop of its own is among them."""
    running = serve(*ANY_PORT, "--quote-text", "Hello.")
    _quote(running)
    _datagram(running, b"too short", answered=True)
    _datagram(running, b"?", answered=False)
    running.counts("dropped question_too_short=1")
    assert running.wait_for(r"quote-tcp: 1 connection \(0 open\), 8 bytes out$")
    assert running.wait_for(
        r"quote-udp: 2 datagrams in, 1 datagram out, .*dropped question_too_short=1$"
    )


def test_it_is_set_by_the_environment(serve: Callable[..., Bench]) -> None:
    """A container has variables, not options."""
    running = serve(NETDEMO_QUOTE_TCP="tcp:0", NETDEMO_QUOTE_UDP="", NETDEMO_QUOTE_TEXT="Ho.")
    assert _quote(running) == b"Ho.\r\n"
    assert "quote-udp" not in running.text


def test_it_is_set_by_a_file(serve: Callable[..., Bench], tmp_path: Path) -> None:
    """A service has a table of its own in the file."""
    file = tmp_path / "netdemo.toml"
    file.write_text('[quote]\ntcp = "tcp:0"\nudp = ""\ntext = "From a file."\n')
    assert _quote(serve("--config", str(file))) == b"From a file.\r\n"


def test_it_is_found_once_though_it_is_shown_twice(serve: Callable[..., Bench]) -> None:
    """A drop-in and an entry point for one service are no clash."""
    running = serve(*ANY_PORT)
    assert len(re.findall(r"^ +quote-tcp ", running.text, re.MULTILINE)) == 1
    assert "duplicate" not in running.text


def test_one_that_cannot_be_imported_is_one_line(serve: Callable[..., Bench]) -> None:
    """The line names the distribution to blame, and everything else goes on."""
    running = serve(*ANY_PORT)
    [line] = [line for line in running.output if "broken" in line]
    assert re.search(
        r"service ignored: broken-net 0\.1\.0 \(broken_net\.service:broken\): ImportError: needs",
        line,
    )


def test_the_guide_shows_what_is_tested_here() -> None:
    """Whoever types in the blocks of the how-to gets this very service."""
    guide = (ROOT / "docs" / "howto" / "add-a-service.md").read_text(encoding="utf-8")
    files = [
        path
        for path in QUOTE.rglob("*")
        if path.suffix in (".py", ".toml") and "build" not in path.parts
    ]
    assert len(files) == 4
    assert [
        path.name for path in files if f"\n{path.read_text(encoding='utf-8')}```" not in guide
    ] == []


def _quote(running: Bench) -> bytes:
    """Return what the stream door says until it closes."""
    with socket.create_connection(("127.0.0.1", running.port("quote-tcp")), PATIENCE) as connection:
        return b"".join(iter(lambda: connection.recv(4096), b""))


def _datagram(running: Bench, question: bytes, answered: bool = True) -> bytes:
    """Ask the datagram door."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(PATIENCE if answered else 0.2)
        asker.sendto(question, ("127.0.0.1", running.port("quote-udp")))
        if answered:
            return asker.recv(4096)
        with pytest.raises(TimeoutError):
            asker.recv(4096)
        return b""
