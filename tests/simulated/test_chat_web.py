"""A browser in the chat on bad networks: everything once, however often it comes back."""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.simulated.bench import CHAT_TCP, SERVER, serving
from tests.simulated.scenarios import CUT, NARROW
from tests.web.browsers import answers, request
from twisted_net.chat.client import ChatLineClient
from twisted_net.chat.codec.requests import Talk
from twisted_net.testing import Host, SimNetwork, simulate

TEXTS = [f"text {n}" for n in range(12)]


class Asks(Protocol):
    """Send one request; keep what comes until the end."""

    transport: Any

    def __init__(self, sent: bytes) -> None:
        self.got = b""
        self.over: Deferred[None] = Deferred()
        self._sent = sent

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self._sent)

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.over.callback(None)


class Browser:
    """A browser on a host of its own.

    :ivar heard: what others said, as far as it heard it.
    """

    def __init__(self, host: Host) -> None:
        self.heard: list[str] = []
        self._reactor = host.reactor
        self._headers: dict[str, str] = {}
        self._last: dict[str, str] = {}

    async def asks(self, verb: str, **fields: str) -> dict[str, Any]:
        """Post a request; return what it is answered."""
        body = json.dumps(fields).encode()
        head = request(
            f"/chat/{verb}",
            "POST",
            X_Netdemo="chat",
            Content_Length=str(len(body)),
            Connection="close",
            **self._headers,
        )
        asking = await self._connected(head + body)
        await asking.over
        (answer,) = answers(asking.got)
        if "set-cookie" in answer.headers:
            self._headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        made: dict[str, Any] = json.loads(answer.body)
        return made

    async def listens(self, seconds: float) -> None:
        """Hear what comes for a while, from where it was on; then lose the connection."""
        asking = await self._connected(request("/chat/events", **self._headers, **self._last))
        self._reactor.callLater(seconds, asking.transport.abortConnection)
        await asking.over
        for message in _stream(asking.got).split(b"\n\n")[:-1]:
            fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if b": " in line)
            assert b"event" not in fields, "something was missed"
            if b"id" in fields:
                self._last = {"Last_Event_ID": fields[b"id"].decode()}
            if b"data" in fields:
                event = json.loads(fields[b"data"])
                self.heard += [event["text"]] if event["kind"] == "said" else []

    async def _connected(self, sent: bytes) -> Asks:
        there = HostnameEndpoint(self._reactor, SERVER, 7080)
        asking: Asks = await connectProtocol(there, Asks(sent))
        return asking


def _stream(got: bytes) -> bytes:
    """Return the content of the chunks that have come, as far as they have."""
    _, _, chunks = got.partition(b"\r\n\r\n")
    content = b""
    while b"\r\n" in chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        content, chunks = content + chunks[: int(size, 16)], chunks[int(size, 16) + 2 :]
    return content


@simulate(seeds=6, link=NARROW, chunking=CUT)
async def test_a_browser_hears_everything_once_however_often_it_comes_back(
    net: SimNetwork,
) -> None:
    """What was said between two connections comes with the second one."""
    serving(net)
    browser = Browser(net.host("b"))
    assert (await browser.asks("enter", name="red"))["room"] == "lobby"
    await browser.listens(1.0)
    talker = ChatLineClient(net.host("t").reactor, CHAT_TCP, lambda *_: None, 30.0)
    await talker.enter("blue")
    for n, text in enumerate(TEXTS):
        await talker.request(Talk(text))
        if n % 4 == 1:
            await browser.listens(0.5 + n / 10)
    await browser.listens(5.0)
    assert browser.heard == TEXTS
    await talker.leave()
