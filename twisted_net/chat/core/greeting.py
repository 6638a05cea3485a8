"""How an initiator comes to a session: HELLO, a cookie, HELLO with the cookie."""

from math import inf
from random import Random

from twisted_net.chat.core.reliable import FIRST_WAIT, LONGEST_WAIT, SENDS

#: Seconds between two times that a session is begun anew because the server has forgotten it: a
#: server that forgets at once must not keep its clients busy (R16).
REPROVE_EVERY = 5.0


class Repeats:
    """When to say again what nobody answers: after 1, 2, 4, 8, 8, … seconds.

    :ivar at: the time of the next one.
    :ivar count: how often it was said.
    """

    def __init__(self, now: float) -> None:
        self.at = now
        self.count = 0

    def said(self, now: float) -> None:
        """Wait for the next time."""
        self.at = now + min(LONGEST_WAIT, FIRST_WAIT * 2**self.count)
        self.count += 1


class Greeting:
    """An initiator that has no session yet, or none any more.

    :ivar nonce: 8 random bytes that name the greeting until a session has an id.
    :ivar cookie: 20 bytes that prove our address; empty: none yet.
    :ivar before: whether there was a session before.
    """

    def __init__(self, dice: Random) -> None:
        self.nonce = dice.randbytes(8)
        self.cookie = b""
        self.before = False
        self._dice = dice
        self._cookies = 0
        self._anew_at = -inf

    def retried(self, cookie: bytes) -> bool:
        """Take a cookie; say whether there is still hope of a server that is content with one."""
        self.cookie = cookie
        self._cookies += 1
        return self._cookies <= SENDS

    def anew(self, cookie: bytes, now: float) -> bool:
        """Begin once more, with the cookie that a server sent that forgot the session.

        :return: False: that was done a moment ago.
        """
        if now < self._anew_at + REPROVE_EVERY:
            return False
        self._anew_at = now
        self.before = True
        self.nonce = self._dice.randbytes(8)
        self._cookies = 0
        return self.retried(cookie)
