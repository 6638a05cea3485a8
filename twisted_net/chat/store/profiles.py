"""What accounts tell about themselves, from one connection to the next: in memory, or in a file."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred, succeed

from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.metadata import MAX_KEYS
from twisted_net.chat.store.base import File

if TYPE_CHECKING:  # a chat in memory does without
    import sqlite3

#: Accounts that are remembered in memory; the longest unchanged is forgotten first.
MOST = 1000


class Profiles(Protocol):
    """Metadata of accounts."""

    def load(self, account: str) -> "Deferred[dict[str, str]]":
        """Return what an account tells; fails with a `Refusal` where it cannot be read."""

    def keep(self, account: str, key: str, value: str | None) -> None:
        """Remember one key of an account; None: it is set no more."""


class MemoryProfiles:
    """As long as the server runs."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: OrderedDict[str, dict[str, str]] = OrderedDict()

    def load(self, account: str) -> "Deferred[dict[str, str]]":
        """Return what an account tells."""
        return succeed(dict(self._held.get(folded(account), {})))

    def keep(self, account: str, key: str, value: str | None) -> None:
        """Remember one key of an account."""
        held = self._held.pop(folded(account), {})
        if value is None:
            held.pop(key, None)
        elif key in held or len(held) < MAX_KEYS:
            held[key] = value
        if held:
            self._held[folded(account)] = held
            if len(self._held) > self._most:
                self._held.popitem(last=False)


class FiledProfiles:
    """In the same file as the history."""

    def __init__(self, file: File) -> None:
        self._file = file

    def load(self, account: str) -> "Deferred[dict[str, str]]":
        """Return what an account tells."""
        return self._file.ask(lambda connection: read(connection, account))

    def keep(self, account: str, key: str, value: str | None) -> None:
        """Write one key of an account down."""
        self._file.later(lambda connection: write(connection, account, key, value))


def read(connection: "sqlite3.Connection", account: str) -> dict[str, str]:
    """Return what an account tells."""
    rows = connection.execute(
        "SELECT key, value FROM metadata WHERE account = ? LIMIT ?", (folded(account), MAX_KEYS)
    )
    return dict(rows.fetchall())


def write(connection: "sqlite3.Connection", account: str, key: str, value: str | None) -> None:
    """Write one key of an account down, unless it has too many."""
    name = folded(account)
    connection.execute("DELETE FROM metadata WHERE account = ? AND key = ?", (name, key))
    if value is not None:
        connection.execute(
            "INSERT INTO metadata SELECT ?1, ?2, ?3"
            " WHERE (SELECT count(*) FROM metadata WHERE account = ?1) < ?4",
            (name, key, value, MAX_KEYS),
        )


def forget_account(connection: "sqlite3.Connection", account: str) -> None:
    """Forget what an account tells."""
    connection.execute("DELETE FROM metadata WHERE account = ?", (folded(account),))
