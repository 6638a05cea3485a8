"""How a WebSocket is asked for and granted: the head of a request, and its answer (RFC 6455, 4)."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1

from twisted_net.net.errors import NetError

VERSION = b"13"

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16

#: The headers of a request: names in small letters, each value that came under them.
Headers = Mapping[bytes, Sequence[bytes]]


class NotOpenedError(NetError):
    """A request does not open a WebSocket.

    :ivar code: the status of the answer.
    :ivar headers: what the answer says beside that.
    """

    def __init__(self, code: int, why: str, headers: Mapping[bytes, bytes] | None = None) -> None:
        super().__init__(why)
        self.code = code
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Opening:
    """What was agreed on.

    :ivar accept: proves that the request was read.
    :ivar protocol: the subprotocol; empty: none that both know.
    """

    accept: bytes
    protocol: str = ""

    @property
    def head(self) -> bytes:
        """The answer that opens it; WebSocket frames follow."""
        chosen = f"Sec-WebSocket-Protocol: {self.protocol}\r\n" if self.protocol else ""
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nServer: netdemo\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + self.accept + b"\r\n" + chosen.encode() + b"\r\n"
        )


def opening(version: bytes, headers: Headers, known: Sequence[str]) -> Opening:
    """Read the head of a request.

    :param version: of HTTP, as ``HTTP/1.1``.
    :param known: the subprotocols there are. The client's preference decides; if it wants others,
        none is named, and a browser then gives up by itself.
    :raises NotOpenedError: it opens no WebSocket.
    """
    if version != b"HTTP/1.1" or b"websocket" not in _tokens(headers, b"upgrade"):
        raise NotOpenedError(426, "this is for WebSocket clients", _WANTED)
    if b"upgrade" not in _tokens(headers, b"connection"):
        raise NotOpenedError(400, "the Connection header does not say Upgrade")
    if list(headers.get(b"sec-websocket-version", ())) != [VERSION]:
        raise NotOpenedError(426, "need Sec-WebSocket-Version: 13", _WANTED)
    wanted = [each.decode("latin-1") for each in _tokens(headers, b"sec-websocket-protocol", False)]
    chosen = next((each for each in wanted if each in known), "")
    return Opening(accept(_key(headers)), chosen)


def accept(key: bytes) -> bytes:
    """Return what a key is answered.

    >>> accept(b"dGhlIHNhbXBsZSBub25jZQ==")
    b's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def _key(headers: Headers) -> bytes:
    keys = [each.strip() for each in headers.get(b"sec-websocket-key", ())]
    try:
        if len(keys) == 1 and len(b64decode(keys[0], validate=True)) == _KEY_BYTES:
            return keys[0]
    except binascii.Error:
        pass
    raise NotOpenedError(400, "need one Sec-WebSocket-Key of 16 bytes in base64")


def _tokens(headers: Headers, name: bytes, folded: bool = True) -> list[bytes]:
    found = b",".join(headers.get(name, ()))
    return [each.strip() for each in (found.lower() if folded else found).split(b",")]


_WANTED = {b"Upgrade": b"websocket", b"Connection": b"Upgrade", b"Sec-WebSocket-Version": VERSION}
