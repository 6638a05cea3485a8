"""``netdemo get``, ``put`` and ``ls``: files from and to servers, over TCP, TFTP and HTTP."""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urljoin

import click

from twisted_net.files.client.core import Pace, exit_code
from twisted_net.files.client.fetching import Fetching, How
from twisted_net.files.client.sending import Sending, parcels
from twisted_net.files.client.servers import NO_LISTING
from twisted_net.files.progress import screen
from twisted_net.files.telling import Teller, hinted, record, row
from twisted_net.files.wanted import Servers, Wanted, items
from twisted_net.files.words import Asked, over_tls, read_words, target_of
from twisted_net.net import console
from twisted_net.net.clients import Trust, has_scheme
from twisted_net.net.errors import ClientError, SettingError
from twisted_net.net.settings import size, whole
from twisted_net.net.text import counted

server_option = click.option(
    "--server",
    "-s",
    metavar="HOST[:PORT]",
    help="Where to ask. Default: this machine, at the port that netdemo listens on.",
)
tftp_option = click.option(
    "--tftp", "use_tftp", is_flag=True, help="Over TFTP (UDP), not over TCP."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
jobs_option = click.option(
    "--jobs",
    "-j",
    type=console.Read(whole(1, 64)),
    default=4,
    show_default=True,
    metavar="N",
    help="Files at one time.",
)
retries_option = click.option(
    "--retries",
    type=console.Read(whole(0, 1000)),
    default=5,
    show_default=True,
    metavar="N",
    help="Further tries for a transfer that was broken off, or of a server that is busy.",
)


@click.command()
@click.argument("words", nargs=-1, metavar="[SERVER] NAME...", required=True)
@server_option
@tftp_option
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
@click.option("--recursive", "-r", is_flag=True, help="Fetch folders, with all that is in them.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--no-clobber", is_flag=True, help="Leave files that exist; they count as fetched.")
@click.option(
    "--resume", is_flag=True, help="Go on with NAME.part, even if nothing tells where it is from."
)
@jobs_option
@retries_option
@click.option(
    "--limit-rate",
    type=console.Read(size(1, 1 << 40)),
    metavar="BYTES",
    help="Bytes a second for all transfers together, as 500KiB or 10MiB. Not for TFTP.",
)
@console.trust
@console.as_json
@console.patience
@console.debug
@quiet_option
def get(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    output: str,
    directory: str,
    recursive: bool,
    force: bool,
    no_clobber: bool,
    resume: bool,
    jobs: int,
    retries: int,
    limit_rate: int | None,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
    quiet: bool,
) -> None:
    """Fetch files from servers, and check what came.

    SERVER is tcp:HOST[:PORT] or tftp:HOST[:PORT]; it may also be given by -s. A NAME may be a
    URL as well: tcp://HOST/NAME, tftp://HOST/NAME, http:// and https:// of any web server.

    A file appears under its name when it is whole and its SHA-256 is the one the server told
    (TFTP tells the size only, and not every web server a digest). Until then it is NAME.part.
    What was broken off, by Ctrl-C too, is gone on with by the same command; TFTP cannot do that.
    A file that cannot be had is one line of its own, the others are fetched all the same.

    \b
      netdemo get hello.txt
      netdemo get tcp:192.0.2.7 photos/one.jpg photos/two.jpg -d ~/Pictures
      netdemo get -r http://192.0.2.7:7080/files/photos/
      netdemo get tftp://192.0.2.7/boot/image.bin
      netdemo get notes.txt -o - | less
    """
    with _errors_shown():
        asked = [over_tls(each, trust) for each in read_words(words, server, use_tftp)]
        wanted = Wanted(asked, output, directory, recursive)
        _check(wanted, words, resume, limit_rate)
        if force and no_clobber:
            raise SettingError("--force and --no-clobber contradict each other; give one")
    how = How(force, no_clobber, resume, retries, jobs)
    failures: list[ClientError] = []

    async def main(reactor: Any) -> None:
        pace = Pace(limit_rate) if limit_rate else None
        servers = Servers(reactor, patience, pace)
        with screen(not quiet and not as_json) as shown:
            listener = Teller(shown, as_json, quiet)
            dice = random.Random()  # noqa: S311 - no secret
            fetching = Fetching(reactor, how, listener, dice, failures)
            try:
                await fetching.run(items(wanted, servers, fetching.failed))
                await servers.left()
            finally:
                servers.close()

    console.run(main, debug)
    if failures:
        sys.exit(exit_code(failures))


def _check(wanted: Wanted, words: tuple[str, ...], resume: bool, limit_rate: int | None) -> None:
    """Refuse what cannot be meant; raises SettingError."""
    for asked in wanted.words:
        tftp = asked.target.scheme == "tftp"
        if not asked.name and not (wanted.below and not tftp):
            raise SettingError(f"{words[0]!r}: a server without a NAME; say what to fetch from it")
        if tftp and wanted.below:
            raise SettingError("--recursive: " + NO_LISTING)
        if tftp and resume:
            raise SettingError("--resume: TFTP knows no offsets, and always begins anew")
        if tftp and limit_rate:
            raise SettingError("--limit-rate: not for TFTP, whose pace the server sets")
    count = len(wanted.words)
    if wanted.output and (count > 1 or wanted.below):
        several = counted(count, "NAME") if count > 1 else "a whole folder"
        raise SettingError(f"--output {wanted.output!r}: is for one file, this is {several}")


@click.command()
@click.argument("words", nargs=-1, metavar="[SERVER] [FOLDER]")
@server_option
@click.option("--tftp", "use_tftp", is_flag=True, hidden=True)
@console.trust
@console.as_json
@console.patience
@console.debug
def ls(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
) -> None:
    """List the files of a server.

    A line is size, time of the last change, and name. SERVER is tcp:HOST[:PORT]; it may also
    be given by -s. A FOLDER may be a URL: tcp://HOST/FOLDER, or http:// and https:// of a web
    server that shows its folders. Folders end in a slash. TFTP knows no listings.

    \b
      netdemo ls
      netdemo ls poems
      netdemo ls tcp:192.0.2.7:7009 --json
      netdemo ls http://192.0.2.7:7080/files/
    """
    with _errors_shown():
        found = [over_tls(each, trust) for each in read_words(words or ("",), server, use_tftp)]
        asked = found[0]
        if asked.target.scheme == "tftp":
            raise SettingError(NO_LISTING)
        if len(found) > 1:
            raise SettingError(f"{found[1].name!r}: want one FOLDER")

    async def main(reactor: Any) -> None:
        servers = Servers(reactor, patience)
        try:
            async for each in servers[asked].entries(asked.name):
                console.say(row(each.entry), record(each.entry), as_json)
        except ClientError as error:
            if error.exit_code != ClientError.exit_code:
                raise
            raise ClientError(hinted(asked.name, error)) from error
        finally:
            servers.close()

    console.run(main, debug)


@click.command()
@click.argument("words", nargs=-1, metavar="FILE... [TARGET]", required=True)
@server_option
@tftp_option
@click.option(
    "--name", default="", metavar="NAME", help="What a single FILE is to be called there."
)
@click.option("--recursive", "-r", is_flag=True, help="Send folders, with all that is in them.")
@jobs_option
@retries_option
@console.trust
@console.as_json
@console.patience
@console.debug
@quiet_option
def put(
    words: tuple[str, ...],
    server: str | None,
    use_tftp: bool,
    name: str,
    recursive: bool,
    jobs: int,
    retries: int,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
    quiet: bool,
) -> None:
    """Send files to a server that takes them.

    TARGET is tcp:HOST[:PORT] or tftp:HOST[:PORT]; or tcp://HOST/FOLDER/, to put them into a
    folder there; or tcp://HOST/NAME, to give a single file another name; or http:// and https://
    of any web server that takes PUT. A server that netdemo runs takes files with --files-write
    yes, at /files/ of its web door too, and over TFTP with --tftp-write yes.

    A file appears there when it is whole, and over TCP and at netdemo's web door when its SHA-256
    is right as well. Over TCP what was broken off is gone on with by the same command, within a
    day.

    \b
      netdemo put notes.txt
      netdemo put *.jpg tcp://192.0.2.7/photos/
      netdemo put -r site tcp:192.0.2.7
      netdemo put image.bin tftp://192.0.2.7/boot/image.bin
      netdemo put notes.txt http://192.0.2.7:7080/files/
    """
    with _errors_shown():
        paths, asked = _paths_and_target(words, server, use_tftp)
        asked = over_tls(asked, trust)
        folder = asked.name if asked.name.endswith("/") else ""
        name = name or (asked.name if not folder else "")
        if asked.web and folder and name:
            folder, name = "", urljoin(folder, quote(os.fsencode(name)))
        if name and (len(paths) > 1 or recursive):
            raise SettingError(f"{name!r}: is for one file; for a folder write {name + '/'!r}")
    failures: list[ClientError] = []

    async def main(reactor: Any) -> None:
        servers = Servers(reactor, patience)
        with screen(not quiet and not as_json) as shown:
            listener = Teller(shown, as_json, quiet)
            dice = random.Random()  # noqa: S311 - no secret
            sending = Sending(reactor, servers[asked], retries, listener, dice, failures)
            try:
                await sending.run(parcels(paths, folder, name, recursive, asked.web), jobs)
                await servers.left()
            finally:
                servers.close()

    console.run(main, debug)
    if failures:
        sys.exit(exit_code(failures))


def _paths_and_target(
    words: tuple[str, ...], server: str | None, use_tftp: bool
) -> tuple[tuple[str, ...], Asked]:
    """Tell files from the server: it is the option, or a last word with a scheme."""
    last = words[-1]
    if server is None and (has_scheme(last) or "://" in last):
        (asked,) = read_words((last,), None, use_tftp)
        words = words[:-1]
    else:
        asked = Asked(target_of(server or "127.0.0.1", use_tftp), "")
    if not words:
        raise SettingError(f"{last!r}: a server without a FILE; say what to send there")
    return words, asked


@contextmanager
def _errors_shown() -> Iterator[None]:
    """Show a word of no use in one line, and exit."""
    try:
        yield
    except SettingError as error:
        console.fail(error)
