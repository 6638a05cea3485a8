"""Who checks passwords, as twisted.cred wants it: our own book, and what ``--auth`` names."""

import hmac
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.cred.checkers import FilePasswordDB, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from twisted_net.chat.core import scram
from twisted_net.chat.core.scram import Credentials
from twisted_net.net.errors import StartError

#: Does something slow in a thread.
Aside = Callable[..., Awaitable[Any]]

_log = Logger()


@implementer(IUsernamePassword)
class Password:
    """A name and a password that somebody gave."""

    def __init__(self, username: bytes, password: bytes) -> None:
        self.username = username
        self.password = password

    def checkPassword(self, password: bytes) -> bool:  # noqa: N802 - twisted.cred's
        """Compare; how long that takes tells nothing of the password."""
        return hmac.compare_digest(self.password, password)


@implementer(ICredentialsChecker)
class BookChecker:
    """Check a password against what is kept of it, in a thread.

    :param credentials: of an account; pretended ones where there is none, which take as long.
    """

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - twisted.cred's

    def __init__(self, credentials: Callable[[str], Credentials], aside: Aside) -> None:
        self._credentials = credentials
        self._aside = aside

    def requestAvatarId(self, credentials: Password) -> "Deferred[bytes | tuple[()]]":  # noqa: N802
        """Return the account's name.

        :raises UnauthorizedLogin: the password is wrong, or there is no such account.
        """
        return Deferred.fromCoroutine(self._checked(credentials))

    async def _checked(self, credentials: Password) -> bytes | tuple[()]:
        try:
            password = scram.prepared(credentials.password.decode())
        except ValueError:
            raise UnauthorizedLogin from None
        kept = self._credentials(credentials.username.decode())
        if not await self._aside(scram.matches, password, kept):
            raise UnauthorizedLogin
        return credentials.username


@implementer(ICredentialsChecker)
class Either:
    """Ask several checkers, one after the other."""

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 - twisted.cred's

    def __init__(self, *checkers: Any) -> None:
        self._checkers = checkers

    def requestAvatarId(self, credentials: Password) -> "Deferred[bytes | tuple[()]]":  # noqa: N802
        """Return what the first one returns that knows the password.

        :raises UnauthorizedLogin: none does.
        """
        return Deferred.fromCoroutine(self._asked(credentials))

    async def _asked(self, credentials: Password) -> bytes | tuple[()]:
        for checker in self._checkers:
            try:
                found = await maybeDeferred(checker.requestAvatarId, credentials)
            except UnauthorizedLogin:
                continue
            if isinstance(found, bytes) and found:
                return found
        raise UnauthorizedLogin


class Auth:
    """What ``--auth`` names: accounts that somebody else looks after.

    :param description: as ``file:/etc/chat.passwords``: `twisted.cred.strcred`.
    :raises StartError: it checks no passwords, or there are none.
    """

    def __init__(self, description: str) -> None:
        from twisted.cred import strcred  # looks for plug-ins, so only who wants it pays for it

        kind, _, argument = description.partition(":")
        if kind == "file":
            _check_file(Path(argument))
        try:
            self.checker: Any = strcred.makeChecker(description)
        except strcred.InvalidAuthType:
            known = sorted(
                each.authType for each in strcred.findCheckerFactories() if _checks_passwords(each)
            )
            raise StartError(
                f"--auth {description!r}: unknown type {kind!r}; need one of: {', '.join(known)}"
            ) from None
        except (strcred.InvalidAuthArgumentString, ValueError) as error:
            raise StartError(f"--auth {description!r}: {error or 'wrong argument'}") from None
        if not _checks_passwords(self.checker):
            raise StartError(f"--auth {description!r}: {kind!r} checks no passwords")
        if isinstance(self.checker, FilePasswordDB):
            self.checker.cache = True

    def name(self, name: str) -> str | None:
        """Return an account's name, as far as the checker tells who has one."""
        encoded = name.encode()
        try:
            if isinstance(self.checker, FilePasswordDB):
                return bytes(self.checker.getUser(encoded)[0]).decode()
            return name if encoded in getattr(self.checker, "users", ()) else None
        except (KeyError, OSError, UnicodeDecodeError, UnauthorizedLogin):
            return None


def _checks_passwords(made: Any) -> bool:
    return any(each.isOrExtends(IUsernamePassword) for each in made.credentialInterfaces)


def _check_file(path: Path) -> None:
    try:
        lines = path.read_bytes().splitlines()
        mode = path.stat().st_mode
    except OSError:
        raise StartError(f"--auth: cannot read {str(path)!r}") from None
    if not any(name and password for name, _, password in (each.partition(b":") for each in lines)):
        raise StartError(f"--auth: {str(path)!r} has no users; need lines of name:password")
    if mode & stat.S_IROTH:
        _log.warn("--auth: everybody on this machine can read {path!r}", path=str(path))
