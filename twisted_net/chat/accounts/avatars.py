"""What twisted.cred makes of whoever logs in: an account, by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from zope.interface import Attribute, Interface, implementer


class IAccount(Interface):
    """What whoever logs in becomes."""

    name = Attribute("The account, as it was registered.")


@implementer(IAccount)
@dataclass(frozen=True, slots=True)
class Account:
    """An account that somebody has proven to own."""

    name: str


@implementer(IRealm)
class Realm:
    """Gives whoever has proven a name the account of that name.

    :param name: returns an account as it was registered.
    """

    def __init__(self, name: Callable[[str], str]) -> None:
        self._name = name

    def requestAvatar(  # noqa: N802 - twisted.cred's
        self,
        avatarId: bytes | tuple[()],  # noqa: N803
        mind: object,
        *interfaces: Any,
    ) -> tuple[Any, Account, Callable[[], None]]:
        """Return the account of a name that was proven."""
        if not avatarId:
            raise UnauthorizedLogin  # who stays anonymous has no account
        return IAccount, Account(self._name(avatarId.decode())), lambda: None
