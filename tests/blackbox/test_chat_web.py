"""The chat in browsers as a user meets it: curl, browsers that do not read, and a stop."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.blackbox.conftest import PATIENCE, Bench, peer, run
from tests.blackbox.test_chat_store import TALKERS, Member

Start = Callable[..., Bench]

#: Browsers that listen and never read, and bytes that they may cost (safety, R24).
SILENT, MOST = 10, 8 << 20

#: Lines that each of the talkers says: so few that they need not read what the others say.
ROUNDS = 20


class Web:
    """A browser that is curl.

    :param jar: where its cookie is.
    """

    def __init__(self, server: Bench, jar: Path) -> None:
        self.url = f"http://127.0.0.1:{server.port('web')}/chat/"
        self.jar = jar

    def asks(self, verb: str, **fields: str) -> dict[str, str]:
        """Post a request."""
        done = run(
            peer("curl", "curl"),
            *("--silent", "--show-error", "--cookie", str(self.jar), "--cookie-jar", str(self.jar)),
            *("-H", "X-Netdemo: 1", "-d", json.dumps(fields), self.url + verb),
        )
        assert done.returncode == 0, done.stderr
        made: dict[str, str] = json.loads(done.stdout)
        return made

    @property
    def cookie(self) -> str:
        """What its cookie says."""
        found = re.search(r"netdemo-chat\s+(\S+)", self.jar.read_text())
        assert found is not None
        return found[1]


@pytest.fixture
def listening() -> Iterator[Callable[[Bench, Web], socket.socket]]:
    """Open streams of events that are closed after the test."""
    with ExitStack() as opened:

        def listen(server: Bench, web: Web) -> socket.socket:
            stream = socket.create_connection(("127.0.0.1", server.port("web")), PATIENCE)
            opened.callback(stream.close)
            stream.sendall(
                b"GET /chat/events HTTP/1.1\r\nHost: localhost\r\n"
                b"Cookie: netdemo-chat=" + web.cookie.encode() + b"\r\n\r\n"
            )
            return stream

        yield listen


@pytest.mark.slow
def test_browsers_that_do_not_read_cost_nobody_anything(
    bench: Start, tmp_path: Path, listening: Callable[[Bench, Web], socket.socket]
) -> None:
    """A stop does not wait for them either; who reads hears every word, in its order."""
    server = bench("--chat-queue", "65536", "--grace", "86400")
    silent = [Web(server, tmp_path / f"s{n}") for n in range(SILENT)]
    for n, each in enumerate(silent):
        assert each.asks("enter", name=f"s{n}")["room"] == "lobby"
        stream = listening(server, each)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    red = Web(server, tmp_path / "red")
    red.asks("enter", name="red")
    reader = listening(server, red).makefile("rb")
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    talkers = [Member(server.port("chat-tcp")) for _ in range(TALKERS)]
    for n, each_talker in enumerate(talkers):
        each_talker.says(f"NICK t{n}")
    heard: list[tuple[int, int]] = []
    for line in range(ROUNDS):
        for n, each_talker in enumerate(talkers):
            each_talker.says(f"{n} {line} {'x' * 900}")
        while len(heard) < (line + 1) * TALKERS:
            message = reader.readline()
            assert message, f"the stream ended after {heard[-3:]}"
            found = re.match(rb'data: .*"kind":"said".*"text":"(\d+) (\d+) ', message)
            if found is not None:
                heard.append((int(found[2]), int(found[1])))
    assert sorted(heard) == [(line, n) for line in range(ROUNDS) for n in range(TALKERS)]
    assert process.memory_info().rss - before < MOST
    server.stop()
    reader.close()
    for each_talker in talkers:
        each_talker.close()
