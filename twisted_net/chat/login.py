"""What one connection proves about itself: an account, by a password that may be said there."""

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail

from twisted_net.chat.accounts.private import host_of, private
from twisted_net.chat.codec.refusals import Code, Refusal, Why

if TYPE_CHECKING:
    from twisted_net.chat.accounts.realm import Accounts


class Login:
    """One connection's way to an account.

    :param host: the peer's address, which may not guess for ever.
    :param private: whether nobody can listen.
    :ivar account: the one that was proven; empty: none yet.
    """

    def __init__(self, accounts: "Accounts", host: str, private: bool) -> None:
        self.account = ""
        self._accounts = accounts
        self._host = host
        self._private = private

    @classmethod
    def over(cls, accounts: "Accounts | None", transport: Any) -> "Login | None":
        """Return that of a connection; None: there are no accounts."""
        if accounts is None:
            return None
        return cls(accounts, host_of(transport), private(transport))

    def prove(self, account: str, password: str) -> "Deferred[str]":
        """Return the account, if it is the password's; fails with a `Refusal`."""
        if not self._private:
            return fail(_needs_tls())
        return self._accounts.check(account, password, self._host).addCallback(self._proven)

    def register(self, account: str, password: str, name: str) -> "Deferred[str]":
        """Make an account and return it; fails with a `Refusal`.

        :param name: what whoever asks is called; empty: nothing yet.
        """
        if not self._private:
            return fail(_needs_tls())
        made = self._accounts.register(account, password, self._host, name)
        return made.addCallback(self._proven)

    def _proven(self, account: str) -> str:
        self.account = account
        return account


def _needs_tls() -> Refusal:
    return Refusal(Code.FORBIDDEN, "login needs TLS or loopback", Why.NEEDS_TLS)
