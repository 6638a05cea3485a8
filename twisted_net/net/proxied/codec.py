"""The PROXY protocol, version 1 (text) and 2 (binary): pure; a stream in, the real peer out.

As HAProxy specifies it (doc/proxy-protocol.txt of its source, sections 2.1 and 2.2).
"""

import ipaddress
import re
from dataclasses import dataclass

from twisted_net.net.errors import RemoteProtocolError

#: What the header begins with.
TEXT = b"PROXY "
BINARY = b"\r\n\r\n\0\r\nQUIT\n"

#: Longest header of version 1, its line end included (2.1).
LONGEST_TEXT = 107

#: Bytes of version 2 before its addresses, and the most that may follow: addresses take 216, and
#: what proxies say about TLS, a certificate at worst, the rest.
HEAD, LONGEST_TAIL = 16, 8192

_TEXT = re.compile(rb"PROXY (TCP4|TCP6|UNKNOWN)[ \r]")
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a proxy says.

    :ivar host: the address of the real peer; empty: the proxy speaks for itself, or does not know.
    """

    host: str = ""
    port: int = 0


#: The proxy's own connection, a health check say, or one of a kind that has no IP addresses.
NOBODY = Said()


class HeaderReader:
    """Take the header off the beginning of a stream.

    Holds at most the longest header and one piece of the stream.

    :ivar rest: what came after the header.
    """

    def __init__(self) -> None:
        self.rest = b""
        self._kept = b""

    def feed(self, data: bytes) -> Said | None:
        """Take a piece of the stream; return what was said once that is whole.

        :raises RemoteProtocolError: this is no header, or a wrong one.
        """
        kept = self._kept = self._kept + data
        if kept.startswith(BINARY[: len(kept)]):
            return self._binary(kept)
        if kept.startswith(TEXT[: len(kept)]):
            return self._text(kept)
        raise RemoteProtocolError("no PROXY header")

    def _text(self, kept: bytes) -> Said | None:
        end = kept.find(b"\r\n", 0, LONGEST_TEXT)
        if end < 0:
            if len(kept) >= LONGEST_TEXT:
                raise RemoteProtocolError("a PROXY header of version 1 without an end")
            return None
        self._done(end + 2)
        return _read_text(kept[:end])

    def _binary(self, kept: bytes) -> Said | None:
        if len(kept) < HEAD:
            return None
        length = int.from_bytes(kept[14:16], "big")
        if length > LONGEST_TAIL:
            raise RemoteProtocolError(f"a PROXY header with {length} bytes")
        if len(kept) < HEAD + length:
            return None
        self._done(HEAD + length)
        return _read_binary(kept[12], kept[13], kept[HEAD : HEAD + length])

    def _done(self, end: int) -> None:
        self.rest, self._kept = self._kept[end:], b""


def begins(data: bytes) -> bool:
    """Say whether a stream begins as a header does."""
    return data.startswith(BINARY) or _TEXT.match(data) is not None


def _read_text(line: bytes) -> Said:
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":  # whatever follows (2.1)
        return NOBODY
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise RemoteProtocolError("a PROXY header of version 1 that makes no sense")
    version = 4 if words[1] == b"TCP4" else 6
    source, _ = (_address(word, version) for word in words[2:4])
    port, _ = (_port(word) for word in words[4:6])
    return Said(source, port)


def _address(word: bytes, version: int) -> str:
    try:
        address = ipaddress.ip_address(word.decode("ascii"))
    except ValueError as error:
        raise RemoteProtocolError("a PROXY header with a bad address") from error
    if address.version != version or b"%" in word:
        raise RemoteProtocolError("a PROXY header with an address of another kind")
    return str(address)


def _port(word: bytes) -> int:
    if not _PORT.fullmatch(word) or int(word) > 65535:
        raise RemoteProtocolError("a PROXY header with a bad port")
    return int(word)


def _read_binary(version: int, family: int, tail: bytes) -> Said:
    if version == 0x20:  # LOCAL
        return NOBODY
    if version != 0x21:
        raise RemoteProtocolError("a PROXY header of another version or with another command")
    if family == 0x11:
        return _ends(tail, 4)
    if family == 0x21:
        return _ends(tail, 16)
    if family in (0x00, 0x31):  # not said; a UNIX socket
        return NOBODY
    raise RemoteProtocolError("a PROXY header for another kind of connection")


def _ends(tail: bytes, size: int) -> Said:
    if len(tail) < 2 * size + 4:
        raise RemoteProtocolError("a PROXY header that is too short for its addresses")
    port = int.from_bytes(tail[2 * size : 2 * size + 2], "big")
    return Said(str(ipaddress.ip_address(tail[:size])), port)
