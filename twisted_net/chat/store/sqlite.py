"""A history in a SQLite file, read and written beside the reactor."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed

from twisted_net.chat.codec.messages import Event
from twisted_net.chat.store import file, rows
from twisted_net.chat.store.base import History, Span, of_room
from twisted_net.chat.store.readers import Readers
from twisted_net.chat.store.sweeper import Sweeper
from twisted_net.chat.store.writer import Work, Writer
from twisted_net.net.drops import Drops

T = TypeVar("T")


class SqliteHistory(History):
    """What was said, as long as it is kept, whoever restarts the server meanwhile.

    :param path: made if there is none; nobody else may use it meanwhile.
    :param drops: told what was lost.
    :param keep: seconds after which an event is forgotten; None: never for its age.
    :param kept: how that is said.
    :param each: events of one conversation.
    :ivar last: the last id there was when the file was opened.
    :raises StoreError: the file is in use, none of ours, damaged, or of a newer netdemo.
    """

    def __init__(
        self,
        reactor: Any,
        path: Path,
        drops: Drops,
        keep: float | None = None,
        kept: str = "",
        each: int = rows.EACH,
    ) -> None:
        self._reactor = reactor
        self._keep = keep
        self._kept = kept
        with ExitStack() as opened:
            opened.enter_context(file.locked(path))
            self._writer = Writer(reactor, file.connected(path), drops)
            opened.callback(self._writer.close)
            self._path = path
            self.now(rows.forget_closed)
            self.last = self.now(rows.last)
            self._readers = Readers(reactor, path)
            opened.callback(self._readers.close)
            self._opened = opened.pop_all()
        self._sweeper = Sweeper(reactor, self._writer.write, self._oldest, each)

    @property
    def kept(self) -> str:
        """How long, as members are told."""
        return self._kept

    def add(self, of: str, event: Event) -> None:
        """Remember an event."""
        self._sweeper.grew(of)
        self._writer.add(rows.row(of, event))

    def read(
        self, of: str, spans: Sequence[Span], everything: bool = False
    ) -> "Deferred[list[Event]]":
        """Return some spans of one conversation, one after the other."""
        oldest = self._oldest()
        return self._asked(lambda c: rows.read(c, of, spans, everything, oldest))

    def search(self, of: Sequence[str], words: str, n: int) -> "Deferred[list[Event]]":
        """Return the last events of some conversations that say these words."""
        oldest, talks = self._oldest(), list(dict.fromkeys(of))
        return self._asked(lambda c: rows.search(c, talks, words, n, oldest))

    def talks(
        self, rooms: Sequence[str], account: str, after: int, before: int, n: int
    ) -> "Deferred[list[tuple[str, int]]]":
        """Return the conversations in which something was said between two ids."""
        span = (max(after, self._oldest() - 1), min(before, rows.LAST))
        return self._asked(lambda c: rows.talks(c, rooms, account, span, n))

    def find(self, of: str, id: int) -> "Deferred[Event | None]":
        """Return one event, if it is remembered."""
        oldest = self._oldest()
        return self._asked(lambda c: rows.find(c, of, id, oldest))

    def redact(self, of: str, id: int) -> None:
        """Take the text out of an event, whose place stays."""
        self._writer.later(lambda c: rows.redact(c, of, id))
        self._writer.later(rows.erase)

    def rename_talk(self, of: str, room: str) -> None:
        """Let a room's conversation go on under the room's new name."""
        self._sweeper.grew(of_room(room))
        self._writer.later(lambda c: rows.rename_talk(c, of, room))

    def close_talk(self, of: str, closed: bool) -> None:
        """Note whether not everybody may read a conversation: it is not to outlive the server."""
        self._writer.later(lambda c: rows.close_talk(c, of, closed))

    def forget_talk(self, of: str) -> None:
        """Forget a whole conversation."""
        self._writer.later(lambda c: rows.forget_talk(c, of))
        self._writer.later(rows.erase)

    def mark_read(self, account: str, of: str, id: int) -> "Deferred[int]":
        """Remember how far an account has read, which only grows."""
        if id:
            self._writer.later(lambda c: rows.mark(c, account, of, id))
        return self._asked(lambda c: rows.marked(c, account, of))

    def now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something to the file here and now: at the start, when nobody waits.

        :raises StoreError: the file is damaged.
        """
        try:
            return self._writer.now(work)
        except sqlite3.Error as error:
            raise file.StoreError(f"{str(self._path)!r}: {error}") from error

    def write(self, work: Work) -> "Deferred[None]":
        """Do something else to the file: accounts are in it too."""
        return self._writer.write(work)

    def later(self, work: Work) -> None:
        """Do something else to the file; nobody waits for it."""
        self._writer.later(work)

    def ask(self, work: Callable[[sqlite3.Connection], Any]) -> "Deferred[Any]":
        """Read something else in the file; fails with a `Refusal`."""
        return self._asked(work)

    def stop(self) -> "Deferred[None]":
        """Write what is not written yet, here and now, and let go of the file."""
        self._sweeper.stop()
        self._opened.close()
        return succeed(None)

    def _asked(self, work: Callable[[sqlite3.Connection], Any]) -> "Deferred[Any]":
        return self._writer.settled().addCallback(lambda _: self._readers.read(work))

    def _oldest(self) -> int:
        if self._keep is None:
            return 0
        return int((self._reactor.seconds() - self._keep) * 1000) << 16
