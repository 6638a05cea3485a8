"""The file of a chat: opened whole or not at all, by one server at a time (SQLite, WAL)."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from twisted_net.net.errors import NetError

#: Says that a SQLite file is ours: "ndch".
APPLICATION = 0x6E646368

#: Seconds to wait for another connection to the file.
PATIENCE = 5.0

_SCHEMA = Path(__file__).with_name("schema")

_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
PRAGMA foreign_keys = ON;
PRAGMA journal_size_limit = 67108864;
"""


class StoreError(NetError):
    """A file that cannot be opened, or is none of ours; the text says which and why."""


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold a file for this process alone, made if there is none; yield its descriptor.

    Only its owner may read it: private messages are in there.

    :raises StoreError: it cannot be opened, or another process holds it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"{str(path)!r}: {(error.strerror or 'cannot be opened').lower()}"
        ) from error
    try:
        _lock(descriptor, path)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        # Not the kind of lock that SQLite takes: that one would end when any descriptor closes.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(f"{str(path)!r}: another server is using it") from None
    except OSError:
        return  # a file system without locks


def connected(path: Path) -> sqlite3.Connection:
    """Return a connection that writes, to a file with the newest schema.

    :raises StoreError: the file is none of ours, damaged, or of a newer netdemo.
    """
    try:
        connection = _connect(path, "rw")
    except sqlite3.Error as error:
        raise StoreError(f"{str(path)!r}: {error}") from error
    try:
        _make(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{str(path)!r}: {error}") from error
    except StoreError:
        connection.close()
        raise
    return connection


def reading(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads."""
    return _connect(path, "ro")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,  # one thread at a time, but not always the same one
        uri=True,
    )


def _make(connection: sqlite3.Connection, path: Path) -> None:
    application, version, tables = (
        _one(connection, query)
        for query in (
            "PRAGMA application_id",
            "PRAGMA user_version",
            "SELECT count(*) FROM sqlite_schema",
        )
    )
    steps = _steps()
    if application != APPLICATION and (tables or version or application):
        raise StoreError(f"{str(path)!r}: a SQLite file of something else")
    if version > len(steps):
        raise StoreError(
            f"{str(path)!r}: made by a newer netdemo (schema {version}, not {len(steps)})"
        )
    connection.executescript(_SETTINGS)
    for number, step in enumerate(steps[version:], version + 1):
        # All of a step or nothing of it, whenever the power fails.
        connection.executescript(
            f"BEGIN;{step}"
            f"PRAGMA application_id = {APPLICATION};PRAGMA user_version = {number};COMMIT;"
        )
    _erase_in_index(connection)


def _erase_in_index(connection: sqlite3.Connection) -> None:
    if sqlite3.sqlite_version_info >= (3, 42):
        connection.execute("INSERT INTO event_text (event_text, rank) VALUES ('secure-delete', 1)")


def _one(connection: sqlite3.Connection, query: str) -> int:
    with closing(connection.execute(query)) as cursor:
        return int(cursor.fetchone()[0])


@cache
def _steps() -> list[str]:
    return [each.read_text(encoding="utf-8") for each in sorted(_SCHEMA.glob("*.sql"))]
