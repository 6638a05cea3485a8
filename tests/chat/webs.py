"""A chat with a web door for tests, without a socket, and the browsers that come through it."""

import json
from typing import Any

from twisted.internet.address import IPv4Address

from tests.chat.members import dice
from tests.chat.stores import DAY, Threaded
from tests.files.wires import Wire, lose
from tests.web.browsers import Answer, answers, request
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import QUEUE, Outlet
from twisted_net.chat.doors.web import ChatResource
from twisted_net.chat.post import Post
from twisted_net.chat.store.memory import MemoryHistory
from twisted_net.net.pages import Pages
from twisted_net.web import WebFactory

HERE, THERE = "127.0.0.1", "192.0.2.1"


class Server:
    """A chat with a web door."""

    def __init__(self, queue: int = QUEUE, keeps: bool = True) -> None:
        self.clock = Threaded()
        accounts = Accounts(self.clock, dice(1), iterations=4096)
        hub: Hub[Outlet] = Hub("lobby", accounts.registered)
        accounts.present = lambda name: hub.known(name) is not None
        history = MemoryHistory(self.clock.seconds, DAY, "1d") if keeps else None
        bus = LocalBus(self.clock.seconds)
        self.post = Post(hub, bus, deliver, history, accounts)
        self.resource = ChatResource(self.post, self.clock, dice(2), queue, self.clock.counters)
        self.pages = Pages()
        self.pages.add("chat", "Chat", self.resource)
        self.web = WebFactory(self.pages, self.clock)
        self.lines = ChatLineFactory(self.post, self.clock)

    def connect(self, host: str = THERE) -> tuple[Any, Wire]:
        """Connect a browser."""
        wire = Wire()
        wire.peerAddr = IPv4Address("TCP", host, 40000)
        protocol: Any = self.web.buildProtocol(None)
        protocol.makeConnection(wire)
        return protocol, wire

    def sends(self, data: bytes, host: str = THERE) -> Answer:
        """Send one request on a connection of its own; return its answer."""
        protocol, wire = self.connect(host)
        protocol.dataReceived(data)
        self.clock.settle()
        (answer,) = answers(wire.read_all())
        return answer

    def enters(self, name: str) -> "Browser":
        """Let somebody enter."""
        browser = Browser(self)
        assert browser.asks("enter", name=name)["name"] == name
        return browser

    def others(self) -> list[str]:
        """Return the names of all who are there."""
        return [member.name for member in self.post.hub.members()]


class Browser:
    """A browser: it has a cookie, and may listen."""

    def __init__(self, server: Server, host: str = THERE) -> None:
        self.server = server
        self.host = host
        self.cookie = ""
        self.answer = Answer(0, {}, b"")
        self.protocol: Any = None
        self.wire = Wire()
        self._read = 0

    def asks(self, verb: str, **fields: str) -> dict[str, Any]:
        """Post a request; return what it is answered."""
        body = json.dumps(fields).encode()
        head = request(
            f"/chat/{verb}", "POST", X_Netdemo="chat", Content_Length=str(len(body)), **self._own()
        )
        return self._answered(self.server.sends(head + body, self.host))

    def sees(self, path: str) -> dict[str, Any]:
        """Get something."""
        return self._answered(self.server.sends(request(f"/chat/{path}", **self._own())))

    def listens(self, last: str = "") -> None:
        """Open a stream of events."""
        self.protocol, self.wire = self.server.connect(self.host)
        self._read = 0
        more = {"Last_Event_ID": last} if last else {}
        self.protocol.dataReceived(request("/chat/events", **self._own(), **more))

    def hears(self) -> list[dict[str, Any]]:
        """Return the events that came since the last time."""
        messages = self.pieces()
        data = [line for each in messages for line in each.split("\n") if line[:6] == "data: "]
        return [json.loads(line[6:]) for line in data]

    def pieces(self) -> list[str]:
        """Return the pieces of the stream that came since the last time."""
        self.server.clock.settle()
        _, _, body = self.wire.read_all().partition(b"\r\n\r\n")
        content = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            content, body = content + body[: int(size, 16)], body[int(size, 16) + 2 :]
        new, self._read = content[self._read :], len(content)
        return new.decode().split("\n\n")[:-1]

    def vanishes(self) -> None:
        """Lose the connection on which it listens."""
        lose(self.protocol, self.wire)

    def _own(self) -> dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}

    def _answered(self, answer: Answer) -> dict[str, Any]:
        self.answer = answer
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        made: dict[str, Any] = json.loads(answer.body)
        return made
