"""The accounts of a chat: a realm of twisted.cred, whose avatar is the account."""

from collections.abc import Callable, Sequence
from math import ceil
from random import Random
from typing import Any, Protocol, TypeVar

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_net.chat.accounts.attempt import Attempt
from twisted_net.chat.accounts.avatars import Account, IAccount, Realm
from twisted_net.chat.accounts.book import Book, Entry
from twisted_net.chat.accounts.checkers import Auth, BookChecker, Either, Password
from twisted_net.chat.accounts.penalties import Penalties, is_loopback
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import quoted
from twisted_net.chat.core import sasl, scram
from twisted_net.chat.core.ident import checked_name, folded, skeleton
from twisted_net.chat.core.sasl import Known
from twisted_net.chat.core.scram import Credentials

T = TypeVar("T")

#: Accounts that one address may make at once, and seconds until it may make another one.
MADE, MADE_EVERY = 5, 120.0

#: Passwords that are computed at one time, and that may wait for that: each takes a thread that
#: names are looked up in too.
AT_ONCE, WAITING = 2, 64

#: Seconds that a checker has to answer.
WITHIN = 10.0


class Keeper(Protocol):
    """Where accounts are written to."""

    def keep(self, entry: Entry) -> "Deferred[None]":
        """Write an account down; return when it is there for good."""

    def certify(self, fingerprint: str, name: str) -> "Deferred[None]":
        """Write down that a certificate belongs to an account."""

    def uncertify(self, fingerprint: str) -> "Deferred[None]":
        """Write down that a certificate belongs to nobody."""


class Accounts:
    """Who has an account, and who may make one.

    :param book: the accounts there are.
    :param keeper: None: new accounts last as long as the server.
    :param auth: accounts that somebody else looks after.
    :param strangers: whether strangers may make accounts.
    :param secret: what accounts that are not there are pretended with.
    :param iterations: of new accounts.
    :ivar guesses: wrong passwords by address; of other passwords of the chat, too.
    :ivar present: says whether a member is called so, whose name nobody else may register.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        dice: Random,
        book: Book | None = None,
        keeper: Keeper | None = None,
        auth: Auth | None = None,
        *,
        strangers: bool = True,
        secret: bytes = b"",
        iterations: int = scram.ITERATIONS,
    ) -> None:
        self.present: Callable[[str], bool] = lambda name: False
        self._reactor = reactor
        self._dice = dice
        self._book = book if book is not None else Book()
        self._keeper = keeper
        self._auth = auth
        self._strangers = strangers
        self._secret = secret or dice.randbytes(32)
        self._iterations = iterations
        self.guesses = Penalties()
        self._made = Penalties(MADE, MADE_EVERY)
        self._making: dict[str, None] = {}
        self._busy = DeferredSemaphore(AT_ONCE)
        self._waiting = 0
        self._portal = Portal(Realm(self._called))
        ours = BookChecker(self.credentials, self._aside)
        checker = Either(ours, auth.checker) if auth is not None else ours
        self._portal.registerChecker(checker, IUsernamePassword)

    # What there is.

    def registered(self, name: str) -> str | None:
        """Return the account that a name belongs to, or reads like; None: it is free."""
        return self._book.alike(name) or (self._auth.name(name) if self._auth else None)

    def credentials(self, name: str) -> Credentials:
        """Return what is kept of an account's password; pretended, if there is none."""
        entry = self._book.get(name)
        if entry is not None:
            return entry.credentials
        return scram.pretended(folded(name), self._secret, self._iterations)

    # Proving who one is.

    def check(self, account: str, password: str, host: str) -> "Deferred[str]":
        """Return the account, as it was registered, if the password is its own.

        :param host: the address that says so, which may not guess for ever.
        :return: fails with a `Refusal`.
        """
        return Deferred.fromCoroutine(self._check(account, password, host))

    def attempt(
        self, mechanism: str, host: str, private: bool, fingerprint: str = ""
    ) -> Attempt | None:
        """Begin to authenticate by SASL; None: there is no such mechanism for this client.

        :param private: whether nobody can listen: `private`.
        :param fingerprint: SHA-256 of the client's certificate, in hex.
        :raises Refusal: the address has guessed too often.
        """
        self.allow(host)
        exchange = sasl.begin(mechanism, self._known(fingerprint), private, self._dice)
        return None if exchange is None else Attempt(self, exchange, host)

    def mechanisms(self, private: bool, fingerprint: str = "") -> Sequence[str]:
        """Return the mechanisms of SASL that a client may choose from."""
        return sasl.offered(self._known(fingerprint), private)

    def allow(self, host: str) -> None:
        """Let an address try.

        :raises Refusal: it has guessed too often.
        """
        wait = self.guesses.wait(host, self._reactor.seconds())
        if wait > 0:
            raise _slow("too many wrong passwords", wait)

    def guessed(self, host: str) -> None:
        """Count a wrong guess that somebody else has seen."""
        self.guesses.take(host, self._reactor.seconds())

    # Making accounts.

    def register(
        self, account: str, password: str, host: str, name: str = "", special: str = ""
    ) -> "Deferred[str]":
        """Make an account; return it as it will be shown.

        :param name: what whoever asks is called.
        :param special: characters that names may hold besides, on the door that asks.
        :return: fails with a `Refusal`.
        """
        return Deferred.fromCoroutine(self._register(account, password, host, name, special))

    def certify(self, account: str, fingerprint: str) -> "Deferred[None]":
        """Let a client's certificate be as good as the account's password from now on.

        :return: fails with a `Refusal`.
        """
        return Deferred.fromCoroutine(self._certify(account, fingerprint))

    def uncertify(self, account: str, fingerprint: str) -> "Deferred[None]":
        """Let a certificate be good for nothing again.

        :return: fails with a `Refusal`.
        """
        return Deferred.fromCoroutine(self._uncertify(account, fingerprint))

    def certificates(self, account: str) -> list[str]:
        """Return the fingerprints of an account's certificates."""
        return self._book.certificates(account)

    async def _check(self, account: str, password: str, host: str) -> str:
        now = self._reactor.seconds()
        self.allow(host)
        self.guesses.take(host, now)  # at once: many at a time are many guesses
        given = Password(account.encode(), password.encode())
        login = Deferred.fromCoroutine(self._login(given)).addTimeout(WITHIN, self._reactor)
        try:
            avatar = await login
        except UnauthorizedLogin:
            raise Refusal(Code.NAMELESS, "wrong account or password", Why.WRONG_PASSWORD) from None
        except TimeoutError:
            self.guesses.give_back(host, now)
            raise _unavailable("passwords cannot be checked now") from None
        except Refusal:
            self.guesses.give_back(host, now)
            raise
        except Exception:
            self.guesses.give_back(host, now)
            self.log.failure("a password could not be checked")
            raise _unavailable("passwords cannot be checked now") from None
        self.guesses.give_back(host, now)
        return avatar.name

    async def _login(self, given: Password) -> Account:
        login: Any = self._portal.login(given, None, IAccount)
        _, avatar, _ = await login
        found: Account = avatar
        return found

    async def _register(
        self, account: str, password: str, host: str, holds: str, special: str
    ) -> str:
        if not self._strangers:
            raise Refusal(Code.FORBIDDEN, "nobody may make accounts here", Why.OTHER)
        name = checked_name(account, special)
        self._refuse(name, holds)
        try:
            prepared = scram.prepared(password)
        except ValueError as error:
            raise Refusal(Code.INVALID, str(error), Why.BAD_TEXT) from None
        now = self._reactor.seconds()
        if not is_loopback(host) and not self._made.take(host, now):
            raise _slow("too many accounts", self._made.wait(host, now))
        key = skeleton(name)
        self._making[key] = None
        try:
            kept = await self._aside(scram.fresh, prepared, self._dice, self._iterations)
            entry = Entry(name, kept, int(now * 1000))
            if self._keeper is not None:
                await self._kept(self._keeper.keep(entry))
            self._book.add(entry)
        finally:
            del self._making[key]
        return name

    async def _certify(self, account: str, fingerprint: str) -> None:
        if self._book.get(account) is None:
            why = "somebody else looks after this account"
            raise Refusal(Code.FORBIDDEN, why, Why.OTHER)
        if fingerprint in self._book.certificates(account):
            return
        self._book.certify(fingerprint, account)
        if self._keeper is not None:
            try:
                await self._kept(self._keeper.certify(fingerprint, account))
            except Refusal:
                self._book.uncertify(fingerprint, account)
                raise

    async def _uncertify(self, account: str, fingerprint: str) -> None:
        self._book.uncertify(fingerprint, account)
        if self._keeper is not None:
            await self._kept(self._keeper.uncertify(fingerprint))

    async def _kept(self, keeping: "Deferred[None]") -> None:
        try:
            await keeping
        except Exception:
            self.log.failure("an account could not be kept")
            raise _unavailable("accounts cannot be kept now") from None

    def _refuse(self, name: str, holds: str) -> None:
        taken = Refusal(Code.TAKEN, f"name {quoted(name)} is taken", Why.TAKEN)
        if skeleton(name) in self._making or self.registered(name) is not None:
            raise taken
        if folded(name) != folded(holds) and self.present(name):
            raise taken
        self._book.refuse(name)

    def _called(self, name: str) -> str:
        entry = self._book.get(name)
        if entry is not None:
            return entry.name
        return (self._auth.name(name) if self._auth else None) or name

    def _known(self, fingerprint: str) -> Known:
        certified = self._book.certified(fingerprint) if fingerprint else ""
        return Known(self.credentials, self._called, certified)

    async def _aside(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._waiting >= WAITING:
            raise _unavailable("too many passwords are being checked")
        self._waiting += 1
        try:
            pool = self._reactor.getThreadPool()
            done: T = await self._busy.run(deferToThreadPool, self._reactor, pool, work, *arguments)
        finally:
            self._waiting -= 1
        return done


def _slow(what: str, wait: float) -> Refusal:
    return Refusal(Code.SLOW, f"{what}: wait {max(1, ceil(wait))} s", Why.SLOW)


def _unavailable(why: str) -> Refusal:
    return Refusal(Code.UNAVAILABLE, why, Why.UNREACHABLE)
