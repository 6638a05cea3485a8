"""``netdemo get`` and ``netdemo ls``: files from a server, over TCP or TFTP."""

import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click

from twisted_net.files import client, progress
from twisted_net.files.client import Fetched
from twisted_net.files.codec import Entry
from twisted_net.files.destination import Destination, LocalFile, StandardOutput, local_name
from twisted_net.files.service import FilesSettings
from twisted_net.files.shown import amount, rate
from twisted_net.files.tftp import client as tftp
from twisted_net.net import console, endpoints
from twisted_net.net.clients import Target, has_scheme, parse_target
from twisted_net.net.errors import ClientError, SettingError
from twisted_net.net.text import safe

_HOST = "127.0.0.1"

#: How a URL begins.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

#: What is more likely meant as a server than as a name: an address, or a port behind a host.
_LIKE_A_SERVER = re.compile(
    r"([0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9A-Fa-f:.]+\](:[0-9]+)?|localhost|[^/:\s]+:[0-9]{1,5}",
    re.ASCII,
)

server_option = click.option(
    "--server",
    "-s",
    metavar="HOST[:PORT]",
    help="Where to ask. Default: this machine, at the port that netdemo listens on.",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch, and how to go about it.

    :ivar output: the file to write, ``-`` for standard output; empty: named as on the server.
    """

    target: Target
    names: list[str]
    output: str
    directory: str
    force: bool
    patience: float


@click.command()
@click.argument("words", nargs=-1, metavar="[SERVER] NAME...", required=True)
@server_option
@click.option("--tftp", "use_tftp", is_flag=True, help="Fetch over TFTP (UDP), not over TCP.")
@click.option(
    "--output",
    "-o",
    default="",
    metavar="FILE",
    help="Write to FILE; - for standard output. For a single NAME.",
)
@click.option(
    "--directory",
    "-d",
    default=".",
    show_default="this one",
    metavar="FOLDER",
    help="The folder to write to.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@console.as_json
@console.patience
@console.debug
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def get(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    output: str,
    directory: str,
    force: bool,
    as_json: bool,
    patience: float,
    debug: bool,
    quiet: bool,
) -> None:
    """Fetch files from a server, and check what came.

    SERVER is tcp:HOST[:PORT] or tftp://HOST[:PORT][/NAME]; every other word is a NAME. A server
    may also be given by -s.

    A file appears under its name when it is whole and its SHA-256 is the one the server told
    (TFTP tells the size only); a transfer that fails leaves nothing behind. A file that cannot be
    had is one line of its own, the others are fetched all the same, and the exit code is 1.

    \b
      netdemo get hello.txt
      netdemo get tcp:192.0.2.7 photos/one.jpg photos/two.jpg -d ~/Pictures
      netdemo get tftp://192.0.2.7/boot/image.bin
      netdemo get notes.txt -o - | less
    """
    with _errors_shown():
        target, names = _server_and_names(words, server, use_tftp)
        wanted = Wanted(target, names, output, directory, force, patience)
        if not names:
            raise SettingError(f"{words[0]!r}: a server without a NAME; say what to fetch from it")
        if output and len(names) > 1:
            raise SettingError(f"--output {output!r}: is for one NAME, there are {len(names)}")
    failed: list[str] = []

    def fetched(file: Fetched) -> None:
        if not quiet:
            _say(file, _path(wanted, file.name), as_json)

    async def main(reactor: Any) -> None:
        source = (_OverTftp if target.scheme == "tftp" else _OverTcp)(reactor, wanted, fetched)
        source.shown = not quiet and not as_json
        with closing(source):
            failed.extend(await _each(names, source.get))

    console.run(main, debug)
    if failed:
        sys.exit(1)


@click.command()
@click.argument("words", nargs=-1, metavar="[SERVER] [FOLDER]")
@server_option
@click.option("--tftp", "use_tftp", is_flag=True, hidden=True)
@console.as_json
@console.patience
@console.debug
def ls(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    as_json: bool,
    patience: float,
    debug: bool,
) -> None:
    """List the files of a server.

    A line is size, time of the last change, and name. SERVER is tcp:HOST[:PORT]; it may also
    be given by -s. Folders end in a slash. TFTP knows no listings.

    \b
      netdemo ls
      netdemo ls poems
      netdemo ls tcp:192.0.2.7:7009 --json
    """
    with _errors_shown():
        target, names = _server_and_names(words, server, use_tftp)
        if target.scheme == "tftp":
            raise SettingError("TFTP cannot list files; ask the TCP door, as 'netdemo ls tcp:HOST'")
        if len(names) > 1:
            raise SettingError(f"{names[1]!r}: want one FOLDER")

    async def main(reactor: Any) -> None:
        connection = await client.open_client(reactor, target, patience)
        with closing(connection):
            try:
                async for entry in client.ls(connection, *names):
                    console.say(_row(entry), _record(entry), as_json)
            except ClientError as error:
                if error.exit_code != ClientError.exit_code:
                    raise
                raise _hinted("".join(names), error) from error

    console.run(main, debug)


Told = Callable[[Fetched], None]


async def _each(names: list[str], fetch: Callable[[str], Awaitable[None]]) -> list[str]:
    """Fetch what can be had, say why the rest cannot, and return the names of the rest.

    :raises ClientError: it is not about one file: there is no server, or a bad one.
    """
    failed = []
    for name in names:
        try:
            await fetch(name)
        except ClientError as error:
            if error.exit_code != ClientError.exit_code:
                raise
            console.complain(_hinted(name, error))
            failed.append(name)
    return failed


def _hinted(name: str, error: ClientError) -> ClientError:
    if _LIKE_A_SERVER.fullmatch(name):
        return ClientError(f"{error}; for a server: -s {name}")
    if str(error).endswith(": a folder"):
        return ClientError(f"{error}; see netdemo ls {name}")
    return error


class _OverTcp:
    """Files over one connection, which is made when it is needed.

    :ivar shown: show progress.
    """

    shown = True

    def __init__(self, reactor: Any, wanted: Wanted, fetched: Told) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._fetched = fetched
        self._connection: client.FileClient | None = None

    async def get(self, name: str) -> None:
        """Fetch a file; after a failure the rest of an answer may be on its way, so hang up."""
        try:
            # The destination first: what cannot be written need not be asked for.
            with (
                _destination(self._wanted, name) as into,
                progress.shown(name, self.shown) as moved,
            ):
                file = await client.get(await self._connected(), name, into, moved)
        except BaseException:
            self.close()
            raise
        self._fetched(file)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _connected(self) -> client.FileClient:
        if self._connection is None:
            target, patience = self._wanted.target, self._wanted.patience
            self._connection = await client.open_client(self._reactor, target, patience)
        return self._connection


class _OverTftp:
    """Files over TFTP, each a transfer of its own.

    :ivar shown: show progress.
    """

    shown = True

    def __init__(self, reactor: Any, wanted: Wanted, fetched: Told) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._fetched = fetched

    async def get(self, name: str) -> None:
        """Fetch a file."""
        target, patience = self._wanted.target, self._wanted.patience
        with _destination(self._wanted, name) as into, progress.shown(name, self.shown) as moved:
            file, left = await tftp.get(self._reactor, target, name, into, patience, moved)
        self._fetched(file)
        await left

    def close(self) -> None:
        """Nothing outlasts a transfer."""


def _destination(wanted: Wanted, name: str) -> Destination:
    path = _path(wanted, name)
    return StandardOutput() if path == "-" else LocalFile(path, wanted.force)


def _path(wanted: Wanted, name: str) -> str:
    """Return where a file is written to; ``-``: standard output."""
    if wanted.output == "-":
        return "-"
    return os.path.normpath(os.path.join(wanted.directory, wanted.output or local_name(name)))


def _server_and_names(
    words: tuple[str, ...], server: str | None, use_tftp: bool
) -> tuple[Target, list[str]]:
    """Tell the server from the names: it is the option, or a first word with a scheme."""
    names = list(words)
    text, path = server or _HOST, ""
    if server is None and names and _SCHEME.match(names[0]) and not has_scheme(names[0]):
        raise SettingError(f"{names[0]!r}: want tcp:HOST[:PORT] or tftp://HOST[:PORT][/NAME]")
    if server is None and names and has_scheme(names[0]):
        text, path = _url(names.pop(0))
    use_tftp = use_tftp or text.startswith(("tftp:", "udp:"))
    default = FilesSettings().tftp if use_tftp else FilesSettings().tcp
    port = endpoints.parse(default, "datagram" if use_tftp else "stream").port
    target = parse_target(text, port, "tcp")
    if path:
        names.insert(0, path)
    return replace(target, scheme="tftp") if use_tftp else target, names


def _url(text: str) -> tuple[str, str]:
    """Take a path off ``tftp://host/path;mode=octet`` (RFC 3617)."""
    scheme, slashes, rest = text.partition("://")
    host, _, path = rest.partition("/")
    if not slashes or not path:
        return text.rstrip("/"), ""
    path, _, mode = path.partition(";mode=")
    if mode not in ("", "octet"):
        raise SettingError(f"{text!r}: mode {mode!r} is not supported; use octet")
    return f"{scheme}://{host}", path


def _say(file: Fetched, path: str, as_json: bool) -> None:
    written = "" if path in (file.name, "-") else f" -> {safe(path, 4096)}"
    line = (
        f"{safe(file.name)}{written}  {file.size:,} bytes  {file.seconds:.2f} s"
        f"  {rate(file.size, file.seconds)}  sha256 {file.sha256}"
    )
    record = {
        "name": file.name,
        "path": path,
        "size": file.size,
        "seconds": round(file.seconds, 6),
        "sha256": file.sha256,
    }
    if path == "-":  # standard output is the file itself
        click.echo(line, err=True)
    else:
        console.say(line, record, as_json)


def _row(entry: Entry) -> str:
    size = amount(entry.size) if entry.kind == "file" else "-"
    try:
        changed = f"{datetime.fromtimestamp(entry.mtime, UTC).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, OSError, ValueError):  # a server may say anything
        changed = "?"
    return f"{size:>10}  {changed:16}  {safe(entry.name, 4096)}"


def _record(entry: Entry) -> dict[str, Any]:
    name = os.fsdecode(entry.name)
    return {"name": name, "kind": entry.kind, "size": entry.size, "mtime": entry.mtime}


@contextmanager
def _errors_shown() -> Iterator[None]:
    """Show a word of no use in one line, and exit."""
    try:
        yield
    except SettingError as error:
        console.fail(error)
