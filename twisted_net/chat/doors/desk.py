"""Accounts and history as IRC asks for them: what takes a while is told when it is there."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_net.chat.accounts.attempt import Attempt
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.ident import IRC_SPECIAL
from twisted_net.chat.core.irc.desk import Told
from twisted_net.chat.store.base import History, of_pair, of_room, other_of
from twisted_net.chat.store.profiles import Profiles


def tell(found: "Deferred[Any]", told: Told) -> None:
    """Tell what a Deferred comes to; a failure that is no `Refusal` stays one."""
    found.addCallbacks(told, _refused, errbackArgs=(told,))


def _refused(failure: Failure, told: Told) -> None:
    failure.trap(Refusal)
    told(failure.value)


class Accountant:
    """The accounts of the chat."""

    def __init__(self, accounts: Accounts, opened: bool) -> None:
        self.open = opened
        self._accounts = accounts

    def mechanisms(self, private: bool, fingerprint: str) -> Sequence[str]:
        """Return the mechanisms that a client may choose from."""
        return self._accounts.mechanisms(private, fingerprint)

    def attempt(self, mechanism: str, host: str, private: bool, fingerprint: str) -> Attempt | None:
        """Begin to authenticate."""
        return self._accounts.attempt(mechanism, host, private, fingerprint)

    def respond(self, attempt: Attempt, data: bytes, told: Told) -> None:
        """Take a response."""
        tell(attempt.respond(data), told)

    def register(self, account: str, password: str, host: str, holds: str, told: Told) -> None:
        """Make an account."""
        tell(self._accounts.register(account, password, host, holds, IRC_SPECIAL), told)

    def certificates(self, account: str) -> Sequence[str]:
        """Return the fingerprints of an account's certificates."""
        return self._accounts.certificates(account)

    def certify(self, account: str, fingerprint: str, told: Told) -> None:
        """Let a certificate be as good as the password."""
        tell(self._accounts.certify(account, fingerprint), told)

    def uncertify(self, account: str, fingerprint: str, told: Told) -> None:
        """Let a certificate be good for nothing again."""
        tell(self._accounts.uncertify(account, fingerprint), told)


class Biographer:
    """What accounts tell about themselves."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self.keep = profiles.keep

    def load(self, account: str, told: Told) -> None:
        """Look up all of an account."""
        tell(self._profiles.load(account), told)


class Historian:
    """The history of the chat."""

    def __init__(self, history: History) -> None:
        self._history = history

    def room(self, name: str) -> str:
        """Return how a room is called here."""
        return of_room(name)

    def pair(self, account: str, other: str) -> str:
        """Return how the talk of two accounts is called here."""
        return of_pair(account, other)

    def other(self, pair: str, account: str) -> str:
        """Return the other account of a pair."""
        return other_of(pair, account)

    def ask(self, told: Told, question: str, *words: Any) -> None:
        """Ask it by one of its methods."""
        tell(getattr(self._history, question)(*words), told)
