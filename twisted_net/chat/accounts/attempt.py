"""One attempt to authenticate by SASL (RFC 4422)."""

from typing import Protocol

from twisted.internet.defer import Deferred

from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.sasl import Challenge, Check, Denied, Exchange, Granted


class Guarded(Protocol):
    """What an attempt needs of the accounts."""

    def check(self, account: str, password: str, host: str) -> "Deferred[str]":
        """Return the account, if the password is its own; fails with a `Refusal`."""

    def guessed(self, host: str) -> None:
        """Count a wrong guess."""


class Attempt:
    """One attempt to authenticate by SASL, passwords looked up where that takes a while."""

    def __init__(self, accounts: Guarded, exchange: Exchange, host: str) -> None:
        self._accounts = accounts
        self._exchange = exchange
        self._host = host

    def respond(self, data: bytes) -> "Deferred[Challenge | Granted | Denied]":
        """Take a response of the client, decoded; one at a time."""
        return Deferred.fromCoroutine(self._respond(data))

    async def _respond(self, data: bytes) -> Challenge | Granted | Denied:
        outcome = self._exchange.respond(data)
        if not isinstance(outcome, Check):
            if isinstance(outcome, Denied) and outcome.guessed:
                self._accounts.guessed(self._host)
            return outcome
        try:
            await self._accounts.check(outcome.account, outcome.password, self._host)
        except Refusal as refusal:
            self._exchange.checked(False)
            return Denied(refusal.text)
        granted = self._exchange.checked(True)
        return granted if isinstance(granted, Granted) else Denied("wrong account or password")
