"""What the chat keeps, made from the settings: history, accounts and rooms, in a file or not."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred

from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.banning import Keeper as BanKeeper
from twisted_net.chat.core.bans import Ban
from twisted_net.chat.owning import Keeper
from twisted_net.chat.store.base import History
from twisted_net.chat.store.memory import MemoryHistory
from twisted_net.chat.store.profiles import FiledProfiles, MemoryProfiles, Profiles
from twisted_net.net.drops import Drops
from twisted_net.net.errors import StartError
from twisted_net.net.service import Runtime

if TYPE_CHECKING:
    from twisted_net.chat.store.sqlite import SqliteHistory


@dataclass(frozen=True, slots=True)
class Keep:
    """What to keep.

    :ivar store: the file; empty: all is forgotten when the server stops.
    :ivar seconds: how long what is said is kept; 0: it is not.
    :ivar shown: how that is said.
    :ivar register: whether strangers may make accounts.
    :ivar auth: accounts that somebody else looks after; empty: none.
    """

    store: str = ""
    seconds: float = 0.0
    shown: str = ""
    register: bool = True
    auth: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept.

    :ivar history: None: nothing.
    :ivar last: the id of the last event that is kept from before.
    :ivar beneath: what has to run as long as anybody may say something.
    :ivar rooms: writes down rooms that are kept; None: nothing does.
    :ivar records: of the rooms that were.
    :ivar bans: writes down who is banned; None: nothing does.
    :ivar banned: who was.
    :ivar profiles: what accounts tell about themselves.
    :ivar secret: hides addresses as it did before, so that what a ban says of one still holds;
        None: there was none.
    """

    history: History | None
    accounts: Accounts
    last: int = 0
    beneath: tuple[IService, ...] = ()
    rooms: Keeper | None = None
    records: tuple[str, ...] = ()
    bans: BanKeeper | None = None
    banned: tuple[Ban, ...] = ()
    profiles: Profiles = field(default_factory=MemoryProfiles)
    secret: bytes | None = None


class _Open(Service):
    """A file that is let go of at the end."""

    def __init__(self, file: "SqliteHistory") -> None:
        self._file = file

    def stopService(self) -> "Deferred[None]":
        """Write what is not written yet, and close it."""
        super().stopService()  # type: ignore[no-untyped-call]
        return self._file.stop()


def opened(keep: Keep, runtime: Runtime) -> Kept:
    """Open what is kept.

    :raises StartError: the file cannot be used, or ``--auth`` lets nobody in.
    """
    auth = None
    if keep.auth:
        from twisted_net.chat.accounts.checkers import Auth

        auth = Auth(keep.auth)
    options: dict[str, Any] = {"auth": auth, "strangers": keep.register}
    if keep.store:
        return _filed(keep, runtime, options)
    history = None
    if keep.seconds:
        history = MemoryHistory(runtime.reactor.seconds, keep.seconds, keep.shown)
    return Kept(history, Accounts(runtime.reactor, runtime.dice, **options))


def look(store: str) -> None:
    """Open a file and close it again, so that whoever leaves it to another process knows of it.

    :raises StartError: it cannot be used.
    """
    from twisted_net.chat.store import file

    try:
        with file.locked(Path(store)), closing(file.connected(Path(store))):
            pass
    except file.StoreError as error:
        raise _cannot(error) from None


def _cannot(error: Exception) -> StartError:
    return StartError(f"--chat-store {error}")


def _filed(keep: Keep, runtime: Runtime, options: dict[str, Any]) -> Kept:
    # Only who wants a file pays for SQLite.
    from twisted_net.chat.store import bans, rooms
    from twisted_net.chat.store.accounts import FiledAccounts, load, secret
    from twisted_net.chat.store.file import StoreError
    from twisted_net.chat.store.sqlite import SqliteHistory

    reactor, dice = runtime.reactor, runtime.dice
    drops = Drops("chat", runtime.counters.door("chat"), reactor.seconds)
    proofs, hosts = dice.randbytes(32), dice.randbytes(16)
    try:
        file = SqliteHistory(reactor, Path(keep.store), drops, keep.seconds or None, keep.shown)
        accounts = Accounts(
            reactor,
            dice,
            book=file.now(load),
            keeper=FiledAccounts(file),
            secret=file.now(lambda connection: secret(connection, "accounts", proofs)),
            **options,
        )
        return Kept(
            file if keep.seconds else None,
            accounts,
            file.last,
            (_Open(file),),
            rooms.FiledRooms(file),
            tuple(file.now(rooms.load)),
            bans.FiledBans(file),
            tuple(file.now(bans.load)),
            FiledProfiles(file),
            file.now(lambda connection: secret(connection, "hosts", hosts)),
        )
    except StoreError as error:
        raise _cannot(error) from None
