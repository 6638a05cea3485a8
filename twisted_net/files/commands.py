"""``netdemo get`` and ``netdemo ls``: files from a server, over TCP or TFTP."""

import os
from collections.abc import Callable, Iterator
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
from twisted_net.net.errors import SettingError
from twisted_net.net.text import safe

_HOST = "127.0.0.1"

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

    A file appears under its name when it is whole and its SHA-256 is the one the server told
    (TFTP tells the size only); a transfer that fails leaves nothing behind.

    \b
      netdemo get hello.txt
      netdemo get tcp:192.0.2.7 photos/one.jpg photos/two.jpg -d ~/Pictures
      netdemo get tftp://192.0.2.7/boot/image.bin
      netdemo get notes.txt -o - | less
    """
    with _errors_shown():
        target, names = _server_and_names(words, server, use_tftp)
        wanted = Wanted(target, names, output, directory, force, patience)
        if output and len(names) > 1:
            raise SettingError(f"--output {output!r}: is for one NAME, there are {len(names)}")
    fetch = _get_over_tftp if target.scheme == "tftp" else _get_over_tcp

    def fetched(file: Fetched) -> None:
        if not quiet:
            _say(file, as_json, to_stderr=output == "-")

    async def main(reactor: Any) -> None:
        await fetch(reactor, wanted, not quiet and not as_json, fetched)

    console.run(main, debug)


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
    """List the files of a server: size, time of the last change, name.

    Folders end in a slash. TFTP knows no listings.

    \b
      netdemo ls
      netdemo ls poems
      netdemo ls tcp:192.0.2.7:7009 --json
    """
    with _errors_shown():
        target, names = _server_and_names(words, server, use_tftp)
        if target.scheme == "tftp":
            raise SettingError("TFTP cannot list files; ask the TCP door, as 'netdemo ls HOST'")
        if len(names) > 1:
            raise SettingError(f"{names[1]!r}: want one FOLDER")

    async def main(reactor: Any) -> None:
        connection = await client.open_client(reactor, target, patience)
        with closing(connection):
            async for entry in client.ls(connection, *names):
                console.say(_row(entry), _record(entry), as_json)

    console.run(main, debug)


Told = Callable[[Fetched], None]


async def _get_over_tcp(reactor: Any, wanted: Wanted, shown: bool, fetched: Told) -> None:
    connection: client.FileClient | None = None
    try:
        for name in wanted.names:
            # The destination first: what cannot be written need not be asked for.
            with _destination(wanted, name) as into, progress.shown(name, shown) as moved:
                if connection is None:
                    connection = await client.open_client(reactor, wanted.target, wanted.patience)
                file = await client.get(connection, name, into, moved)
            fetched(file)
    finally:
        if connection is not None:
            connection.close()


async def _get_over_tftp(reactor: Any, wanted: Wanted, shown: bool, fetched: Told) -> None:
    for name in wanted.names:
        with _destination(wanted, name) as into, progress.shown(name, shown) as moved:
            file, left = await tftp.get(reactor, wanted.target, name, into, wanted.patience, moved)
        fetched(file)
        await left


def _destination(wanted: Wanted, name: str) -> Destination:
    if wanted.output == "-":
        return StandardOutput()
    path = wanted.output or local_name(name)
    return LocalFile(os.path.normpath(os.path.join(wanted.directory, path)), wanted.force)


def _server_and_names(
    words: tuple[str, ...], server: str | None, use_tftp: bool
) -> tuple[Target, list[str]]:
    """Tell the server from the names: it is the option, or a first word with a scheme."""
    names = list(words)
    text, path = server or _HOST, ""
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


def _say(file: Fetched, as_json: bool, to_stderr: bool) -> None:
    line = (
        f"{safe(file.name)}  {file.size:,} bytes  {file.seconds:.2f} s"
        f"  {rate(file.size, file.seconds)}  sha256 {file.sha256}"
    )
    record = {
        "name": file.name,
        "size": file.size,
        "seconds": round(file.seconds, 6),
        "sha256": file.sha256,
    }
    if to_stderr:  # standard output is the file itself
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
