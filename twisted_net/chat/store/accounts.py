"""Accounts in the same file as the history."""

import sqlite3

from twisted.internet.defer import Deferred

from twisted_net.chat.accounts.book import Book, Entry
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.scram import Credentials
from twisted_net.chat.store.base import File

_COLUMNS = "name, salt, iterations, stored_key, server_key, since"


class FiledAccounts:
    """Writes accounts down: a `twisted_net.chat.accounts.realm.Keeper`."""

    def __init__(self, file: File) -> None:
        self._file = file

    def keep(self, entry: Entry) -> "Deferred[None]":
        """Write an account down."""
        return self._file.write(lambda connection: insert(connection, entry))

    def certify(self, fingerprint: str, name: str) -> "Deferred[None]":
        """Write down that a certificate belongs to an account."""
        return self._file.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO certificate VALUES (?, ?)", (fingerprint, folded(name))
            )
        )

    def uncertify(self, fingerprint: str) -> "Deferred[None]":
        """Write down that a certificate belongs to nobody."""
        return self._file.write(
            lambda connection: connection.execute(
                "DELETE FROM certificate WHERE fingerprint = ?", (fingerprint,)
            )
        )


def load(connection: sqlite3.Connection) -> Book:
    """Return all accounts that were written down."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM account ORDER BY since").fetchall()  # noqa: S608
    entries = [Entry(name, Credentials(*kept), since) for name, *kept, since in rows]
    return Book(entries, connection.execute("SELECT fingerprint, account FROM certificate"))


def insert(connection: sqlite3.Connection, entry: Entry) -> None:
    """Add an account."""
    kept = entry.credentials
    connection.execute(
        f"INSERT INTO account (folded, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            folded(entry.name),
            entry.name,
            kept.salt,
            kept.iterations,
            kept.stored_key,
            kept.server_key,
            entry.since,
        ),
    )


def secret(connection: sqlite3.Connection, name: str, fresh: bytes) -> bytes:
    """Return a secret of a file, which is made once.

    :param fresh: what it is if there is none yet.
    """
    connection.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", (name, fresh))
    (value,) = connection.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()
    return bytes(value)
