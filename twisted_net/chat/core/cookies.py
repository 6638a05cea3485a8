"""Proof that an address can be reached, without remembering it (RFC 9000, 8.1; RFC 6347, 4.2.1)."""

import hmac
from hashlib import blake2s
from random import Random

#: Seconds that a cookie is good: several round trips, and no more.
GOOD_FOR = 30

_TIME = 4
_TIMES = 1 << 8 * _TIME


class Cookies:
    """Make cookies, and know them again: the time, and a MAC over time, address and port."""

    def __init__(self, dice: Random) -> None:
        self._secret = dice.randbytes(32)

    def make(self, address: tuple[str, int], now: float) -> bytes:
        """Return a cookie of 20 bytes for an address."""
        time = (int(now) % _TIMES).to_bytes(_TIME, "big")
        return time + self._mac(time, address)

    def good(self, cookie: bytes, address: tuple[str, int], now: float) -> bool:
        """Say whether we made this cookie for this address, and not long ago."""
        time = cookie[:_TIME]
        age = (int(now) - int.from_bytes(time, "big")) % _TIMES
        made_here = hmac.compare_digest(cookie[_TIME:], self._mac(time, address))
        return made_here and age <= GOOD_FOR

    def _mac(self, time: bytes, address: tuple[str, int]) -> bytes:
        said = time + f"{address[0]} {address[1]}".encode()
        return blake2s(said, digest_size=16, key=self._secret).digest()
