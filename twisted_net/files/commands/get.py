"""``netdemo get``: files from servers."""

import random
import sys
from typing import Any

import click

from twisted_net.files.client.core import Pace, exit_code
from twisted_net.files.client.fetching import Fetching, How
from twisted_net.files.client.servers import NO_LISTING
from twisted_net.files.commands.shared import (
    errors_shown,
    jobs_option,
    quiet_option,
    retries_option,
    server_option,
    tftp_option,
)
from twisted_net.files.progress import screen
from twisted_net.files.telling import Teller
from twisted_net.files.wanted import Servers, Wanted, items
from twisted_net.files.words import over_tls, read_words
from twisted_net.net import console, options
from twisted_net.net.clients import Trust
from twisted_net.net.errors import ClientError, SettingError
from twisted_net.net.settings import size
from twisted_net.net.text import counted


@click.command()
@click.argument("words", nargs=-1, metavar="[SERVER] NAME...", required=True)
@server_option
@tftp_option
@click.option(
    "--output",
    "-o",
    default="",
    metavar="FILE",
    shell_complete=options.files,
    help="Write to FILE; - for standard output. For a single NAME.",
)
@click.option(
    "--directory",
    "-d",
    default=".",
    metavar="FOLDER",
    shell_complete=options.folders,
    help="The folder to write to.  [default: this one]",
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
    with errors_shown():
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
