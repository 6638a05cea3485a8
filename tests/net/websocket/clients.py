"""WebSocket clients for tests: a pure object, wsproto's, and one with a pretended connection."""

from collections.abc import Mapping
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage

from tests.files.wires import Wire, lose
from tests.web.browsers import request
from twisted_net.web import WebFactory

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
TEXT, BINARY = "text.ircv3.net", "binary.ircv3.net"


def asking(path: str, protocol: str = "", **headers: str) -> bytes:
    """Return the request that opens a WebSocket."""
    wanted = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": KEY,
    }
    if protocol:
        wanted["Sec_WebSocket_Protocol"] = protocol
    return request(path, **(wanted | headers))


class Client:
    """The client's half of one WebSocket.

    :ivar head: what its request was answered; empty until it was.
    :ivar closed: the code and the reason of the server's close, once there was one.
    :ivar pings: how often the server asked whether it is there.
    :ivar pongs: what its own pings were answered.
    """

    def __init__(self) -> None:
        self.head = b""
        self.closed: tuple[int, str | None] | None = None
        self.pings = 0
        self.pongs: list[bytes] = []
        self._connection = Connection(ConnectionType.CLIENT)
        self._unread = b""
        self._parts: list[Any] = []

    def says(self, *messages: str | bytes) -> bytes:
        """Return the frames of messages."""
        return b"".join(map(self.part, messages))

    def part(self, data: str | bytes, last: bool = True) -> bytes:
        """Return one frame of a message."""
        if isinstance(data, str):
            return bytes(self._connection.send(TextMessage(data, message_finished=last)))
        return bytes(self._connection.send(BytesMessage(data, message_finished=last)))

    def pings_it(self, payload: bytes) -> bytes:
        """Return a ping."""
        return bytes(self._connection.send(Ping(payload)))

    def closes(self, code: int = 1000) -> bytes:
        """Return a close."""
        return bytes(self._connection.send(CloseConnection(code)))

    def hears(self, data: bytes) -> tuple[list[str | bytes], bytes]:
        """Take what the server sent; return the whole messages, and what is to be answered."""
        if not self.head:
            data = self._answered(data)
        if not data:
            return [], b""
        messages: list[str | bytes] = []
        answer = b""
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, Message):
                text = isinstance(event.data, str)
                self._parts.append(event.data if text else bytes(event.data))
                if event.message_finished:
                    parts, self._parts = self._parts, []
                    messages.append(parts[0][:0].join(parts))
            elif isinstance(event, Ping):
                self.pings += 1
                answer += self._connection.send(event.response())
            elif isinstance(event, Pong):
                self.pongs.append(bytes(event.payload))
            elif isinstance(event, CloseConnection):
                self.closed = (int(event.code), event.reason)
                if self._connection.state.name == "REMOTE_CLOSING":
                    answer += self._connection.send(event.response())
                break
        return messages, answer

    def _answered(self, data: bytes) -> bytes:
        """Take the answer to its request; return what came behind it."""
        self._unread += data
        head, separator, rest = self._unread.partition(b"\r\n\r\n")
        if not separator:
            return b""
        self.head = head
        return rest


class Socket(Client):
    """A client with a connection to a web door.

    :param ahead: what it sends together with the request.
    """

    def __init__(
        self,
        factory: WebFactory,
        path: str,
        protocol: str = TEXT,
        wire: Wire | None = None,
        ahead: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.wire = wire or Wire()
        self.door: Any = factory.buildProtocol(None)
        self.door.makeConnection(self.wire)
        self.sends(asking(path, protocol, **(headers or {})) + ahead)
        self.read()

    def sends(self, data: bytes) -> None:
        """Send bytes."""
        self.door.dataReceived(data)

    def read(self) -> list[str | bytes]:
        """Return the messages that have come, and answer what wants to be answered."""
        messages, answer = self.hears(self.wire.read())
        if answer:
            self.sends(answer)
        return messages

    def asks(self, *messages: str | bytes) -> list[str | bytes]:
        """Send messages; return those that come back."""
        self.sends(self.says(*messages))
        return self.read()

    def loses(self) -> None:
        """Lose the connection."""
        lose(self.door, self.wire)
