"""Rooms that are kept, in the same file as the history."""

import json
import sqlite3
from typing import Any

from twisted.internet.defer import Deferred

from twisted_net.chat.core.ident import folded
from twisted_net.chat.store.base import File


class FiledRooms:
    """Writes rooms down: a `twisted_net.chat.owning.Keeper`."""

    def __init__(self, file: File) -> None:
        self._file = file

    def put(self, key: str, founder: str, record: str) -> "Deferred[None]":
        """Write a room down, in the place of what was known of it."""
        return self._file.write(lambda connection: put(connection, key, founder, record))

    def drop(self, key: str) -> "Deferred[None]":
        """Forget a room."""
        return self._file.write(
            lambda connection: connection.execute("DELETE FROM room WHERE folded = ?", (key,))
        )


def load(connection: sqlite3.Connection) -> list[str]:
    """Return the records of all rooms."""
    return [record for (record,) in connection.execute("SELECT record FROM room ORDER BY rowid")]


def put(connection: sqlite3.Connection, key: str, founder: str, record: str) -> None:
    """Write a room down."""
    connection.execute(
        "INSERT INTO room VALUES (?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET founder = excluded.founder, record = excluded.record",
        (key, founder, record),
    )


def forget_account(connection: sqlite3.Connection, account: str) -> int:
    """Forget the rooms that an account keeps, and what it is and said in others.

    :return: how many rooms it kept.
    """
    name = folded(account)
    kept = connection.execute("DELETE FROM room WHERE founder = ?", (name,)).rowcount
    for key, founder, record in connection.execute("SELECT * FROM room").fetchall():
        without = _without(json.loads(record), name)
        text = json.dumps(without, ensure_ascii=False, separators=(",", ":"))
        if text != record:
            put(connection, key, founder, text)
    return kept


def _without(record: dict[str, Any], name: str) -> dict[str, Any]:
    topic = record["topic"]
    lists = {
        letter: [[mask, "*" if folded(by) == name else by, when] for mask, by, when in entries]
        for letter, entries in record["lists"].items()
    }
    return {
        **record,
        "topic": None if topic is not None and folded(topic[1]) == name else topic,
        "lists": lists,
        "ranks": [each for each in record["ranks"] if each[0] != name],
    }
