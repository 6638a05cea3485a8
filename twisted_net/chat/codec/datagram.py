"""The datagram door's packets: a header, fields, and a tag that proves the sender.

Network order, at most 1,200 bytes::

     0  1  0xFF, which begins no text in UTF-8
     1  1  version (high four bits), type (low four)
     2  1  flags
     3  1  code: the action of a message, the reason of an end
     4  8  session; until there is one, the initiator's nonce
    12  4  seq: number of this message, or of the last one sent
    16  4  ack: highest number received without a gap
    20  4  bits: bit i says that ack + 1 + i was received too
    24  …  fields: key (1), length (2), value; keys ascend
   end  8  if tagged: BLAKE2b of all that precedes, keyed with the session's key
"""

import hmac
from collections.abc import Mapping
from enum import IntEnum
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from twisted_net.net.errors import RemoteProtocolError

#: Longest packet in bytes: goes whole through IPv6's least link (RFC 8200, 5: 1,280), so that
#: there is neither fragmentation nor reassembly.
MAX_PACKET = 1200

#: Shortest HELLO: its answer, 47 bytes, must not be longer (RFC 8085, 3.1 and RFC 9000, 8.1).
MIN_HELLO = 64

#: Length of what an unproven address may be sent: a RETRY with its cookie.
RETRY_LENGTH = 47

_MAGIC = 0xFF
_VERSION = 1
_HEADER = Struct("!BBBB8sIII")
_FIELD = Struct("!BH")
_FIELD_SIZE = _FIELD.size
_TAG = 8


class Malformed(RemoteProtocolError):  # noqa: N818 - says what the packet is
    """A datagram that is no packet of ours; the message is a constant of a few words."""


class Type(IntEnum):
    """What a packet is for."""

    HELLO = 1
    RETRY = 2
    WELCOME = 3
    BYE = 4
    PING = 5
    PONG = 6
    CON = 7  # a message: acknowledged, in order
    NON = 8  # a hint: neither
    ACK = 9
    RST = 10  # refused
    FIND = 11
    HERE = 12
    CHALLENGE = 13
    RESPONSE = 14


class Flag(IntEnum):
    """The flags there are; a packet with another one is dropped.

    Numbers, which are combined to numbers: an IntFlag costs thirty times as much to combine.
    """

    NONE = 0
    RESPONDER = 0x01  # sent by who was called
    TAGGED = 0x02
    PEER = 0x04  # between two clients


#: What says who speaks to whom: neither of them, a client to a server.
ROLES = Flag.RESPONDER | Flag.PEER


class Key(IntEnum):
    """What a field holds."""

    PADDING = 0
    ROOM = 1
    TEXT = 2
    ID = 3
    RE = 4  # seq of the request that is answered
    FROM = 5
    NAME = 6  # wanted, given or addressed
    COOKIE = 7
    ERROR = 8
    PART = 9  # index and count of the packets that a list fills
    SINCE = 10  # id of what was heard last
    SESSION = 11
    SECRET = 12  # the session's key
    BOUNDS = 13  # window, keepalive and death in seconds
    CHALLENGE = 14  # to be repeated from where it was sent to
    IDENTITY = 15  # a peer's Ed25519 public key
    PORT = 16  # where a peer listens
    SHARE = 17  # its X25519 public key for one session
    PROOF = 18  # its Ed25519 signature: that both keys are its own


class Packet(NamedTuple):
    """One datagram, taken apart.

    A tuple, for there is one for each datagram, and a frozen dataclass takes longer to make.

    :ivar session: 8 bytes.
    :ivar flags: those of `Flag` that are set.
    :ivar fields: as they stand; `unpacked` reads them.
    """

    type: Type
    session: bytes
    code: int = 0
    seq: int = 0
    ack: int = 0
    bits: int = 0
    fields: bytes = b""
    flags: int = Flag.NONE


def encode(packet: Packet, key: bytes | None = None) -> bytes:
    """Write a packet, tagged if there is a key."""
    flags = packet.flags & ~_TAGGED if key is None else packet.flags | _TAGGED
    head = _HEADER.pack(
        _MAGIC,
        _VERSION << 4 | packet.type,
        flags,
        packet.code,
        packet.session,
        packet.seq,
        packet.ack,
        packet.bits,
    )
    whole = head + packet.fields
    return whole if key is None else whole + _tag(whole, key)


#: By their numbers: to look them up by calling the classes was most of the work of `decode`.
_TYPES = {int(each): each for each in Type}
_TAGGED = int(Flag.TAGGED)


def decode(datagram: bytes) -> Packet:
    """Take a datagram apart; its tag is not looked at, see `proven`.

    :raises Malformed: it is no packet of this protocol.
    """
    if len(datagram) > MAX_PACKET:
        raise Malformed("too_long")
    if len(datagram) < _HEADER.size or datagram[0] != _MAGIC:
        raise Malformed("not_framed")
    _, kind, flags, code, session, seq, ack, bits = _HEADER.unpack_from(datagram)
    if kind >> 4 != _VERSION or kind & 15 not in _TYPES or flags > 7:
        raise Malformed("unknown_version")
    end = len(datagram) - (_TAG if flags & _TAGGED else 0)
    fields = datagram[_HEADER.size : end]
    if end < _HEADER.size:
        raise Malformed("bad_fields")
    unpacked(fields)
    return Packet(_TYPES[kind & 15], session, code, seq, ack, bits, fields, flags)


def proven(datagram: bytes, key: bytes) -> bool:
    """Say whether a datagram carries the tag that only who has the key can make."""
    tagged = len(datagram) >= _HEADER.size + _TAG and datagram[2] & _TAGGED
    return bool(tagged) and hmac.compare_digest(_tag(datagram[:-_TAG], key), datagram[-_TAG:])


def session_of(datagram: bytes) -> bytes:
    """Return the session that a datagram names, which may be too long to be a packet."""
    return datagram[4:12] if datagram[:1] == b"\xff" else b""


def packed(fields: Mapping[Key, bytes]) -> bytes:
    """Write fields; empty ones are left out."""
    parts: list[bytes] = []
    for key, value in sorted(fields.items()):
        if value:
            parts += (_FIELD.pack(key, len(value)), value)
    return b"".join(parts)


def unpacked(data: bytes) -> dict[int, bytes]:
    """Read fields, also those whose keys nobody knows yet.

    :raises Malformed: a field is cut off, or the keys do not ascend.
    """
    fields: dict[int, bytes] = {}
    at, last, end = 0, -1, len(data)
    while at < end:
        if at + _FIELD_SIZE > end:
            raise Malformed("bad_fields")
        key, length = _FIELD.unpack_from(data, at)
        value = at + _FIELD_SIZE
        at = value + length
        if key <= last or at > end:
            raise Malformed("bad_fields")
        fields[key] = data[value:at]
        last = key
    return fields


def text_of(fields: Mapping[int, bytes], key: Key) -> str:
    """Return a field as text, whatever it holds; without it the text is empty."""
    return fields.get(key, b"").decode("utf-8", "backslashreplace")


def padded(fields: Mapping[Key, bytes], length: int = MIN_HELLO) -> bytes:
    """Write the fields of a packet without tag, padded so that it has at least some length.

    :param length: of the packet; that of a HELLO.
    """
    plain = packed(fields)
    missing = length - _HEADER.size - len(plain)
    if missing <= 0:
        return plain
    padding = max(0, missing - _FIELD_SIZE)
    return _FIELD.pack(Key.PADDING, padding) + bytes(padding) + plain


#: The fields of a PING to whoever may have forgotten the session: as long as the RETRY that is then
#: its answer.
PROBE = _FIELD.pack(Key.PADDING, RETRY_LENGTH - _HEADER.size - _TAG - _FIELD_SIZE).ljust(
    RETRY_LENGTH - _HEADER.size - _TAG, b"\0"
)


def _tag(data: bytes, key: bytes) -> bytes:
    return blake2b(data, digest_size=_TAG, key=key).digest()
