"""What the log says of transfers: one line each, with how fast it was or why it stopped."""

from collections.abc import Callable

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.logger import Logger

from twisted_net.files.shown import amount, rate
from twisted_net.net.counters import DoorCounters
from twisted_net.net.text import with_port

#: Seconds between two lines about requests that came to nothing: whoever asks for what there is not
#: could otherwise fill the log. The counters miss none.
SPEAK_EVERY = 1.0

#: Lines in one second about transfers, by what became of them. Small files may be sent by the ten
#: thousand in that time, and to tell of each would take longer than to send it; and whoever hangs
#: up again and again could fill the log.
MOST_LINES = {"sent": 100, "stored": 100, "stopped": 10}


def peer_name(address: object) -> str:
    """Return an address as people write it, ``127.0.0.1:51324``."""
    if not isinstance(address, (IPv4Address, IPv6Address)):
        return "local"  # a UNIX socket's client has no address
    return with_port(address.host, address.port)


def _shown(name: bytes) -> str:
    return name[:256].decode("utf-8", "backslashreplace")


class Journal:
    """The log of one door's transfers.

    :param door: the door's name.
    :param seconds: the clock.
    """

    log = Logger()

    def __init__(self, door: str, counters: DoorCounters, seconds: Callable[[], float]) -> None:
        self.door = door
        self.counters = counters
        self.seconds = seconds
        self._quiet_until = float("-inf")
        self._second_ends = float("-inf")
        self._lines = dict.fromkeys(MOST_LINES, 0)  # in this second
        self._more = {what: [0, 0] for what in MOST_LINES}  # files and bytes that had none

    def sent(self, name: bytes, peer: str, count: int, began: float, more: str = "") -> None:
        """Tell of a transfer that came to its end; many in one second are summed up.

        :param more: words of our own behind it.
        """
        self._done("sent", "to", name, peer, count, began, more)

    def sum_up(self) -> None:
        """Tell of the transfers that had no line of their own."""
        for what, more in self._more.items():
            if more[0]:
                self.log.info(
                    "{door}: {what} {files} more within a second, {amount}",
                    door=self.door,
                    what=what,
                    files=more[0],
                    amount=amount(more[1]),
                )
                more[:] = 0, 0

    def stored(self, name: bytes, peer: str, count: int, began: float, more: str = "") -> None:
        """Tell of a file that was put here; many in one second are summed up."""
        self._done("stored", "from", name, peer, count, began, more)

    def stopped(
        self, name: bytes, peer: str, count: int, began: float, why: str, taking: bool = False
    ) -> None:
        """Tell of a transfer that did not; many in one second are summed up.

        :param taking: it was on its way here.
        """
        self.counters.drop("transfer_stopped")
        now = self.seconds()
        if not self._has_line("stopped", count, now):
            return
        self.log.warn(
            "{door}: stopped {doing} {name!r} {to} {peer!r} after {count} bytes,"
            " {took:.2f} s: {why}",
            door=self.door,
            doing="taking" if taking else "sending",
            to="from" if taking else "to",
            name=_shown(name),
            peer=peer,
            count=count,
            took=now - began,
            why=why,
        )

    def unanswered(self, name: bytes, peer: str, why: str) -> None:
        """Tell of a transfer whose peer never said a word: it may be forged, as a flood of them."""
        self.counters.drop("unanswered")
        if self._may_speak():
            self.log.info(
                "{door}: offered {name!r} to {peer!r}, who never answered: {why}",
                door=self.door,
                name=_shown(name),
                peer=peer,
                why=why,
            )

    def refused(self, name: bytes, peer: str, code: int, why: str) -> None:
        """Count a request that was not granted, and tell of it unless one was just told."""
        self.counters.drop(f"refused_{code}")
        if self._may_speak():
            self.log.info(
                "{door}: refused {name!r} for {peer!r}: {code} {why}",
                door=self.door,
                name=_shown(name),
                peer=peer,
                code=code,
                why=why,
            )

    def _done(
        self, what: str, way: str, name: bytes, peer: str, count: int, began: float, more: str
    ) -> None:
        now = self.seconds()
        if not self._has_line(what, count, now):
            return
        took = now - began
        self.log.info(
            "{door}: {what} {name!r} {way} {peer!r}: {count} bytes in {took:.2f} s, {rate}{more}",
            door=self.door,
            what=what,
            name=_shown(name),
            way=way,
            peer=peer,
            count=count,
            took=took,
            rate=rate(count, took),
            more=more,
        )

    def _has_line(self, what: str, count: int, now: float) -> bool:
        """Say whether a transfer has a line of its own; count it among the others if not."""
        if now >= self._second_ends:
            self.sum_up()
            self._second_ends = now + 1.0
            self._lines = dict.fromkeys(MOST_LINES, 0)
        self._lines[what] += 1
        if self._lines[what] <= MOST_LINES[what]:
            return True
        self._more[what][0] += 1
        self._more[what][1] += count
        return False

    def _may_speak(self) -> bool:
        if self.seconds() < self._quiet_until:
            return False
        self._quiet_until = self.seconds() + SPEAK_EVERY
        return True
