"""The packets of IP Messenger (protocol draft 9), with what iptux and others add to them.

Text, its parts set off by colons; the command is decimal, its low byte the command itself, the rest
options. After the extra part there may be more, each after a NUL: the group of whoever announces
themselves, and for iptux an icon and an encoding; the files that go with a message::

    version:packet number:user:host:command:extra [NUL more]
    1:1767225600:red:bench3:288:hello              288 = 0x120 = SENDMSG | SENDCHECK
    1:1767225601:blue:desk7:33:1767225600          RECVMSG, naming the packet it acknowledges
"""

import re
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag

from twisted_net.net.errors import RemoteProtocolError

#: Longest packet in bytes: what the clients themselves send and take.
MAX_PACKET = 32768

#: Longest version, user and host. The version is free text, to which FeiQ adds data of the client.
MAX_VERSION = 128
MAX_WORD = 256

#: The encodings that a peer may name, or is guessed to use; all of them have ASCII for ASCII.
ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5",
    "shift_jis": "shift_jis",
    "cp932": "cp932",
    "euc-jp": "euc-jp",
    "euc-kr": "euc-kr",
    "iso-8859-1": "cp1252",
    "cp1252": "cp1252",
    "cp1251": "cp1251",
    "koi8-r": "koi8-r",
}

#: Longest name of a file that is repeated, in characters, and files of one message that are named.
_FILE_NAME = 80
_FILES = 10

_NUMBER = re.compile(rb"[0-9]{1,10}")

#: What a terminal would obey: C0, DEL and C1, bidi controls; and lone surrogates.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


class MalformedIpmsg(RemoteProtocolError):  # noqa: N818 - says what the packet is
    """A datagram that is no packet of IP Messenger; the message is a constant of a few words."""


class Command(IntEnum):
    """What a packet is for: its low byte."""

    NOOPERATION = 0x00
    BR_ENTRY = 0x01
    BR_EXIT = 0x02
    ANSENTRY = 0x03
    BR_ABSENCE = 0x04
    SENDMSG = 0x20
    RECVMSG = 0x21
    READMSG = 0x30
    DELMSG = 0x31
    ANSREADMSG = 0x32
    GETINFO = 0x40
    SENDINFO = 0x41
    GETABSENCEINFO = 0x50
    SENDABSENCEINFO = 0x51
    GETFILEDATA = 0x60
    RELEASEFILES = 0x61
    GETDIRFILES = 0x62
    GETPUBKEY = 0x72
    ANSPUBKEY = 0x73
    IPTUX_SENDMSG = 0xFB  # to a group or a segment of a network


class Option(IntFlag):
    """What goes with a command; some bits mean one thing with one, another with another."""

    NONE = 0
    ABSENCE = 0x100  # of those who announce themselves
    SENDCHECK = 0x100  # of messages: acknowledge it
    SECRET = 0x200
    BROADCAST = 0x400
    MULTICAST = 0x800
    AUTORET = 0x2000  # said by a machine: never to be answered by one
    RETRY = 0x4000
    PASSWORD = 0x8000
    DIALUP = 0x10000
    READCHECK = 0x100000
    FILEATTACH = 0x200000
    ENCRYPT = 0x400000
    UTF8 = 0x800000  # this packet is in UTF-8
    CAPUTF8 = 0x1000000  # its sender understands UTF-8


@dataclass(frozen=True, slots=True)
class IpmsgPacket:
    """One datagram, taken apart; all its texts are bytes, in an encoding that it may not tell.

    :ivar number: as the sender counts, at most ten digits.
    :ivar command: the low byte; not always one of `Command`.
    :ivar more: what follows the extra part, NUL by NUL.
    """

    number: int
    user: bytes
    host: bytes
    command: int
    options: int = 0
    extra: bytes = b""
    more: tuple[bytes, ...] = ()
    version: bytes = b"1"

    def has(self, option: Option) -> bool:
        """Say whether an option goes with it."""
        return bool(self.options & option)


def decode_ipmsg(datagram: bytes) -> IpmsgPacket:
    """Take a datagram apart.

    :raises MalformedIpmsg: it is no packet of IP Messenger, or too long.
    """
    if len(datagram) > MAX_PACKET:
        raise MalformedIpmsg("too_long")
    parts = datagram.split(b":", 5)
    if len(parts) < 5:
        raise MalformedIpmsg("too_few_parts")
    version, number, user, host, command = parts[:5]
    extra, *more = (parts[5] if len(parts) == 6 else b"").split(b"\0")
    if len(parts) == 5:  # without an extra part there may be a NUL all the same
        command = command.rstrip(b"\0")
    if not version[:1].isdigit() or len(version) > MAX_VERSION:
        raise MalformedIpmsg("no_version")
    if not _NUMBER.fullmatch(number) or not _NUMBER.fullmatch(command):
        raise MalformedIpmsg("no_number")
    if int(command) >> 32 or max(len(user), len(host)) > MAX_WORD or b"\0" in user + host:
        raise MalformedIpmsg("out_of_range")
    while more and not more[-1]:
        more.pop()
    return IpmsgPacket(
        int(number),
        user,
        host,
        int(command) & 0xFF,
        int(command) & 0xFFFFFF00,
        extra,
        tuple(more),
        version,
    )


def encode_ipmsg(packet: IpmsgPacket) -> bytes:
    """Write a packet."""
    head = b"%s:%d:%s:%s:%d:" % (
        packet.version,
        packet.number,
        packet.user,
        packet.host,
        packet.command | packet.options,
    )
    return head + b"\0".join([packet.extra, *packet.more])


def shortened(packet: IpmsgPacket, limit: int) -> bytes | None:
    """Write an answer that is not longer than what it answers: with shorter names, if need be.

    :return: None: it does not fit with the shortest names.
    """
    over = len(encode_ipmsg(packet)) - limit
    user, host = packet.user, packet.host
    if over > 0:
        cut = min(over, len(host) - 1)
        host, over = host[: len(host) - cut], over - cut
    if over > 0:
        cut = min(over, len(user) - 1)
        user, over = user[: len(user) - cut], over - cut
    if over > 0:
        return None
    return encode_ipmsg(replace(packet, user=user, host=host))


def read_text(data: bytes, known: str = "", *, utf8: bool = False) -> tuple[str, str]:
    """Return a peer's text, and the encoding that it is in.

    UTF-8 where the packet says so; else what is strictly UTF-8 is that; then what is known of the
    peer; then GB18030, which has a reading for nearly everything that such clients send. What has
    none anywhere is replaced.

    >>> read_text("你好".encode("gbk"))
    ('你好', 'gb18030')
    """
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError:
        encoding = "utf-8" if utf8 else known if known not in ("", "utf-8") else "gb18030"
    return data.decode(encoding, "replace"), encoding


def one_line(text: str) -> str:
    """Return a text as one line that no terminal obeys: its own lines set off by slashes."""
    lines = (_CONTROL.sub(" ", line).strip() for line in re.split(r"[\r\n\v\f\x85]+", text))
    return " / ".join(line for line in lines if line)


def files_of(packet: IpmsgPacket, known: str = "") -> list[str]:
    """Return the names of the files that go with a message, some of them.

    They stand after the first NUL, each ended by a BEL: ``id:name:size:time:kind``, a colon in a
    name is doubled.
    """
    if not packet.has(Option.FILEATTACH) or not packet.more:
        return []
    names = []
    for each in packet.more[0].split(b"\a"):
        parts = re.split(rb"(?<!:):(?!:)", each)
        if len(parts) >= 2:
            name, _ = read_text(parts[1].replace(b"::", b":"), known, utf8=packet.has(Option.UTF8))
            names.append(one_line(name)[:_FILE_NAME])
    shown = names[:_FILES]
    return shown if len(names) == len(shown) else [*shown, f"{len(names) - len(shown)} more"]


def announced(packet: IpmsgPacket, known: str = "") -> tuple[str, str]:
    """Return what somebody who announces themselves is called, and which encoding they use.

    They say their nickname in the extra part, or have none but that of their account; iptux adds a
    group, an icon and its encoding; others say all again in UTF-8, in lines like ``NN:nickname``.
    """
    encoding = ENCODINGS.get(packet.more[2].decode("latin-1").lower(), "") if _iptux(packet) else ""
    utf8 = packet.has(Option.UTF8)
    name, guessed = read_text(packet.extra or packet.user, encoding or known, utf8=utf8)
    if not encoding and guessed != "utf-8":
        encoding = guessed  # ASCII says nothing
    for line in b"\n".join(packet.more).split(b"\n"):
        if line.startswith(b"NN:"):
            name = line[3:].decode(errors="replace")
    return one_line(name), encoding or known


def _iptux(packet: IpmsgPacket) -> bool:
    return len(packet.more) >= 3 and b":" not in packet.more[2]
