"""TFTP packets as bytes (RFC 1350, 5), and their options (RFC 2347)."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from twisted_net.net.errors import RemoteProtocolError

#: The block size where none is agreed on (RFC 1350, 2), and the limits of one that is (RFC 2348).
BLKSIZE = 512
SMALLEST_BLKSIZE = 8
LARGEST_BLKSIZE = 65464

#: Options read from one request. There are fewer than ten in all RFCs.
MOST_OPTIONS = 32


#: No packet of TFTP, nor of any extension of it, has a number above this one.
HIGHEST_OPCODE = 255


class Code(IntEnum):
    """What an ERROR says (RFC 1350, 5; RFC 2347)."""

    OTHER = 0
    NOT_FOUND = 1
    ACCESS = 2
    DISK_FULL = 3
    ILLEGAL = 4
    UNKNOWN_TRANSFER = 5
    EXISTS = 6
    NO_USER = 7
    OPTION = 8


@dataclass(frozen=True, slots=True)
class Request:
    """RRQ or WRQ: read or write a file.

    :ivar mode: in lower case; case does not matter (RFC 1350, 5).
    :ivar options: names in lower case, each once, in the order of the request.
    """

    action: Literal["read", "write"]
    name: bytes
    mode: str = "octet"
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Data:
    """DATA: one block of the file."""

    number: int
    block: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """ACK: a block has arrived; 0 accepts an option acknowledgement."""

    number: int


@dataclass(frozen=True, slots=True)
class Error:
    """ERROR: the end of a transfer; never answered."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class OptionAck:
    """OACK: the options that the server accepts (RFC 2347)."""

    options: dict[str, str]


Packet = Request | Data | Ack | Error | OptionAck


def render(packet: Packet) -> bytes:
    """Return a packet as it is sent."""
    match packet:
        case Request():
            opcode = 1 if packet.action == "read" else 2
            head = _opcode(opcode) + packet.name + b"\0" + packet.mode.encode() + b"\0"
            return head + _pairs(packet.options)
        case Data():
            return b"\0\3" + packet.number.to_bytes(2, "big") + packet.block
        case Ack():
            return b"\0\4" + packet.number.to_bytes(2, "big")
        case Error():
            text = packet.text.encode("utf-8", "surrogateescape")
            return b"\0\5" + packet.code.to_bytes(2, "big") + text + b"\0"
        case OptionAck():
            return _opcode(6) + _pairs(packet.options)


def _opcode(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _pairs(options: dict[str, str]) -> bytes:
    return b"".join(f"{name}\0{value}\0".encode() for name, value in options.items())


def parse(datagram: bytes) -> Packet:
    """Read a packet.

    Tolerant where nothing is lost by it: an ERROR may lack its text or the NUL behind it, and what
    follows an ACK's number is ignored, for boot loaders send both.

    :raises RemoteProtocolError: it is none; ``reply`` is the ERROR to answer with, and empty where
        an answer could be the start of a loop: the datagram is too short, or an answer itself, or
        of another protocol.
    """
    opcode, body = datagram[:2], datagram[2:]
    if len(datagram) < 2:
        raise RemoteProtocolError("too short")
    match int.from_bytes(opcode, "big"):
        case 1:
            return _request("read", body)
        case 2:
            return _request("write", body)
        case 3 if len(body) >= 2:
            return Data(int.from_bytes(body[:2], "big"), body[2:])
        case 4 if len(body) >= 2:
            return Ack(int.from_bytes(body[:2], "big"))
        case 5 if len(body) >= 2:
            text = body[2:].partition(b"\0")[0].decode("utf-8", "surrogateescape")
            return Error(int.from_bytes(body[:2], "big"), text)
        case 6:
            return OptionAck(_options(body.split(b"\0")))
        case 3 | 4 | 5:
            raise RemoteProtocolError("too short")
    number = int.from_bytes(opcode, "big")
    if number > HIGHEST_OPCODE:  # no TFTP at all, perhaps the answer of some other service
        raise RemoteProtocolError(f"illegal operation {number}")
    raise _illegal(f"illegal operation {number}")


def _request(action: Literal["read", "write"], body: bytes) -> Request:
    if not body.endswith(b"\0"):
        raise _illegal("request not terminated")
    name, *rest = body[:-1].split(b"\0")
    if not rest:
        raise _illegal("request without a mode")
    return Request(action, name, _text(rest[0]).lower(), _options(rest[1:]))


def _options(words: list[bytes]) -> dict[str, str]:
    """Pair names with values; the first of each name counts, an odd word at the end does not."""
    options: dict[str, str] = {}
    for name, value in zip(words[::2], words[1::2], strict=False):
        if len(options) < MOST_OPTIONS:
            options.setdefault(_text(name).lower(), _text(value))
    return options


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace")


def _illegal(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(why, render(Error(Code.ILLEGAL, why)))


def shelf_name(name: bytes) -> bytes:
    r"""Return the name on the shelf that a requested name means.

    Boot loaders ask for ``/boot/image``, and those of Windows for ``\boot\image``: both mean the
    shared folder, not the machine's root.
    """
    return name.replace(b"\\", b"/").lstrip(b"/")


def whole(text: str, low: int, high: int) -> int | None:
    """Return an option's value if it is a whole number from ``low`` to ``high``, else None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        return None
    return int(text) if low <= int(text) <= high else None


#: Which ERROR stands for a refusal of the shelf; any other is 0, with its text.
_ERRORS = {
    403: Code.ACCESS,
    404: Code.NOT_FOUND,
    409: Code.EXISTS,
    413: Code.DISK_FULL,
    507: Code.DISK_FULL,
}


def error_code(refusal: int) -> Code:
    """Return the code that stands for the code of a refusal."""
    return _ERRORS.get(refusal, Code.OTHER)
