"""What strangers send to every door does not come out of the log as anything but text (R22)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from twisted.logger import capturedLogs, formatEvent

from tests.hostile import HOSTILE
from tests.simulated.bench import CHAT_TCP, CHAT_UDP, FILES_TCP, SERVER, TFTP, serving
from tests.simulated.parties import Talker
from tests.testing.parties import Shouts
from twisted_net.net.clients import Target
from twisted_net.net.log import json_line, text_line
from twisted_net.net.text import SHOWN, safe
from twisted_net.testing import Host, SimNetwork

WEB = Target("tcp", SERVER, 7080)


def streams(words: bytes) -> Iterator[tuple[Target, bytes]]:
    """Yield what is said to stream doors."""
    yield CHAT_TCP, b"NICK %b\nNICK red\nJOIN %b\nSAY %b\n%b\nQUIT %b\n" % ((words,) * 5)
    yield FILES_TCP, words + b"\n"
    yield FILES_TCP, b"GET %b\nSTAT %b\nPUT %b 3 x\nBYE %b\n" % ((words,) * 4)
    for path in (words, quote_from_bytes(words).encode()):
        head = b"GET /files/%b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: %b\r\n\r\n"
        yield WEB, head % (path, words)
    yield WEB, b"%b /%b HTTP/1.1\r\nHost: %b\r\nOrigin: %b\r\n\r\n" % ((words,) * 4)


def datagrams(words: bytes) -> Iterator[tuple[Target, bytes]]:
    """Yield what is said to datagram doors."""
    for op in (b"\0\1", b"\0\2"):
        yield TFTP, op + words + b"\0octet\0"
        yield TFTP, op + b"hello.txt\0" + words + b"\0"
        yield TFTP, op + b"hello.txt\0octet\0blksize\0" + words + b"\0"
    yield TFTP, b"\0\5\0\1" + words + b"\0"
    yield CHAT_UDP, words


async def said(client: Host, words: bytes) -> None:
    """Say it to every door, and hear the answers."""
    for target, text in streams(words):
        talker = Talker(text)
        await talker.to(client, target)
        await client.network.sleep(0.2)
        talker.transport.abortConnection()
    shouts = Shouts()
    port = client.reactor.listenUDP(0, shouts)
    for target, text in datagrams(words):
        if len(text) <= 65_507:
            shouts.transport.write(text, (client.network.dns[SERVER][0], target.port))
        await client.network.sleep(0.2)
    port.stopListening()


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_what_strangers_send_is_text_and_nothing_else(
    net: SimNetwork, tmp_path: Path, words: str
) -> None:
    """Each event is one line, and under Twisted's own observers too."""
    (tmp_path / "hello.txt").write_bytes(b"hello")
    with capturedLogs() as events:
        serving(net, files_root=str(tmp_path), files_write="yes", tftp_write="yes")
        net.run(said(net.host("client"), words.encode("utf-8", "surrogatepass")))
        net.run_for(400)
    ours: list[dict[str, Any]] = [
        event for event in events if event["log_namespace"].startswith("twisted_net.")
    ]
    assert len(ours) >= 3
    for event in ours:
        message = formatEvent(event)
        assert safe(message, len(message)) == message
        assert len(message) < 6 * SHOWN
        assert "\n" not in text_line(event)
        assert json.loads(json_line(event))["level"] in ("debug", "info", "warn")
