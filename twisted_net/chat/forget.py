"""``netdemo chat forget``: take an account and all its words out of the file of a chat."""

import sqlite3
from contextlib import closing
from pathlib import Path

import click

from twisted_net.chat.store import file, rows
from twisted_net.net import console
from twisted_net.net.errors import NetError
from twisted_net.net.text import counted


@click.command()
@click.argument("account")
@click.option(
    "--store", required=True, metavar="FILE", help="The file that --chat-store of the server names."
)
@console.as_json
def forget(account: str, store: str, as_json: bool) -> None:
    """Forget an account: its password, its rooms, all it said, and all it was told in private.

    The server must not be running. What others said stays, and what is in the history of their
    own clients.

    \b
      netdemo chat forget red --store chat.db
    """
    try:
        known, messages, rooms = forgotten(Path(store), account)
    except (NetError, sqlite3.Error) as error:
        console.fail(NetError(f"--store {error}"))
    if not known and not messages and not rooms:
        console.fail(NetError(f"no account {account!r} in {store!r}"))
    console.say(
        f"forgot {account!r}, {counted(messages, 'message')} and {counted(rooms, 'room')}",
        {"account": account, "messages": messages, "rooms": rooms},
        as_json,
    )


def forgotten(path: Path, account: str) -> tuple[bool, int, int]:
    """Forget an account; return whether there was one, and its messages and rooms.

    :raises StoreError: there is no such file, or a server is using it.
    """
    if not path.exists():
        raise file.StoreError(f"{str(path)!r}: no such file")
    with file.locked(path), closing(file.connected(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = rows.forget_account(connection, account)
        rows.erase(connection)
        connection.execute("COMMIT")
    return found
