"""Whether a peer has moved: proof of a new address (RFC 9000, 8.2 and 9)."""

import hmac
from math import inf
from random import Random

#: Seconds between two questions: whoever repeats a peer's packets from many addresses must not
#: make us talk to all of them.
ASK_EVERY = 1.0

#: Length of a question with its header and tag. What is shorter is not asked back: an address
#: that has not proven itself is never sent more than came from it (RFC 9000, 8.1).
QUESTION = 43

Address = tuple[str, int]


class Path:
    """What was asked of the newest address that a peer's packets came from."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._challenge = b""
        self._address: Address | None = None
        self._asked_at = -inf

    def ask(self, address: Address, length: int, now: float) -> bytes | None:
        """Return 8 bytes that the peer has to repeat from an address; None: ask nothing now.

        :param length: of the datagram that came from there.
        """
        if length < QUESTION or now < self._asked_at + ASK_EVERY:
            return None
        self._asked_at = now
        if address != self._address:  # else an answer that is under way still counts
            self._address = address
            self._challenge = self._dice.randbytes(8)
        return self._challenge

    def answers(self, address: Address, challenge: bytes) -> bool:
        """Say whether this is the answer, and from where it was asked; once."""
        right = address == self._address and hmac.compare_digest(challenge, self._challenge)
        if right:
            self._address, self._challenge = None, b""
        return right
