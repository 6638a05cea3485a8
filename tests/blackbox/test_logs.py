"""The log of the installed server: one line an event, text or JSON, whoever writes it (R22)."""

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, ending, free_ports
from tests.hostile import HOSTILE
from twisted_net.net.text import safe

#: A server for each; without a process all this is tested in tests/net and tests/simulated.
pytestmark = pytest.mark.slow

#: A line that is not of the log, but the table of doors.
TABLE = re.compile(r"netdemo is listening.*|  \S.*|")

TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000 \[[^]]+\] .*")


def asked_for(server: Bench, name: bytes) -> None:
    """Ask the file door for a file of a name, and wait for the refusal."""
    where = ("127.0.0.1", server.port("files-tcp"))
    with socket.create_connection(where, PATIENCE) as client:
        client.sendall(name.replace(b"\n", b"") + b"\n")
        while client.recv(65536):
            pass


@pytest.fixture
def logging() -> Iterator[Callable[..., Bench]]:
    """Start servers by their whole commands; their output and their log are one."""
    started: list[Bench] = []

    def start(*command: str) -> Bench:
        made = Bench([str(BIN / command[0]), *command[1:], *free_ports()])
        started.append(made)
        made.wait_for("netdemo is listening")
        return made

    with ending(started):
        yield start


@pytest.mark.parametrize(
    "command",
    [
        ["netdemo", "serve", "--log-format", "json"],
        ["twistd", "-n", "--pidfile=", "--logger=twisted_net.net.log.json_factory", "netdemo"],
        ["netdemo", "serve", "--log-format", "json", "--workers", "2"],
    ],
    ids=["serve", "twistd", "workers"],
)
def test_every_line_is_an_object_of_json(logging: Callable[..., Bench], command: list[str]) -> None:
    """Whatever strangers ask for, and whichever process they ask."""
    server = logging(*command)
    for words in HOSTILE.values():
        asked_for(server, words.encode("utf-8", "surrogatepass"))
    server.stop(signal.SIGTERM)
    lines = [line for line in server.text.split("\n") if not TABLE.fullmatch(line)]
    said = [json.loads(line) for line in lines]
    assert len(said) > len(HOSTILE)
    assert {"time", "level", "logger", "message", "fields"} == {
        name for each in said for name in each
    }
    assert {each["level"] for each in said} <= {"info", "warn"}
    assert any("root logged in" in each["message"] for each in said)
    assert max(map(len, lines)) < 6000


def test_every_line_of_text_is_an_event(logging: Callable[..., Bench]) -> None:
    """None was begun by a stranger, and none moves a cursor."""
    server = logging("netdemo", "serve")
    for words in HOSTILE.values():
        asked_for(server, words.encode("utf-8", "surrogatepass"))
    server.stop(signal.SIGTERM)
    lines = [line for line in server.text.split("\n") if not TABLE.fullmatch(line)]
    assert len(lines) > len(HOSTILE)
    assert [line for line in lines if not TEXT.fullmatch(line)] == []
    assert [line for line in lines if safe(line, len(line)) != line] == []
    assert not [line for line in lines if line.endswith("[-] root logged in")]
