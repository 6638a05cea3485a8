"""Bans from the whole chat, in the same file as the history."""

import sqlite3

from twisted.internet.defer import Deferred

from twisted_net.chat.core.bans import Ban
from twisted_net.chat.core.ident import folded
from twisted_net.chat.store.base import File


class FiledBans:
    """Writes bans down: a `twisted_net.chat.banning.Keeper`."""

    def __init__(self, file: File) -> None:
        self._file = file

    def replace(self, bans: list[Ban]) -> "Deferred[None]":
        """Write all bans down that there are."""
        return self._file.write(lambda connection: replace(connection, bans))


def load(connection: sqlite3.Connection) -> list[Ban]:
    """Return all bans that were written down."""
    rows = connection.execute("SELECT mask, by, since, until, why FROM ban ORDER BY since")
    return [Ban(*row) for row in rows]


def replace(connection: sqlite3.Connection, bans: list[Ban]) -> None:
    """Write bans down, and no others."""
    connection.execute("DELETE FROM ban")
    connection.executemany(
        "INSERT INTO ban VALUES (?, ?, ?, ?, ?, ?)",
        [(folded(ban.mask), ban.mask, ban.by, ban.when, ban.until, ban.why) for ban in bans],
    )


def forget_account(connection: sqlite3.Connection, account: str) -> None:
    """Forget who made a ban, and leave it."""
    name = folded(account)
    for ban in load(connection):
        if folded(ban.by) == name:
            connection.execute("UPDATE ban SET by = '*' WHERE folded = ?", (folded(ban.mask),))
