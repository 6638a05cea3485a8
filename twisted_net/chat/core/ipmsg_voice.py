"""How we speak to neighbours: packets in our name, each with a higher number than the last."""

from random import Random

from twisted_net.chat.codec.ipmsg import Command, IpmsgPacket, Option, encode_ipmsg
from twisted_net.chat.core.neighbours import Neighbour

_NUMBERS = 1 << 32


class Voice:
    """Makes our packets.

    :ivar name: what we are called.
    :ivar version: by which we know our own words when a broadcast comes back; other clients show
        it, if anything.
    :param host: where we are, as others show it.
    """

    def __init__(self, dice: Random, now: float, name: str, host: str) -> None:
        self.name = name.encode()
        # Free text after its number.
        self.version = b"1_netdemo_" + dice.randbytes(4).hex().encode()
        self._host = host.encode("ascii", "replace").replace(b":", b"-")
        self._number = int(now) % _NUMBERS

    def entry(self, now: float) -> bytes:
        """Say that we are there."""
        options = Option.CAPUTF8 | Option.UTF8
        number = self.next(now)
        packet = self.packet(Command.BR_ENTRY, number, options, self.name, version=self.version)
        return encode_ipmsg(packet)

    def exit(self, now: float) -> bytes:
        """Say that we go."""
        return encode_ipmsg(self.packet(Command.BR_EXIT, self.next(now), version=self.version))

    def packet(
        self,
        command: Command,
        number: int,
        options: int = 0,
        extra: bytes = b"",
        version: bytes = b"1",
    ) -> IpmsgPacket:
        """Return a packet of ours."""
        return IpmsgPacket(number, self.name, self._host, command, options, extra, version=version)

    def next(self, now: float) -> int:
        """Return the number of another packet."""
        self._number = max(self._number + 1, int(now)) % _NUMBERS
        return self._number

    def message(self, who: Neighbour, number: int, options: int, text: str) -> bytes:
        """Say something to a neighbour, in an encoding that they can read."""
        # Whoever has told of no encoding is sent UTF-8, the encoding of today.
        encoding = "utf-8" if who.utf8 else who.encoding or "utf-8"
        if encoding == "utf-8":
            options |= Option.UTF8
        body = text.encode(encoding, "replace")
        return encode_ipmsg(self.packet(Command.SENDMSG, number, options, body))
