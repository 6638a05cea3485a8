"""How a guest proves an account where everybody may listen: SCRAM-SHA-256 (RFC 7677)."""

from random import Random
from typing import TYPE_CHECKING

from twisted_net.chat.codec.messages import Code, Refusal, Why
from twisted_net.chat.core.scram import ScramError, ScramServer

if TYPE_CHECKING:
    from twisted_net.chat.accounts.realm import Accounts


class Proving:
    """One guest's attempts, one after the other; two messages each.

    :param host: the guest's address, which may not guess for ever.
    :ivar account: the one that was proven last; empty: none yet.
    :ivar key: what only this guest and we can have made of that exchange.
    """

    def __init__(self, accounts: "Accounts | None", host: str, dice: Random) -> None:
        self.account = ""
        self.key = b""
        self._accounts = accounts
        self._host = host
        self._dice = dice
        self._server: ScramServer | None = None

    def take(self, message: bytes) -> tuple[bytes, bool]:
        """Take the guest's next message; return the answer, and whether the account is proven.

        :raises Refusal: it is wrong, or there are no accounts; the next one is a first one again.
        """
        accounts = self._accounts
        if accounts is None:
            raise Refusal(Code.UNAVAILABLE, "there are no accounts here")
        accounts.allow(self._host)
        server, self._server = self._server, None
        if server is None:
            return self._first(accounts, message), False
        try:
            answer = server.final(message)
        except ScramError:
            accounts.guessed(self._host)
            text = "wrong account or password"
            raise Refusal(Code.NAMELESS, text, Why.WRONG_PASSWORD) from None
        self.account = accounts.registered(server.name) or server.name
        self.key = server.key
        return answer, True

    def _first(self, accounts: "Accounts", message: bytes) -> bytes:
        server = ScramServer(accounts.credentials, self._dice)
        try:
            answer = server.first(message)
        except ScramError as error:
            raise Refusal(Code.BAD, str(error)) from None
        if server.authzid not in ("", server.name):
            raise Refusal(Code.BAD, "nobody may be somebody else here")
        self._server = server
        return answer
