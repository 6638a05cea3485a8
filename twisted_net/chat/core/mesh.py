"""Peers that chat without a server: who is there, whom to look for, and whom to call. Pure.

Whoever looks for others says FIND, to a group or to an address that it was given, and names whom
it knows; the others answer HERE, and name whom they know. Neither proves anything: an answer only
leads to a HELLO, and what is named to few of them, in networks nearby.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from random import Random

from twisted_net.chat.codec.datagram import (
    Flag,
    Key,
    Packet,
    Type,
    encode,
    packed,
    padded,
    text_of,
    unpacked,
)
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.path import Address

#: Peers in a mesh, oneself among them: each talks to all others, so their work grows with it.
MOST = 16

#: Seconds after the start at which one looks for others, and how often from then on.
FIND_AT = (0.0, 1.0, 3.0, 9.0)
FIND_EVERY = 60.0

#: Length of a FIND. No answer is longer, so that nobody can use it against others.
FIND_LENGTH = 256

#: Seconds within which one answers: not all at one time.
HERE_AFTER = (0.020, 0.120)

#: Seconds for which answers to a FIND are heard.
HEARD_FOR = 5.0

#: Seconds before an address is called again that did not answer.
CALL_EVERY = 30.0

#: Addresses that are remembered for having been called.
CALLED = 64

_PEER = int(Flag.PEER)


@dataclass(slots=True)
class _Asker:
    """Somebody who looks for others, and is to be answered.

    :ivar room: bytes that the answer may have.
    """

    nonce: bytes
    room: int
    due: float


class Mesh:
    """What one peer knows of the others.

    :param name: its own.
    :param seeds: addresses to look at besides the group.
    :param group: whether to look at the group.
    """

    def __init__(
        self, dice: Random, now: float, name: str, seeds: Sequence[Address], group: bool
    ) -> None:
        self.name = name
        self._dice = dice
        self._seeds = seeds
        self._group = group
        self._times = [now + each for each in FIND_AT] if seeds or group else []
        self._nonce = b""
        self._found_at = -inf
        self._askers: dict[Address, _Asker] = {}
        self._links: dict[Address, str] = {}
        self._called: dict[Address, float] = {}

    @property
    def deadline(self) -> float:
        """When to call `wake`; infinite: never."""
        return min([*self._times[:1], *(each.due for each in self._askers.values())], default=inf)

    @property
    def known(self) -> list[tuple[Address, str]]:
        """Whom one talks to: where they listen, and their names."""
        return [(address, name) for address, name in self._links.items() if name]

    @property
    def calling(self) -> bool:
        """Whether somebody is being called who has not answered yet."""
        return not all(self._links.values())

    def wake(self, now: float) -> list[tuple[bytes, Address | None]]:
        """Return what is to be sent now, and where to; None: to the group."""
        sent: list[tuple[bytes, Address | None]] = []
        if self._times and self._times[0] <= now:
            find = self._find(now)
            sent += [(find, each) for each in self._seeds if each not in self._links]
            sent += [(find, None)] if self._group else []
        for address, asker in list(self._askers.items()):
            if asker.due <= now:
                del self._askers[address]
                sent.append((self._here(asker), address))
        return sent

    def asked(self, packet: Packet, length: int, address: Address, now: float) -> None:
        """Take a FIND; it is answered a little later, unless it comes from somebody who knows us.

        :param length: of the datagram.
        """
        names = text_of(unpacked(packet.fields), Key.TEXT).split("\n")
        known = folded(self.name) in map(folded, names)
        if packet.session == self._nonce or known or len(self._askers) >= MOST:
            return
        due = now + self._dice.uniform(*HERE_AFTER)
        self._askers.setdefault(address, _Asker(packet.session, min(length, FIND_LENGTH), due))

    def answered(self, packet: Packet, address: Address, now: float) -> list[Address]:
        """Take a HERE; return whom to call: who sent it, and who is named in it."""
        if packet.session != self._nonce or now > self._found_at + HEARD_FOR:
            return []
        lines = text_of(unpacked(packet.fields), Key.TEXT).split("\n")
        named = [each for each in map(_read_address, lines[:MOST]) if each and near(each[0])]
        return [each for each in (address, *named) if self._may_call(each, now)]

    def greeted(self, address: Address, now: float) -> bool:
        """Say whether to call somebody back, who has proven to be there.

        :param address: where they say that they listen.
        """
        return self._may_call(address, now)

    def linked(self, address: Address, name: str) -> None:
        """Note who it is that answered a call."""
        self._links[address] = name

    def unlinked(self, address: Address) -> None:
        """Note that a call was for nothing, or is over."""
        self._links.pop(address, None)

    def _may_call(self, address: Address, now: float) -> bool:
        """Say whether to call an address; if so, it is counted as called."""
        again = now >= self._called.get(address, -inf) + CALL_EVERY
        if address in self._links or len(self._links) >= MOST - 1 or not again:
            return False
        self._called.pop(address, None)
        if len(self._called) >= CALLED:
            del self._called[next(iter(self._called))]
        self._called[address] = now
        self._links[address] = ""
        return True

    def _find(self, now: float) -> bytes:
        del self._times[0]
        if not self._times:
            self._times = [now + FIND_EVERY]
        self._nonce = self._dice.randbytes(8)
        self._found_at = now
        fields = {Key.NAME: self.name.encode()}
        names = _fitting((name for _, name in self.known), fields, FIND_LENGTH)
        padding = padded({**fields, Key.TEXT: names}, FIND_LENGTH)
        return encode(Packet(Type.FIND, self._nonce, fields=padding, flags=_PEER))

    def _here(self, asker: _Asker) -> bytes:
        fields = {Key.NAME: self.name.encode()}
        lines = (f"{host} {port}" for (host, port), _ in self.known)
        text = _fitting(lines, fields, asker.room)
        flags = _PEER | Flag.RESPONDER
        made = Packet(
            Type.HERE, asker.nonce, fields=packed({**fields, Key.TEXT: text}), flags=flags
        )
        return encode(made)


def near(host: str) -> bool:
    """Say whether an address is of a network nearby (RFC 1918, RFC 3927, RFC 4193).

    >>> near("192.168.1.2"), near("127.0.0.1"), near("8.8.8.8"), near("x")
    (True, True, False, False)
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    there = address.is_private or address.is_link_local
    return there and not address.is_multicast and not address.is_unspecified


def _read_address(line: str) -> Address | None:
    host, _, port = line.partition(" ")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5):
        return None
    return (host, int(port)) if 1024 <= int(port) <= 65535 else None


def _fitting(lines: Iterable[str], fields: dict[Key, bytes], length: int) -> bytes:
    """Return as many lines as fit into a packet with some fields, of a length."""
    room = length - len(encode(Packet(Type.FIND, bytes(8), fields=packed(fields)))) - 6
    text = b""
    for line in lines:
        longer = b"\n".join((text, line.encode())) if text else line.encode()
        if len(longer) > room:
            break
        text = longer
    return text
