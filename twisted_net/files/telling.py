"""What a user is told of transfers: on a terminal, in a pipe, or as JSON."""

import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import click

from twisted_net.files.client.fetching import Item
from twisted_net.files.client.told import Fetched, Progress, Stored
from twisted_net.files.codec import Entry
from twisted_net.files.destination import LocalFile
from twisted_net.files.progress import Screen
from twisted_net.files.shown import amount, rate
from twisted_net.files.words import like_a_server
from twisted_net.net import console
from twisted_net.net.errors import ClientError
from twisted_net.net.text import safe


class Teller:
    """Tell on the terminal, in a pipe, or as JSON how it goes."""

    def __init__(self, shown: Screen, as_json: bool, quiet: bool) -> None:
        self._shown = shown
        self._as_json = as_json
        self._quiet = quiet

    def moving(self, name: str) -> AbstractContextManager[Progress]:
        """Show the progress of one file for as long."""
        return self._shown.moving(name)

    def fetched(self, item: Item, file: Fetched) -> None:
        """Say what has come."""
        written = "" if item.path in (file.name, "-") else f" -> {safe(item.path, 4096)}"
        more = f"  ({amount(file.offset)} were here)" if file.offset else ""
        line = (
            f"{safe(file.name, 4096)}{written}  {file.size:,} bytes  {file.seconds:.2f} s"
            f"  {rate(file.size - file.offset, file.seconds)}  sha256 {file.sha256}{more}"
        )
        record = {
            "name": file.name,
            "path": item.path,
            "size": file.size,
            "seconds": round(file.seconds, 6),
            "sha256": file.sha256,
            "offset": file.offset,
        }
        self._say(line, record, item.path == "-")

    def stored(self, path: str, file: Stored) -> None:
        """Say what was sent."""
        more = f"  ({amount(file.offset)} were there)" if file.offset else ""
        line = (
            f"{safe(path, 4096)} -> {safe(file.name, 4096)}  {file.size:,} bytes"
            f"  {file.seconds:.2f} s  {rate(file.size - file.offset, file.seconds)}"
            f"  sha256 {file.sha256}{more}"
        )
        record = {
            "path": path,
            "name": file.name,
            "size": file.size,
            "seconds": round(file.seconds, 6),
            "sha256": file.sha256,
            "offset": file.offset,
        }
        self._say(line, record)

    def skipped(self, item: Item) -> None:
        """Say what was here already."""
        line = f"{safe(item.name, 4096)}  {safe(item.path, 4096)!r} exists, and was left as it is"
        self._say(line, {"name": item.name, "path": item.path, "skipped": "exists"})

    def again(self, error: ClientError, wait: float) -> None:
        """Say that it goes on."""
        if not self._quiet:
            soon = f"; trying again in {wait:.1f} s" if wait else ""
            with self._shown.aside():
                console.complain(type(error)(f"{error}{soon}"))

    def failed(self, name: str, error: ClientError, into: LocalFile | None = None) -> None:
        """Say what cannot be had, or sent, and why."""
        said = ClientError(f"{hinted(name, error)}{_kept(into)}")
        with self._shown.aside():
            console.complain(said)
        if self._as_json and not self._quiet:
            record = {"name": name, "error": str(error), "code": error.exit_code}
            console.say("", record, True)

    def interrupted(self, item: Item, into: LocalFile) -> None:
        """Say what is left of what has come."""
        with self._shown.aside():
            if into.kept:
                console.complain(ClientError(f"{item.name!r}: interrupted{_kept(into)}"))
            elif not item.server.resumes:
                console.complain(
                    ClientError(f"{item.name!r}: interrupted; TFTP cannot go on, nothing was kept")
                )

    def _say(self, line: str, record: dict[str, Any], aside: bool = False) -> None:
        if self._quiet:
            return
        with self._shown.aside():
            if aside:  # standard output is the file itself
                click.echo(line, err=True)
            else:
                console.say(line, record, self._as_json)


def _kept(into: LocalFile | None) -> str:
    if into is None or not into.kept:
        return ""
    return f"; {amount(into.kept)} are in {into.part!r}, the same command goes on with it"


def hinted(name: str, error: ClientError) -> str:
    """Return an error, and what may have been meant."""
    if like_a_server(name):
        return f"{error}; for a server: -s {name}"
    if str(error).endswith(": a folder"):
        return f"{error}; see netdemo ls {name}"
    return str(error)


def row(entry: Entry) -> str:
    """Return an entry of a listing as a line."""
    amount_of = amount(entry.size) if entry.kind == "file" and entry.size >= 0 else "-"
    try:
        when = datetime.fromtimestamp(entry.mtime, UTC).astimezone() if entry.mtime else None
        changed = f"{when:%Y-%m-%d %H:%M}" if when else "-"
    except (OverflowError, OSError, ValueError):  # a server may say anything
        changed = "?"
    return f"{amount_of:>10}  {changed:16}  {safe(entry.name, 4096)}"


def record(entry: Entry) -> dict[str, Any]:
    """Return the same for programs; what is not known is null."""
    size = entry.size if entry.size >= 0 else None
    mtime = entry.mtime if entry.size >= 0 else None
    return {"name": os.fsdecode(entry.name), "kind": entry.kind, "size": size, "mtime": mtime}
