"""Events in SQLite: every read and every write, each one function on a connection."""

import json
import sqlite3
from collections.abc import Sequence

from twisted_net.chat.codec.messages import Event, Kind
from twisted_net.chat.core.ident import folded
from twisted_net.chat.store import bans, profiles, rooms
from twisted_net.chat.store.base import PAGE, Span, of_room

#: What kinds are called in the file, for ever. Below 10 is what was said.
NUMBERS = {
    Kind.SAID: 1,
    Kind.TOLD: 2,
    Kind.NOTICED: 3,
    Kind.ACTED: 4,
    Kind.JOINED: 10,
    Kind.PARTED: 11,
    Kind.LEFT: 12,
    Kind.RENAMED: 13,
    Kind.TOPIC: 14,
    Kind.KICKED: 15,
    Kind.MODED: 16,
    Kind.INVITED: 17,
    Kind.REDACTED: 18,
    Kind.ROOM_RENAMED: 19,
}
KINDS = {number: kind for kind, number in NUMBERS.items()}
_SAID_BELOW = 10

#: The greatest id that SQLite can hold.
LAST = (1 << 63) - 1

#: Events of one conversation.
EACH = 100_000

#: Rows removed at one time: others want to write too.
AT_ONCE = 1000

#: Steps of SQLite's machine between two looks at the clock.
STEPS = 10_000

_COLUMNS = "id, talk, place, kind, sender, account, by, other, text, tags"

#: Letters that a trigram has; what is shorter is looked for in the newest rows, one by one.
_TRIGRAM = 3
_LOOKED_THROUGH = 10_000

Row = tuple[int, str, str, int, str, str, str, str, str, str]


def row(of: str, event: Event) -> Row:
    """Return an event as it is kept; who sent it from where is not."""
    return (
        event.id,
        of,
        event.where,
        NUMBERS[event.kind],
        event.sender,
        event.account,
        event.by,
        event.other,
        event.text,
        json.dumps(event.tags, ensure_ascii=False, separators=(",", ":")) if event.tags else "",
    )


def event_of(found: Row) -> Event:
    """Return the event of a row."""
    id, talk, place, kind, sender, account, by, other, text, tags = found
    return Event(
        id,
        KINDS[kind],
        place,
        sender,
        text,
        private=" " in talk,
        other=other,
        by=by,
        account=account,
        tags=tuple((name, value) for name, value in json.loads(tags)) if tags else (),
    )


def insert(connection: sqlite3.Connection, added: Row) -> None:
    """Add an event; one that is there already stays as it is."""
    connection.execute(
        f"INSERT OR IGNORE INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        added,
    )


def redact(connection: sqlite3.Connection, of: str, id: int) -> None:
    """Take the text out of an event, and out of the index."""
    connection.execute("UPDATE event SET text = '', tags = '' WHERE id = ? AND talk = ?", (id, of))


def forget_talk(connection: sqlite3.Connection, of: str) -> None:
    """Forget a whole conversation."""
    connection.execute("DELETE FROM event WHERE talk = ?", (of,))
    connection.execute("DELETE FROM mark WHERE talk = ?", (of,))
    connection.execute("DELETE FROM closed WHERE talk = ?", (of,))


def close_talk(connection: sqlite3.Connection, of: str, closed: bool) -> None:
    """Note whether a conversation is to be forgotten when the file is opened again."""
    if closed:
        connection.execute("INSERT OR IGNORE INTO closed VALUES (?)", (of,))
    else:
        connection.execute("DELETE FROM closed WHERE talk = ?", (of,))


def forget_closed(connection: sqlite3.Connection) -> None:
    """Forget what not everybody may read, but of rooms that are kept: whose those are is known."""
    found = connection.execute(
        "SELECT talk FROM closed WHERE talk NOT IN (SELECT folded FROM room)"
    )
    talks = [talk for (talk,) in found]
    for talk in talks:
        forget_talk(connection, talk)
    if talks:
        erase(connection)


def last(connection: sqlite3.Connection) -> int:
    """Return the last id there is."""
    (newest,) = connection.execute("SELECT max(id) FROM event").fetchone()
    return int(newest or 0)


def rename_talk(connection: sqlite3.Connection, of: str, room: str) -> None:
    """Let a room's conversation go on under the room's new name."""
    to = of_room(room)
    connection.execute(
        "UPDATE event SET talk = ?, place = CASE kind WHEN ? THEN place ELSE ? END WHERE talk = ?",
        (to, NUMBERS[Kind.ROOM_RENAMED], room, of),
    )
    if of == to:
        return
    connection.execute(
        "INSERT INTO mark SELECT account, ?, id FROM mark WHERE talk = ?"
        " ON CONFLICT DO UPDATE SET id = max(id, excluded.id)",
        (to, of),
    )
    connection.execute("DELETE FROM mark WHERE talk = ?", (of,))
    connection.execute("UPDATE OR REPLACE closed SET talk = ? WHERE talk = ?", (to, of))


def forget_account(connection: sqlite3.Connection, account: str) -> tuple[bool, int, int]:
    """Forget an account, all it said and was told, and the rooms that it kept.

    :return: whether there was one, and how many messages and rooms went with it.
    """
    name = folded(account)
    known = connection.execute("DELETE FROM account WHERE folded = ?", (name,)).rowcount
    connection.execute("DELETE FROM certificate WHERE account = ?", (name,))
    connection.execute("DELETE FROM mark WHERE account = ?", (name,))
    kept = rooms.forget_account(connection, name)
    profiles.forget_account(connection, name)
    bans.forget_account(connection, name)
    forget_closed(connection)
    talks = _pairs(connection, name)
    places = ", ".join("?" * len(talks))
    hers = f"((account = ? AND account <> '') OR talk IN ({places}))"
    (messages,) = connection.execute(
        f"SELECT count(*) FROM event WHERE {hers} AND kind < {_SAID_BELOW}",  # noqa: S608
        (name, *talks),
    ).fetchone()
    connection.execute(f"DELETE FROM event WHERE {hers}", (name, *talks))  # noqa: S608
    remove_pairs(connection)
    return bool(known), messages, kept


def erase(connection: sqlite3.Connection) -> None:
    """Write the index anew without what was taken out of it, where SQLite left that in."""
    if sqlite3.sqlite_version_info < (3, 42):
        connection.execute("INSERT INTO event_text (event_text) VALUES ('optimize')")


def note_gap(connection: sqlite3.Connection, after: int, before: int, lost: int) -> None:
    """Note that events could not be written."""
    connection.execute("INSERT INTO gap VALUES (?, ?, ?)", (after, before, lost))


def remove_old(connection: sqlite3.Connection, oldest: int) -> bool:
    """Remove some of the events before an id; return whether there may be more."""
    removed = connection.execute(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id < ? ORDER BY id LIMIT ?)",
        (oldest, AT_ONCE),
    )
    return removed.rowcount == AT_ONCE


def remove_many(connection: sqlite3.Connection, of: str, each: int = EACH) -> bool:
    """Remove some of what a conversation has too many of; return whether there may be more."""
    removed = connection.execute(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE talk = ?1 AND id <= "
        "(SELECT id FROM event WHERE talk = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"
        " ORDER BY id LIMIT ?3)",
        (of, each, AT_ONCE),
    )
    return removed.rowcount == AT_ONCE


def remove_pairs(connection: sqlite3.Connection) -> None:
    """Forget who talked to whom, where nothing is left of it."""
    connection.execute(
        "DELETE FROM pair WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.talk = pair.talk)"
    )


def read(
    connection: sqlite3.Connection, of: str, spans: Sequence[Span], everything: bool, oldest: int
) -> list[Event]:
    """Return some spans of a conversation, but nothing before an id."""
    found: list[Event] = []
    for span in spans:
        direction = "DESC" if span.newest else "ASC"
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM event WHERE talk = ? AND id > ? AND id < ? AND id >= ?"  # noqa: S608
            f" AND kind < ? ORDER BY id {direction} LIMIT ?",
            (
                of,
                span.after,
                min(span.before, LAST),
                oldest,
                1 << 30 if everything else _SAID_BELOW,
                min(span.n, PAGE),
            ),
        ).fetchall()
        found += [event_of(each) for each in (reversed(rows) if span.newest else rows)]
    return found


def search(
    connection: sqlite3.Connection, of: Sequence[str], words: str, n: int, oldest: int
) -> list[Event]:
    """Return the last events that say these words."""
    if not words or not of:
        return []
    places = ", ".join("?" * len(of))
    if len(words) < _TRIGRAM:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM (SELECT * FROM event WHERE talk IN ({places}) AND kind < ?"  # noqa: S608
            " AND id >= ? ORDER BY id DESC LIMIT ?) WHERE text LIKE ? ESCAPE '\\'"
            " ORDER BY id DESC LIMIT ?",
            (*of, _SAID_BELOW, oldest, _LOOKED_THROUGH, f"%{_literally(words)}%", min(n, PAGE)),
        )
    else:
        columns = ", ".join(f"event.{each}" for each in _COLUMNS.split(", "))
        phrase = '"' + words.replace('"', '""') + '"'
        rows = connection.execute(
            f"SELECT {columns} FROM event_text JOIN event ON event.id = event_text.rowid"  # noqa: S608
            f" WHERE event_text MATCH ? AND event.talk IN ({places}) AND event.id >= ?"
            " ORDER BY event_text.rowid DESC LIMIT ?",
            (phrase, *of, oldest, min(n, PAGE)),
        )
    return [event_of(each) for each in reversed(rows.fetchall())]


def talks(
    connection: sqlite3.Connection,
    rooms: Sequence[str],
    account: str,
    span: tuple[int, int],
    n: int,
) -> list[tuple[str, int]]:
    """Return the conversations in which something was said in a span, and the last id of each."""
    after, before = span
    last = []
    for of in dict.fromkeys((*rooms, *_pairs(connection, account))):
        (newest,) = connection.execute(
            "SELECT max(id) FROM event WHERE talk = ? AND id > ? AND id < ? AND kind < ?",
            (of, after, before, _SAID_BELOW),
        ).fetchone()
        if newest is not None:
            last.append((of, newest))
    return sorted(last, key=lambda each: each[1])[: min(n, PAGE)]


def find(connection: sqlite3.Connection, of: str, id: int, oldest: int) -> Event | None:
    """Return one event."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM event WHERE id = ? AND talk = ? AND id >= ?",  # noqa: S608
        (id, of, oldest),
    ).fetchone()
    return None if found is None else event_of(found)


def mark(connection: sqlite3.Connection, account: str, of: str, id: int) -> None:
    """Remember how far an account has read, which only grows."""
    connection.execute(
        "INSERT INTO mark VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET id = max(id, excluded.id)",
        (folded(account), of, id),
    )


def marked(connection: sqlite3.Connection, account: str, of: str) -> int:
    """Return how far an account has read."""
    found = connection.execute(
        "SELECT id FROM mark WHERE account = ? AND talk = ?", (folded(account), of)
    ).fetchone()
    return int(found[0]) if found else 0


def _pairs(connection: sqlite3.Connection, account: str) -> list[str]:
    rows = connection.execute("SELECT talk FROM pair WHERE account = ?", (folded(account),))
    return [talk for (talk,) in rows]


def _literally(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
